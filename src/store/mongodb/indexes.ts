import type { IndexDescription } from "mongodb";
import type { Collections } from "./collections.ts";

/** Indexes by the name that hints use. The `_id` index, which is `hint.id`, makes positions unique and orders them. */
export const hint = {
  id: "_id_",
  namespaceSeq: "ns_seq",
  allSeq: "all_seq",
  namespaceId: "ns_cid",
  allId: "all_cid",
  keys: "keys",
  floors: "floors",
  aged: "aged",
  due: "due",
} as const;

/** Every one but `_id` is partial: a row that holds no checkpoint costs the insert nothing. */
const log: IndexDescription[] = [
  { name: hint.namespaceSeq, key: { s: 1, t: 1, ns: 1, seq: -1 }, partialFilterExpression: { seq: { $exists: true } } },
  { name: hint.allSeq, key: { s: 1, t: 1, all: 1, seq: -1 }, partialFilterExpression: { seq: { $exists: true } } },
  { name: hint.namespaceId, key: { s: 1, t: 1, ns: 1, cid: -1 }, partialFilterExpression: { cid: { $exists: true } } },
  {
    name: hint.allId,
    key: { s: 1, t: 1, all: 1, cid: -1, seq: -1 },
    partialFilterExpression: { cid: { $exists: true } },
  },
  { name: hint.keys, key: { s: 1, k: 1, t: 1, n: 1 }, partialFilterExpression: { k: { $exists: true } } },
  { name: hint.floors, key: { floor: 1, s: 1, t: 1, n: 1 }, partialFilterExpression: { floor: true } },
  { name: hint.aged, key: { aged: 1 }, partialFilterExpression: { aged: { $exists: true } } },
  { name: "expiry", key: { exp: 1 }, expireAfterSeconds: 0, partialFilterExpression: { exp: { $exists: true } } },
];

const threads: IndexDescription[] = [
  { name: hint.due, key: { due: 1, _id: 1 }, partialFilterExpression: { due: { $exists: true } } },
  { name: "created", key: { s: 1, createdAtMs: -1, t: 1 } },
  { name: "tags", key: { s: 1, tags: 1, createdAtMs: -1, t: 1 }, partialFilterExpression: { tags: { $exists: true } } },
  { name: "expiry", key: { exp: 1 }, expireAfterSeconds: 0, partialFilterExpression: { exp: { $exists: true } } },
];

/** A shard key needs an index that is not partial. Only a sharded cluster pays for it. */
const shard: IndexDescription = { name: "shard", key: { s: 1, t: 1 } };

/** An index counts as built when all voting members have it: the server's own rule, which no write concern changes. */
export async function createIndexes(collections: Collections, sharded: boolean): Promise<void> {
  const extra = sharded ? [shard] : [];
  await collections.log.createIndexes([...log, ...extra]);
  await collections.threads.createIndexes([...threads, ...extra]);
  await collections.graphs.createIndexes([{ name: "revisions", key: { s: 1, name: 1, rev: -1 } }]);
  const expiry: IndexDescription = { name: "expiry", key: { exp: 1 }, expireAfterSeconds: 0 };
  await collections.letters.createIndexes([expiry]);
  await collections.wants.createIndexes([expiry]);
}
