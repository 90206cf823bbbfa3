// Removes what lies below a floor. Every step may be repeated, and a floor is marked once nothing is left below it.
import type { Collection, Filter } from "mongodb";
import { limits } from "../../limits.ts";
import type { Environment } from "../../system/environment.ts";
import { durably } from "../durable.ts";
import type { ThreadKey } from "../log.ts";
import type { Collections } from "./collections.ts";
import { type LogDocument, PART, rowId, shardOf } from "./documents.ts";
import { hint } from "./indexes.ts";
import { rowsOf } from "./reads.ts";

/** Rows or parts removed by one command. */
const BATCH = 500;

/** `isStopped` is asked between batches; what is then left is taken up again by a sweep. */
export async function truncateThread(
  { log, threads }: Collections,
  environment: Environment,
  key: ThreadKey,
  n: number,
  isStopped: () => boolean,
): Promise<void> {
  const shard = shardOf(key);
  await removeAll(log, environment, { ...shard, _id: rowsOf(key, 0, n) }, isStopped);
  // Parts written after the floor, or at the same time, may belong to a row that follows it: those stay.
  await removeAll(log, environment, { ...shard, _id: rowsOf(key, PART, 0), after: { $lt: n } }, isStopped);
  if (isStopped()) return;

  // The last row's position must not become free at once: a stale holder could take it (storage rule 4). And the
  // request that deleted the thread is known as long as any other.
  const newer = await log.findOne(
    { ...shard, _id: rowsOf(key, n + 1, Infinity) },
    { hint: hint.id, projection: { _id: 1 } },
  );
  const floor = { ...shard, _id: rowId(key, n), floor: true } as const;
  if (!newer) {
    const expiry = { $set: { exp: new Date(environment.clock.nowMs() + limits.requestKeptMs) } };
    const listed = { ...shard, _id: { ...shard }, deleted: true, n: { $lte: n } };
    await durably(environment, "expire", () => log.updateOne({ ...floor, exp: { $exists: false } }, expiry));
    await durably(environment, "expire", () => threads.updateOne(listed, expiry));
  }
  await durably(environment, "expire", () => log.updateOne(floor, { $set: { done: true } }));
}

async function removeAll(
  log: Collection<LogDocument>,
  environment: Environment,
  filter: Filter<LogDocument>,
  isStopped: () => boolean,
): Promise<void> {
  while (!isStopped()) {
    const found = await log
      .find(filter, { hint: hint.id, projection: { _id: 1 } })
      .sort({ _id: 1 })
      .limit(BATCH)
      .toArray();
    if (found.length === 0) return;
    const ids = { s: filter.s as string, t: filter.t as string, _id: { $in: found.map(({ _id }) => _id) } };
    await durably(environment, "truncate", () => log.deleteMany(ids));
  }
}
