import type { GraphRow, Recoded, Scan, ThreadKey } from "../log.ts";
import { type Database, LIMIT } from "./database.ts";
import { graphOf } from "./space-tables.ts";

/** The layouts of stored records, and putting other encodings in their place. */

/** The highest row id: SQLite finds it without counting. */
export function sizeAbout(database: Database): number {
  return Number(database.get("SELECT COALESCE(MAX(id), 0) AS id FROM rows")?.id);
}

/** By the order in which rows came. */
export function scan(database: Database, after: string, limit: number): Scan {
  const from = Number(after);
  const sql = `SELECT id, space, thread, n, layout FROM rows WHERE id > ? ORDER BY id ${LIMIT}`;
  const found = database.all(sql, from, limit);
  const last = found.at(-1)?.id as number | undefined;
  return {
    rows: found.map(({ space, thread, n, layout }) => ({
      key: { space: space as string, thread: thread as string },
      n: n as number,
      layout: layout as number,
    })),
    looked: (last ?? from) - from,
    ...(found.length === limit && { next: `${last}` }),
  };
}

export function recodeRow(database: Database, { key, n, from, to, layout }: Recoded): boolean {
  const sql = "UPDATE rows SET layout = ?, body = ? WHERE space = ? AND thread = ? AND n = ? AND body = ?";
  return database.run(sql, layout, to, ...keyColumns(key), n, from) === 1;
}

export function scanGraphs(database: Database, after: string, limit: number) {
  const from = after === "" ? ["", "", 0] : (JSON.parse(after) as [string, string, number]);
  const sql = `SELECT * FROM graphs WHERE (space, name, revision) > (?, ?, ?) ORDER BY space, name, revision ${LIMIT}`;
  const found = database.all(sql, ...from, limit);
  const last = found.at(-1);
  return {
    graphs: found.map((columns) => ({ space: columns.space as string, graph: graphOf(columns) })),
    ...(last && found.length === limit && { next: JSON.stringify([last.space, last.name, last.revision]) }),
  };
}

export function recodeGraph(
  database: Database,
  space: string,
  from: GraphRow,
  to: Pick<GraphRow, "body" | "layout">,
): boolean {
  const sql = "UPDATE graphs SET layout = ?, body = ? WHERE space = ? AND name = ? AND revision = ? AND body = ?";
  return database.run(sql, to.layout, to.body, space, from.name, from.revision, from.body) === 1;
}

function keyColumns({ space, thread }: ThreadKey): [string, string] {
  return [space, thread];
}
