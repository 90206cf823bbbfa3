// Registered graphs. A revision is inserted once and never changes, so its key is the fence.
import { Binary } from "mongodb";
import type { GraphRow } from "../log.ts";
import type { Collections, GraphDocument } from "./collections.ts";
import { layoutOf } from "./documents.ts";
import { isDuplicateKey } from "./errors.ts";
import { type Patience, persist } from "./retry.ts";

export async function insertGraph(
  { graphs }: Collections,
  patience: Patience,
  space: string,
  graph: GraphRow,
): Promise<"put" | "taken"> {
  const { name, revision: rev, hash, layout: l, body } = graph;
  const _id = { s: space, name, rev };
  return await persist(patience, async () => {
    try {
      await graphs.insertOne({ _id, ..._id, hash, l, body: new Binary(body) });
      return "put";
    } catch (error) {
      if (!isDuplicateKey(error)) throw error;
    }
    // It may be of an earlier try of this very call, whose answer was lost.
    const standing = await graphs.findOne({ _id, s: space });
    return standing && Buffer.compare(standing.body.buffer, body) === 0 ? "put" : "taken";
  });
}

export async function findGraph(
  { graphs }: Collections,
  space: string,
  name: string,
  hash?: string,
): Promise<GraphRow | undefined> {
  const filter = { s: space, name, ...(hash !== undefined && { hash }) };
  const found = await graphs.findOne(filter, { sort: { rev: -1 } });
  return found ? toGraph(found) : undefined;
}

export async function latestGraphs(
  { graphs }: Collections,
  space: string,
  after: string,
  limit: number,
): Promise<GraphRow[]> {
  const latest = await graphs
    .aggregate<{ _id: string; rev: number }>([
      { $match: { s: space, name: { $gt: after } } },
      { $group: { _id: "$name", rev: { $max: "$rev" } } },
      { $sort: { _id: 1 } },
      { $limit: limit },
    ])
    .toArray();
  if (latest.length === 0) return [];
  const ids = latest.map(({ _id: name, rev }) => ({ s: space, name, rev }));
  const found = await graphs
    .find({ s: space, _id: { $in: ids } })
    .sort({ name: 1 })
    .toArray();
  return found.map(toGraph);
}

export async function deleteGraphs({ graphs }: Collections, patience: Patience, space: string): Promise<void> {
  await persist(patience, () => graphs.deleteMany({ s: space }));
}

export function toGraph({ name, rev, hash, l, body }: GraphDocument): GraphRow {
  return { name, hash, revision: rev, layout: layoutOf({ l }), body: new Uint8Array(body.buffer) };
}
