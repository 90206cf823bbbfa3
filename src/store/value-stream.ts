import { crc32 } from "node:zlib";
import type { Parts, StoredValue } from "../gen/cairn/store/v1/record_pb.ts";
import { splitIntoParts } from "./large-values.ts";
import type { ThreadKey } from "./log.ts";
import { corrupt } from "./record-codec.ts";
import { parseRef, valueNotFound } from "./value-ref.ts";
import { type ValueSources, ValueTable, valueChecksum } from "./value-table.ts";

/** A value as it is read: what it is, and its bytes in chunks. */
export interface ValueStream {
  type: string;
  sizeBytes: bigint;
  crc32: number;
  chunks: AsyncIterable<Uint8Array>;
}

/** Parts read at a time. */
const PARTS_AT_ONCE = 4;

/** Opens a value. One that is stored in parts as it is goes from the store to the reader without ever being whole here. */
export async function streamValue(sources: ValueSources, key: ThreadKey, ref: string): Promise<ValueStream> {
  parseRef(ref);
  const table = new ValueTable(sources, key);
  await table.load([ref], () => false);
  const stored = table.stored(ref);
  if (!stored) throw valueNotFound(ref);
  const { type, sizeBytes, crc32, storage, compressed, patch } = stored;
  const isPlain = storage.case === "parts" && !compressed && !patch;
  const chunks = isPlain ? partByPart(sources, key, ref, stored, storage.value) : sliced(table, ref);
  return { type, sizeBytes, crc32, chunks };
}

async function* partByPart(
  { log }: ValueSources,
  key: ThreadKey,
  ref: string,
  stored: StoredValue,
  { upload, count }: Parts,
): AsyncIterable<Uint8Array> {
  let sum = 0;
  for (let from = 0; from < count; from += PARTS_AT_ONCE) {
    const wanted = { upload, from, count: Math.min(PARTS_AT_ONCE, count - from) };
    const { parts } = await log.gather(key, { positions: [], parts: [wanted], keys: [] });
    const data = parts.get(upload);
    if (!data) throw corrupt(`value ${ref}`, `parts ${upload} are missing`);
    sum = crc32(data, sum);
    yield* splitIntoParts(data);
  }
  // Too late to take anything back, but the reader must not believe it.
  if (sum !== stored.crc32) throw valueChecksum(key, ref);
}

async function* sliced(table: ValueTable, ref: string): AsyncIterable<Uint8Array> {
  await table.load([ref], () => true);
  yield* splitIntoParts(table.value(ref).data);
}
