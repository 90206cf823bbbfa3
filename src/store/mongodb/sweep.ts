// What a stopped process left: truncations half done, and summaries that never came. Rows expire by themselves.
import { create } from "@bufbuild/protobuf";
import { CairnError } from "../../errors.ts";
import { type Record, RecordSchema } from "../../gen/cairn/store/v1/record_pb.ts";
import { ErrorReason } from "../../gen/cairn/v1/error_pb.ts";
import type { Row, ThreadKey, ThreadSummary } from "../log.ts";
import { decodeRow } from "../record-codec.ts";
import { threadName } from "../thread-name.ts";
import { summaryOf } from "../thread-record.ts";
import type { Collections } from "./collections.ts";
import type { LogDocument } from "./documents.ts";
import { gather, readLast } from "./reads.ts";
import type { Summaries } from "./summaries.ts";
import { type Cursor, summaryPositions, threadBefore, unfinishedFloors } from "./unsharded.ts";

/** Threads or floors held in memory at a time. */
const BATCH = 200;

export interface Sweeper {
  collections: Collections;
  summaries: Summaries;
  truncate: (key: ThreadKey, n: number) => Promise<void>;
  isStopped: () => boolean;
  now: Date;
}

export async function sweepAll(sweeper: Sweeper): Promise<void> {
  await finishTruncations(sweeper);
  await repairSummaries(sweeper);
}

async function finishTruncations({ collections, truncate, isStopped, now }: Sweeper): Promise<void> {
  let last: LogDocument["_id"] | undefined;
  while (!isStopped()) {
    const floors = await unfinishedFloors(collections, last, BATCH, now);
    for (const { key, n } of floors) {
      if (!isStopped()) await truncate(key, n);
    }
    if (floors.length < BATCH) return;
    last = floors.at(-1)?._id;
  }
}

/** Walks over all threads; what is written meanwhile brings its own summary. */
async function repairSummaries(sweeper: Sweeper): Promise<void> {
  let cursor: Cursor | undefined;
  let ends: { key: ThreadKey; n: number }[] = [];
  while (!sweeper.isStopped()) {
    const last = await threadBefore(sweeper.collections, cursor);
    if (!last) break;
    cursor = { s: last.s, t: last.t, n: -Infinity };
    // A thread of parts only was never written to.
    if (last.n !== undefined) ends.push({ key: { space: last.s, thread: last.t }, n: last.n });
    if (ends.length < BATCH) continue;
    await repairBatch(sweeper, ends);
    ends = [];
  }
  if (ends.length > 0) await repairBatch(sweeper, ends);
}

async function repairBatch(
  { collections, summaries, isStopped }: Sweeper,
  ends: { key: ThreadKey; n: number }[],
): Promise<void> {
  const positions = await summaryPositions(
    collections,
    ends.map(({ key }) => key),
  );
  for (const { key, n } of ends) {
    if (isStopped()) return;
    if ((positions.get(threadName(key)) ?? 0) >= n) continue;
    const summary = await rebuildSummary(collections, key).catch(newerIsLeft);
    if (summary) summaries.put(key, summary);
  }
  await summaries.flush();
}

/** Whoever writes a newer layout keeps that thread's summary. */
function newerIsLeft(error: unknown): undefined {
  if (!(error instanceof CairnError) || error.reason !== ErrorReason.LAYOUT_TOO_NEW) throw error;
}

/** What the last row says of the thread, and the metadata from the row that holds them. */
async function rebuildSummary({ log }: Collections, key: ThreadKey): Promise<ThreadSummary | undefined> {
  const row = await readLast(log, key);
  if (!row) return undefined;
  const record = decodeRow(key, row);
  const at = Number(record.tail?.metadataAt ?? 0n);
  const threadMetadata = record.threadMetadata ?? (at === 0 ? undefined : await metadataAt(log, key, at));
  return summaryOf(key, row.n, create(RecordSchema, { ...record, threadMetadata }), threadMetadata === undefined);
}

async function metadataAt(log: Collections["log"], key: ThreadKey, n: number): Promise<Record["threadMetadata"]> {
  const { rows } = await gather(log, key, { positions: [n], parts: [], keys: [] });
  const [row] = rows as [Row?];
  return row && decodeRow(key, row).threadMetadata;
}
