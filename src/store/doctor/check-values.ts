import { CairnError } from "../../errors.ts";
import type { Record, StoredValue } from "../../gen/cairn/store/v1/record_pb.ts";
import { ErrorReason } from "../../gen/cairn/v1/error_pb.ts";
import type { ThreadKey } from "../log.ts";
import { valueRef } from "../value-ref.ts";
import { streamValue } from "../value-stream.ts";
import { type ValueSources, ValueTable } from "../value-table.ts";
import type { Finding } from "./finding.ts";

/** A group of values ends with so many bytes of them: what is in memory at a time, besides one value. */
const BYTES_MAX = 16 * 1024 * 1024;

interface Asked {
  n: number;
  ref: string;
  stored: StoredValue;
}

/** Errors that tell of what is stored, and not of the store's being out of reach. */
const ofStored: ReadonlySet<ErrorReason> = new Set([
  ErrorReason.DATA_CORRUPT,
  ErrorReason.VALUE_CHECKSUM,
  ErrorReason.VALUE_NOT_FOUND,
  ErrorReason.LAYOUT_TOO_NEW,
]);

/** What is wrong with stored data, from the error that reading it gave. Throws when it is the store that does not answer. */
export function faultIn(error: unknown): string {
  if (error instanceof CairnError && ofStored.has(error.reason)) return error.message;
  throw error;
}

/** Rebuilds every value of these records, and tells which can't be, or differ from their checksum. */
export async function checkValues(
  sources: ValueSources,
  key: ThreadKey,
  records: { n: number; record: Record }[],
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const group of groupsOf(records)) {
    if (await areAllSound(sources, key, group)) continue;
    for (const { n, ref } of group) {
      const why = await faultOf(sources, key, ref);
      if (why !== undefined) findings.push({ fault: "damaged-value", n, ref, why });
    }
  }
  return findings;
}

function* groupsOf(records: { n: number; record: Record }[]): Iterable<Asked[]> {
  let group: Asked[] = [];
  let bytes = 0;
  for (const { n, record } of records) {
    for (const [index, stored] of record.values.entries()) {
      if (!stored.storage.case) continue;
      const size = Number(stored.sizeBytes);
      if (group.length > 0 && bytes + size > BYTES_MAX) {
        yield group;
        group = [];
        bytes = 0;
      }
      bytes += size;
      group.push({ n, ref: valueRef(n, index), stored });
    }
  }
  if (group.length > 0) yield group;
}

/** All at once where they fit into memory: one that is larger by itself is read part by part. */
async function areAllSound(sources: ValueSources, key: ThreadKey, group: Asked[]): Promise<boolean> {
  if (group.some(({ stored }) => stored.sizeBytes > BYTES_MAX)) return false;
  try {
    await new ValueTable(sources, key).load(
      group.map(({ ref }) => ref),
      () => true,
    );
    return true;
  } catch (error) {
    faultIn(error);
    return false;
  }
}

/** Why a value can't be read; undefined when it can. */
async function faultOf(sources: ValueSources, key: ThreadKey, ref: string): Promise<string | undefined> {
  try {
    const { chunks } = await streamValue(sources, key, ref);
    for await (const _ of chunks);
    return undefined;
  } catch (error) {
    return faultIn(error);
  }
}
