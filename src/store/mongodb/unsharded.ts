// The operations that name no thread: on a sharded cluster they ask every shard. They stand here, all of them and
// nothing else, and carry a comment by which tests (and a server's profiler) know them.
import type { Filter } from "mongodb";
import type { DueThread, GraphRow, Row, Scan, ThreadKey, ThreadSummary } from "../log.ts";
import { threadName } from "../thread-name.ts";
import { type Collections, type GraphDocument, READ_MS_MAX, type ThreadDocument } from "./collections.ts";
import { type LogDocument, layoutOf, type PartId, toRow } from "./documents.ts";
import { toGraph } from "./graphs.ts";
import { hint } from "./indexes.ts";
import { toSummary } from "./summaries.ts";

/** On every command of this file, and on no other. */
export const UNSHARDED = "cairn: over all threads";

const options = { comment: UNSHARDED, maxTimeMS: READ_MS_MAX };

export async function findByKey(
  { log }: Collections,
  space: string,
  lookup: string,
  after: { thread: string; n: number } | undefined,
  limit: number,
): Promise<{ key: ThreadKey; row: Row }[]> {
  const found: { key: ThreadKey; row: Row }[] = [];
  for (let from = after; found.length < limit; ) {
    const later: Filter<LogDocument> = from
      ? { t: { $gte: from.thread }, $or: [{ t: { $gt: from.thread } }, { n: { $gt: from.n } }] }
      : {};
    const wanted = limit - found.length;
    const page = await log
      .find({ s: space, k: lookup, ...later }, { ...options, hint: hint.keys })
      .sort({ t: 1, n: 1 })
      .limit(wanted)
      .toArray();
    // Asked for afterwards: a floor that came meanwhile hides rows that are being removed.
    const floors = await floorsOf(log, space, [...new Set(page.map(({ t }) => t))]);
    for (const document of page) {
      const n = document.n as number;
      if (n >= (floors.get(document.t) ?? 0)) found.push({ key: { space, thread: document.t }, row: toRow(document) });
    }
    const last = page.at(-1);
    if (!last || page.length < wanted) break;
    from = { thread: last.t, n: last.n as number };
  }
  return found;
}

async function floorsOf(log: Collections["log"], space: string, threads: string[]): Promise<Map<string, number>> {
  const newest = new Map<string, number>();
  if (threads.length === 0) return newest;
  const floors = await log
    .find({ floor: true, s: space, t: { $in: threads } }, { ...options, hint: hint.floors, projection: { t: 1, n: 1 } })
    .toArray();
  for (const { t, n } of floors) newest.set(t, Math.max(newest.get(t) ?? 0, n as number));
  return newest;
}

/** Uploads of which it is to be seen whether a row refers to them. */
export async function agedUploads(
  { log }: Collections,
  nowMs: number,
  limit: number,
): Promise<{ key: ThreadKey; upload: string }[]> {
  const found = await log
    .find({ aged: { $lte: new Date(nowMs) } }, { ...options, hint: hint.aged, projection: { _id: 1 } })
    .limit(limit)
    .toArray();
  const uploads = new Map<string, { key: ThreadKey; upload: string }>();
  for (const { _id } of found) {
    const { s, t, u } = _id as PartId;
    uploads.set(u, { key: { space: s, thread: t }, upload: u });
  }
  return [...uploads.values()];
}

export async function listThreads(
  { threads }: Collections,
  space: string,
  query: { status?: number; tags: string[]; after?: { createdAtMs: number; thread: string }; limit: number },
): Promise<{ thread: string; summary: ThreadSummary }[]> {
  const { status, tags, after, limit } = query;
  const filter: Filter<ThreadDocument> = { s: space, deleted: false };
  if (status !== undefined) filter.status = status;
  if (tags.length > 0) filter.tags = { $all: tags };
  if (after) {
    filter.createdAtMs = { $lte: after.createdAtMs };
    filter.$or = [{ createdAtMs: { $lt: after.createdAtMs } }, { t: { $gt: after.thread } }];
  }
  const found = await threads.find(filter, options).sort({ createdAtMs: -1, t: 1 }).limit(limit).toArray();
  return found.map((document) => ({ thread: document.t, summary: toSummary(document) }));
}

/** From one thread of the log to the next by leaps over the index: one command a thread, whatever it holds. */
export async function listThreadIds(
  { log }: Collections,
  space: string,
  after: string,
  limit: number,
): Promise<string[]> {
  const ids: string[] = [];
  let from = { s: space, t: after, n: Infinity };
  const end = { s: `${space}\0`, t: "", n: -Infinity };
  while (ids.length < limit) {
    const [next] = await log
      .find({ _id: { $gt: from, $lt: end } }, { ...options, hint: hint.id, projection: { n: 1, t: 1 } })
      .sort({ _id: 1 })
      .limit(1)
      .toArray();
    if (!next) break;
    // Parts stand before a thread's rows, and may have none: a row decides.
    if (next.n !== undefined) ids.push(next.t);
    from = { s: space, t: next.t, n: next.n === undefined ? -0.5 : Infinity };
  }
  return ids;
}

export async function dueThreads(
  { threads }: Collections,
  nowMs: number,
  after: DueThread | undefined,
  limit: number,
): Promise<DueThread[]> {
  const filter: Filter<ThreadDocument> = { due: { $lte: nowMs } };
  if (after) {
    const { expiresAtMs: due, key } = after;
    filter.$or = [{ due: { $gt: due } }, { due, _id: { $gt: { s: key.space, t: key.thread } } }];
  }
  const found = await threads
    .find(filter, { ...options, hint: hint.due, projection: { s: 1, t: 1, due: 1 } })
    .sort({ due: 1, _id: 1 })
    .limit(limit)
    .toArray();
  return found.map(({ s, t, due }) => ({ key: { space: s, thread: t }, expiresAtMs: due as number }));
}

/** From the summaries, so a space may come a moment late. */
export async function listSpaces({ threads, graphs }: Collections, after: string, limit: number): Promise<string[]> {
  const spaces: string[] = [];
  let nextOfThreads: string | undefined;
  let nextOfGraphs: string | undefined;
  for (let last = after; spaces.length < limit; ) {
    const beyond = { s: { $gt: last } };
    const only = { ...options, sort: { s: 1 }, projection: { s: 1 } } as const;
    // Each keeps what it found until the other has come as far.
    if (nextOfThreads === undefined)
      nextOfThreads = (await threads.findOne({ ...beyond, deleted: false }, only))?.s ?? "";
    if (nextOfGraphs === undefined) nextOfGraphs = (await graphs.findOne(beyond, only))?.s ?? "";
    const [next] = [nextOfThreads, nextOfGraphs].filter((space) => space !== "").sort(byBytes);
    if (next === undefined) break;
    spaces.push(next);
    if (nextOfThreads === next) nextOfThreads = undefined;
    if (nextOfGraphs === next) nextOfGraphs = undefined;
    last = next;
  }
  return spaces;
}

function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

/** Floors below which something may be left, in bounded batches. */
export async function unfinishedFloors(
  { log }: Collections,
  after: LogDocument["_id"] | undefined,
  limit: number,
  now: Date,
): Promise<{ _id: LogDocument["_id"]; key: ThreadKey; n: number }[]> {
  const later = after ? { _id: { $gt: after } } : {};
  const found = await log
    .find(
      { floor: true, done: { $exists: false }, until: { $not: { $gt: now } }, ...later },
      { ...options, projection: { s: 1, t: 1, n: 1 } },
    )
    .sort({ _id: 1 })
    .limit(limit)
    .toArray();
  return found.map(({ _id, s, t, n }) => ({ _id, key: { space: s, thread: t }, n: n as number }));
}

/** Where the walk over all threads stands. */
export type Cursor = { s: string; t: string; n: number };

/** The last row of the thread before the cursor's, backwards over the index: one command a thread. */
export async function threadBefore({ log }: Collections, cursor: Cursor | undefined): Promise<LogDocument | undefined> {
  const filter: Filter<LogDocument> = cursor ? { _id: { $lt: cursor } } : {};
  const [found] = await log
    .find(filter, { ...options, hint: hint.id, projection: { body: 0 } })
    .sort({ _id: -1 })
    .limit(1)
    .toArray();
  return found;
}

/** Positions that the threads' summaries were made from. */
export async function summaryPositions({ threads }: Collections, keys: ThreadKey[]): Promise<Map<string, number>> {
  const ids = keys.map(({ space, thread }) => ({ s: space, t: thread }));
  const found = await threads.find({ _id: { $in: ids } }, { ...options, projection: { s: 1, t: 1, n: 1 } }).toArray();
  return new Map(found.map(({ s, t, n }) => [threadName({ space: s, thread: t }), n]));
}

/** How many documents the log has, by what MongoDB keeps count of. */
export function sizeAbout({ log }: Collections): Promise<number> {
  return log.estimatedDocumentCount(options);
}

/** Rows by key, and parts among them, which count as looked at. */
export async function scanRows({ log }: Collections, after: string, limit: number): Promise<Scan> {
  const filter: Filter<LogDocument> = after === "" ? {} : { _id: { $gt: JSON.parse(after) as LogDocument["_id"] } };
  const found = await log
    .find(filter, { ...options, hint: hint.id, projection: { s: 1, t: 1, n: 1, l: 1 } })
    .sort({ _id: 1 })
    .limit(limit)
    .toArray();
  const last = found.at(-1);
  return {
    rows: found.flatMap(({ s, t, n, l }) =>
      n === undefined ? [] : [{ key: { space: s, thread: t }, n, layout: layoutOf({ l }) }],
    ),
    looked: found.length,
    ...(last && found.length === limit && { next: JSON.stringify(last._id) }),
  };
}

export async function scanGraphs(
  { graphs }: Collections,
  after: string,
  limit: number,
): Promise<{ graphs: { space: string; graph: GraphRow }[]; next?: string }> {
  const filter: Filter<GraphDocument> = after === "" ? {} : { _id: { $gt: JSON.parse(after) as GraphDocument["_id"] } };
  const found = await graphs.find(filter, options).sort({ _id: 1 }).limit(limit).toArray();
  const last = found.at(-1);
  return {
    graphs: found.map((document) => ({ space: document.s, graph: toGraph(document) })),
    ...(last && found.length === limit && { next: JSON.stringify(last._id) }),
  };
}
