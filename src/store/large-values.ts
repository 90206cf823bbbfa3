import { create } from "@bufbuild/protobuf";
import { PartsSchema, type StoredValue } from "../gen/cairn/store/v1/record_pb.ts";
import { limits } from "../limits.ts";
import type { Environment } from "../system/environment.ts";
import { uuid4 } from "../system/uuid.ts";
import type { Log, ThreadKey } from "./log.ts";

/** While the values take less than this, what else is in the record has room enough, and need not be measured. */
const UNMEASURED_BYTES_MAX = limits.recordBytesMax / 2;

/** About what a Parts message takes. */
const PLACE_HOLDER_BYTES = 64;

/**
 * Writes the values that are too large to ride in a record ahead of it: those over the inline limit, and then
 * the largest ones until `otherBytes` and the rest fit into one record.
 */
export async function writeLargeValues(
  log: Log,
  environment: Environment,
  key: ThreadKey,
  values: StoredValue[],
  otherBytes: () => number,
): Promise<void> {
  let recordBytes = values.reduce((sum, value) => sum + inlineBytes(value), 0);
  if (recordBytes > UNMEASURED_BYTES_MAX) recordBytes += otherBytes();
  const writes: Promise<void>[] = [];
  for (const value of values.toSorted((left, right) => inlineBytes(right) - inlineBytes(left))) {
    const { storage } = value;
    const size = inlineBytes(value);
    if (size <= limits.inlineValueBytesMax && recordBytes <= limits.recordBytesMax) break;
    // Too small to gain anything: its place holder would be as long.
    if (storage.case !== "inline" || size <= PLACE_HOLDER_BYTES) break;
    // A fresh upload each time: parts are never written over, so an attempt that failed can't harm this one.
    const upload = uuid4(environment);
    const parts = splitIntoParts(storage.value);
    const stored = create(PartsSchema, { upload, count: parts.length, sizeBytes: BigInt(size) });
    value.storage = { case: "parts", value: stored };
    recordBytes -= size - PLACE_HOLDER_BYTES;
    writes.push(log.putParts(key, { upload, parts }));
  }
  await Promise.all(writes);
}

function inlineBytes({ storage }: StoredValue): number {
  return storage.case === "inline" ? storage.value.length : 0;
}

export function splitIntoParts(data: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let start = 0; start < data.length; start += limits.valuePartBytes) {
    parts.push(data.subarray(start, start + limits.valuePartBytes));
  }
  return parts;
}
