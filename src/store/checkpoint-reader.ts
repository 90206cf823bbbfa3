import { CairnError, invariant } from "../errors.ts";
import type { Record } from "../gen/cairn/store/v1/record_pb.ts";
import type { Checkpoint, PendingWrite } from "../gen/cairn/v1/checkpoint_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { Value } from "../gen/cairn/v1/value_pb.ts";
import { withVersions } from "./checkpoint-versions.ts";
import { checkpointKey, writesKey } from "./keys.ts";
import type { Log, Row, ThreadKey } from "./log.ts";
import { mergeWrites } from "./pending-writes.ts";
import { corrupt } from "./record-codec.ts";
import type { ReadOptions, StoredCheckpoint } from "./store.ts";
import { type ValueSources, ValueTable, wantsBytes } from "./value-table.ts";
import { RefCollector } from "./values-of.ts";

/** Reading takes several round trips, between which a thread may be deleted. Reading anew then tells which it is. */
const ATTEMPTS_MAX = 3;

/** Reads a checkpoint: one call for its row, one for the values and writes, one more if there are large values. */
export async function readCheckpoint(
  sources: ValueSources,
  key: ThreadKey,
  namespace: string,
  which: { id: string } | { latestBy: "seq" | "id" },
  options: ReadOptions,
): Promise<StoredCheckpoint | undefined> {
  return await settled(async () => {
    const { log } = sources;
    const table = new ValueTable(sources, key);
    const found =
      "id" in which
        ? await rowById(log, key, namespace, which.id)
        : await latestRow(log, key, namespace, which.latestBy);
    if (!found.row) return undefined;
    const [entry] = await readEntries(table, [found.row], options, found.keyed);
    return entry;
  });
}

interface FoundRow {
  row: Row | undefined;
  /** Rows of its writes, where they came along. */
  keyed?: Row[];
}

/** The row of the checkpoint with the id, and with it the rows of its writes. */
async function rowById(log: Log, key: ThreadKey, namespace: string, id: string): Promise<FoundRow> {
  const keyed = await log.byKeys(key, [checkpointKey(id), writesKey(namespace, id)]);
  const row = keyed.find(({ checkpoint }) => checkpoint?.id === id && checkpoint.namespace === namespace);
  return { row, keyed };
}

async function latestRow(log: Log, key: ThreadKey, namespace: string, order: "seq" | "id"): Promise<FoundRow> {
  const [row] = await log.checkpoints(key, { namespace, order, tags: [], limit: 1 });
  return { row };
}

/** Repeats a reading that found a value whose parts were missing: if they have just gone, so has the value. */
export async function partsSettled<Result>(read: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await read();
    } catch (error) {
      const isCorrupt = error instanceof CairnError && error.reason === ErrorReason.DATA_CORRUPT;
      if (!isCorrupt || attempt === ATTEMPTS_MAX) throw error;
    }
  }
}

/** Repeats a reading that found a checkpoint whose values had just gone. */
export async function settled<Result>(read: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await partsSettled(read);
    } catch (error) {
      const isGone = error instanceof CairnError && error.reason === ErrorReason.VALUE_NOT_FOUND;
      if (!isGone) throw error;
      if (attempt === ATTEMPTS_MAX)
        throw corrupt("a checkpoint", `it refers to a value that is missing: ${error.message}`, error);
    }
  }
}

/**
 * Completes checkpoint rows of one thread with their writes and values. `keyed` are the rows of their writes
 * where the caller has read them already.
 */
export async function readEntries(
  table: ValueTable,
  rows: Row[],
  options: ReadOptions,
  keyed?: Row[],
): Promise<StoredCheckpoint[]> {
  const wanted = wantsBytes(options, table);
  const counts = ({ n }: Row): boolean => options.asOf === undefined || n <= options.asOf;
  const found = rows.map((row) => {
    const record = table.record(row);
    const checkpoint = checkpointOf(record);
    return { checkpoint, versions: refOf(record.versions), refs: new RefCollector().checkpoint(checkpoint) };
  });
  const versions = new Set(found.flatMap((entry) => entry.versions ?? []));
  const bytes = (ref: string) => versions.has(ref) || wanted(ref);
  const allRefs = () => [...versions, ...found.flatMap(({ refs }) => [...refs.refs])];
  const addWrites = (writes: PendingWrite[][]) => {
    for (const [index, { refs }] of found.entries()) for (const write of writes[index] ?? []) refs.write(write);
    return writes;
  };
  if (keyed) for (const row of keyed) table.record(row);
  const keys = keyed ? [] : found.map(({ checkpoint }) => writesKey(checkpoint.namespace, checkpoint.id));
  // With the writes at hand, their values can be asked for at once.
  const early = keyed && addWrites(mergedWrites(table, keyed.filter(counts), found));
  const writeRows = keyed ?? (await table.load(allRefs(), bytes, keys));
  const writes = early ?? addWrites(mergedWrites(table, writeRows.filter(counts), found));
  await table.load(allRefs(), bytes);
  return found.map(({ checkpoint, versions, refs }, index) => {
    const values = new Map([...refs.refs].map((ref) => [ref, table.entry(ref, wanted(ref))]));
    const whole = versions === undefined ? checkpoint : withVersions(checkpoint, table.value(versions));
    return { checkpoint: whole, writes: writes[index] ?? [], values };
  });
}

function refOf(value: Value | undefined): string | undefined {
  return value?.source.case === "ref" ? value.source.value : undefined;
}

/** The pending writes of each of these checkpoints, of the rows that tell of them. */
export function mergedWrites(table: ValueTable, rows: Row[], found: { checkpoint: Checkpoint }[]): PendingWrite[][] {
  const byKey = new Map<string, Record[]>();
  // The order of the log decides between writes.
  for (const row of [...rows].sort((left, right) => left.n - right.n)) {
    for (const key of row.keys) {
      const records = byKey.get(key);
      if (records) records.push(table.record(row));
      else byKey.set(key, [table.record(row)]);
    }
  }
  return found.map(({ checkpoint: { namespace, id } }) =>
    mergeWrites(byKey.get(writesKey(namespace, id)) ?? [], namespace, id),
  );
}

function checkpointOf(record: Record): Checkpoint {
  invariant(record.checkpoint, "a row listed as a checkpoint holds one");
  return record.checkpoint;
}
