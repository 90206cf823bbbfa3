import { create } from "@bufbuild/protobuf";
import { type Patch, PatchSchema } from "../../gen/cairn/store/v1/record_pb.ts";
import { compressed } from "./compression.ts";
import { diff } from "./diff.ts";
import { encodeHunks } from "./hunks.ts";
import { type Succession, stepsOf, type Version } from "./succession.ts";

/** A patch that takes more than this of what the value would take whole is not worth it. */
const WORTH_FRACTION_MAX = 0.75;
/** What may be read besides the value that is stored whole: as much again twice, and this. */
const PATH_BYTES_SPARE = 64 * 1024;

export interface EncodedPatch {
  bytes: Uint8Array;
  compressed: boolean;
  patch: Patch;
}

/** The value at position `n` as a patch of its base; undefined where storing it whole is better. */
export async function patchOf(
  n: number,
  data: Uint8Array,
  base: { data: Uint8Array; version: Version },
  { version, path }: Succession,
): Promise<EncodedPatch | undefined> {
  const { crc32, patch: before } = base.version.stored;
  const hunks = await diff(base.data, data);
  const literalBytes = hunks.reduce((sum, { literal }) => sum + literal.length, 0);
  if (literalBytes > data.length * WORTH_FRACTION_MAX) return undefined;
  const plain = encodeHunks(hunks);
  const small = await compressed(plain);
  const bytes = small ?? plain;
  const wholeBytes = Math.ceil((base.version.wholeBytes * data.length) / Math.max(1, base.data.length));
  const pathBytes = Number(before?.pathBytes ?? 0n) + bytes.length;
  if (bytes.length > wholeBytes * WORTH_FRACTION_MAX || pathBytes > 2 * wholeBytes + PATH_BYTES_SPARE) return undefined;
  const patch = create(PatchSchema, {
    path: stepsOf(n, path),
    version,
    pathBytes: BigInt(pathBytes),
    wholeBytes: BigInt(wholeBytes),
    baseCrc32: crc32,
  });
  return { bytes, compressed: small !== undefined, patch };
}
