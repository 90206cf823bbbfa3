import { promisify } from "node:util";
import { constants, zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from "node:zlib";
import { corrupt } from "../record-codec.ts";

/** Less than this is not worth the time. */
const WORTH_BYTES_MIN = 512;
/** Larger ones are compressed by another thread. */
const AT_ONCE_BYTES_MAX = 64 * 1024;
/** Larger ones are compressed less well, in half the time. */
const THOROUGH_BYTES_MAX = 1024 * 1024;

const compressAside = promisify(zstdCompress);
const decompressAside = promisify(zstdDecompress);

/** The bytes compressed by zstd; undefined where that gains nothing to speak of. */
export async function compressed(data: Uint8Array): Promise<Uint8Array | undefined> {
  if (data.length < WORTH_BYTES_MIN) return undefined;
  const level = data.length > THOROUGH_BYTES_MAX ? 1 : 3;
  const options = { params: { [constants.ZSTD_c_compressionLevel]: level }, pledgedSrcSize: data.length };
  const small = data.length > AT_ONCE_BYTES_MAX ? await compressAside(data, options) : zstdCompressSync(data, options);
  return small.length < data.length * 0.9 ? small : undefined;
}

/** Undoes `compressed`. Throws DATA_CORRUPT, also when more comes out than `bytesMax`. */
export async function decompressed(data: Uint8Array, bytesMax: number, what: string): Promise<Uint8Array> {
  const options = { maxOutputLength: Math.max(1, bytesMax) };
  try {
    return bytesMax > AT_ONCE_BYTES_MAX ? await decompressAside(data, options) : zstdDecompressSync(data, options);
  } catch (cause) {
    throw corrupt(what, "its bytes cannot be decompressed", cause);
  }
}
