import { crc32 } from "node:zlib";
import { SLICE_BYTES, turn } from "./turns.ts";

/** CRC-32 of a value. Takes turns with other work where it is large. */
export async function checksumOf(data: Uint8Array): Promise<number> {
  if (data.length <= SLICE_BYTES) return crc32(data);
  let sum = 0;
  for (let at = 0; at < data.length; at += SLICE_BYTES) {
    sum = crc32(data.subarray(at, at + SLICE_BYTES), sum);
    await turn();
  }
  return sum;
}
