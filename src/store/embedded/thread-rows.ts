import type { Append, CheckpointQuery, Row, ThreadKey } from "../log.ts";
import { type Database, LIMIT, type SqlValue } from "./database.ts";
import { removeParts } from "./parts.ts";
import { ROW_COLUMNS, rowColumns, rowOf } from "./row-codec.ts";

/** Where a thread begins: its newest floor. Rows below are gone for every reader, though still on disk. */
const FLOOR = "(SELECT COALESCE(MAX(f.n), 0) FROM rows f WHERE f.space = ? AND f.thread = ? AND f.floor = 1)";

const INSERT = `INSERT INTO rows (${ROW_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (space, thread, n) DO NOTHING`;
const UPDATE = `UPDATE rows SET (attempt, namespace, checkpoint, seq, floor, expires_at, keys, tags, layout, body)
  = (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) WHERE space = ? AND thread = ? AND n = ?`;

/** Inserts the row, unless its position is taken, and what belongs to it. Runs inside a transaction. */
export function insertEntry(
  database: Database,
  { key, row, rewrites, inserts = [], drops = [], summary }: Append,
): "appended" | "taken" {
  if (database.run(INSERT, key.space, key.thread, ...rowColumns(row)) === 0) return standing(database, key, row);
  insertKeys(database, key, row);
  insertRows(database, key, inserts);
  for (const rewrite of rewrites) rewriteRow(database, key, rewrite);
  for (const { upload } of drops) removeParts(database, key, upload);
  const { metadata } = summary;
  database.run(
    `INSERT INTO threads (space, thread, n, deleted, created_at, status, expires_at, body, metadata, tags)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, COALESCE(?, CAST('{}' AS BLOB)), COALESCE(?, '[]'))
     ON CONFLICT (space, thread) DO UPDATE SET n = excluded.n, deleted = excluded.deleted,
       created_at = excluded.created_at, status = excluded.status,
       expires_at = excluded.expires_at, body = excluded.body,
       metadata = ${metadata ? "excluded.metadata" : "metadata"}, tags = ${metadata ? "excluded.tags" : "tags"}`,
    key.space,
    key.thread,
    summary.n,
    summary.deleted ? 1 : 0,
    summary.createdAtMs,
    summary.status,
    summary.expiresAtMs ?? null,
    summary.body,
    metadata?.json ?? null,
    metadata ? JSON.stringify(metadata.tags) : null,
  );
  return "appended";
}

/** Inserts rows that nobody else has a place for. */
export function insertRows(database: Database, key: ThreadKey, rows: Row[]): void {
  for (const row of rows) {
    if (database.run(INSERT, key.space, key.thread, ...rowColumns(row)) > 0) insertKeys(database, key, row);
  }
}

/** The position is held: by the same attempt, sent again, or by another. */
function standing(database: Database, { space, thread }: ThreadKey, { n, attempt }: Row): "appended" | "taken" {
  const found = database.get("SELECT attempt FROM rows WHERE space = ? AND thread = ? AND n = ?", space, thread, n);
  return found?.attempt === attempt ? "appended" : "taken";
}

function rewriteRow(database: Database, key: ThreadKey, row: Row): void {
  const [n, ...columns] = rowColumns(row);
  deleteKeys(database, key, row.n);
  database.run(UPDATE, ...columns, key.space, key.thread, n as number);
  insertKeys(database, key, row);
}

function insertKeys(database: Database, { space, thread }: ThreadKey, { keys, n }: Row): void {
  for (const lookup of keys) {
    database.run("INSERT INTO row_keys (space, lookup, thread, n) VALUES (?, ?, ?, ?)", space, lookup, thread, n);
  }
}

/** Removes a row's look-up keys, which the row itself lists. */
export function deleteKeys(database: Database, { space, thread }: ThreadKey, n: number): void {
  database.run(
    `DELETE FROM row_keys WHERE space = ?1 AND thread = ?2 AND n = ?3 AND lookup IN
       (SELECT e.value FROM rows r, json_each(r.keys) e WHERE r.space = ?1 AND r.thread = ?2 AND r.n = ?3)`,
    space,
    thread,
    n,
  );
}

export function lastRow(database: Database, { space, thread }: ThreadKey): Row | undefined {
  const sql = `SELECT ${ROW_COLUMNS} FROM rows WHERE space = ? AND thread = ? ORDER BY n DESC LIMIT 1`;
  const found = database.get(sql, space, thread);
  return found && rowOf(found);
}

export function endOf(database: Database, { space, thread }: ThreadKey): string {
  const sql = "SELECT n, attempt FROM rows WHERE space = ? AND thread = ? ORDER BY n DESC LIMIT 1";
  const found = database.get(sql, space, thread);
  return found ? `${found.n} ${found.attempt}` : "";
}

export function rowsAfter(database: Database, key: ThreadKey, n: number, limit: number, nowMs: number): Row[] {
  const sql = `SELECT ${ROW_COLUMNS} FROM rows WHERE space = ? AND thread = ? AND n > ? AND n >= ${FLOOR}
    AND (expires_at IS NULL OR expires_at > ?) ORDER BY n ${LIMIT}`;
  return database.all(sql, key.space, key.thread, n, key.space, key.thread, nowMs, limit).map(rowOf);
}

export function checkpointRows(database: Database, { space, thread }: ThreadKey, query: CheckpointQuery): Row[] {
  // The `+` keeps SQLite from finding rows by n, which would read and sort the whole thread to give its newest.
  const conditions = ["space = ?", "thread = ?", "checkpoint IS NOT NULL", `+n > ${FLOOR}`];
  const values: SqlValue[] = [space, thread, space, thread];
  if (query.namespace !== undefined) {
    conditions.push("namespace = ?");
    values.push(query.namespace);
  }
  if (query.before) {
    conditions.push("seq" in query.before ? "seq < ?" : "checkpoint < ?");
    values.push("seq" in query.before ? query.before.seq : query.before.id);
  }
  for (const tag of query.tags) {
    conditions.push("EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?)");
    values.push(tag);
  }
  const order = query.order === "seq" ? "seq DESC" : "checkpoint DESC, seq DESC";
  const sql = `SELECT ${ROW_COLUMNS} FROM rows WHERE ${conditions.join(" AND ")} ORDER BY ${order} ${LIMIT}`;
  return database.all(sql, ...values, query.limit).map(rowOf);
}

const QUALIFIED = ROW_COLUMNS.split(", ")
  .map((column) => `r.${column}`)
  .join(", ");

export function rowsByKeys(database: Database, { space, thread }: ThreadKey, keys: string[]): Row[] {
  if (keys.length === 0) return [];
  // One statement however many keys there are.
  const sql = `SELECT ${QUALIFIED} FROM rows r WHERE r.space = ? AND r.thread = ? AND r.n >= ${FLOOR} AND r.n IN
    (SELECT k.n FROM json_each(?) e CROSS JOIN row_keys k ON k.lookup = e.value WHERE k.space = ? AND k.thread = ?)
    ORDER BY r.n`;
  return database.all(sql, space, thread, space, thread, JSON.stringify(keys), space, thread).map(rowOf);
}

export function rowsByKeyNewest(
  database: Database,
  { space, thread }: ThreadKey,
  lookup: string,
  beforeN: number,
  limit: number,
): Row[] {
  const sql = `SELECT ${QUALIFIED} FROM row_keys k JOIN rows r ON r.space = k.space AND r.thread = k.thread AND r.n = k.n
    WHERE k.space = ? AND k.lookup = ? AND k.thread = ? AND k.n < ? AND k.n >= ${FLOOR} ORDER BY k.n DESC ${LIMIT}`;
  const before = Math.min(beforeN, Number.MAX_SAFE_INTEGER);
  return database.all(sql, space, lookup, thread, before, space, thread, limit).map(rowOf);
}

export function rowsAt(database: Database, { space, thread }: ThreadKey, positions: number[]): Row[] {
  if (positions.length === 0) return [];
  const sql = `SELECT ${ROW_COLUMNS} FROM rows WHERE space = ? AND thread = ? AND n >= ${FLOOR}
    AND n IN (SELECT value FROM json_each(?)) ORDER BY n`;
  return database.all(sql, space, thread, space, thread, JSON.stringify(positions)).map(rowOf);
}
