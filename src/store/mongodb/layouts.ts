// Other encodings of the same records, put in the place of those that were read.
import { Binary } from "mongodb";
import type { GraphRow, Recoded } from "../log.ts";
import type { Collections } from "./collections.ts";
import { rowId, shardOf } from "./documents.ts";
import { type Patience, persist } from "./retry.ts";

/**
 * A row whose body is another one by now does not match. Sent again after an outcome that is unknown, those that were done
 * do not match either: they count as changed, and whoever looks again finds them done.
 */
export async function recodeRows({ log }: Collections, patience: Patience, rows: Recoded[]): Promise<number> {
  const operations = rows.map(({ key, n, from, to, layout }) => ({
    updateOne: {
      filter: { ...shardOf(key), _id: rowId(key, n), body: new Binary(from) },
      update: { $set: { body: new Binary(to), l: layout } },
    },
  }));
  const { matchedCount } = await persist(patience, () => log.bulkWrite(operations, { ordered: false }));
  return rows.length - matchedCount;
}

export async function recodeGraph(
  { graphs }: Collections,
  patience: Patience,
  space: string,
  { name, revision: rev, body }: GraphRow,
  to: Pick<GraphRow, "body" | "layout">,
): Promise<boolean> {
  const filter = { _id: { s: space, name, rev }, s: space, body: new Binary(body) };
  const update = { $set: { body: new Binary(to.body), l: to.layout } };
  return (await persist(patience, () => graphs.updateOne(filter, update))).matchedCount === 1;
}
