import type { DueThread, GraphRow, Log, Row, ThreadKey, ThreadSummary } from "../log.ts";
import { type Database, LIMIT, type SqlRow, type SqlValue } from "./database.ts";
import { ROW_COLUMNS, rowOf } from "./row-codec.ts";

/** Questions that span the threads of a space, and the graphs beside them. */

export function rowsOfSpace(
  database: Database,
  space: string,
  lookup: string,
  after: { thread: string; n: number } | undefined,
  limit: number,
): { key: ThreadKey; row: Row }[] {
  const columns = ROW_COLUMNS.split(", ").map((column) => `r.${column}`);
  const sql = `SELECT ${columns.join(", ")} FROM row_keys k
    JOIN rows r ON r.space = k.space AND r.thread = k.thread AND r.n = k.n
    WHERE k.space = ? AND k.lookup = ? AND (k.thread, k.n) > (?, ?)
      AND k.n >= (SELECT COALESCE(MAX(f.n), 0) FROM rows f WHERE f.space = k.space AND f.thread = k.thread AND f.floor = 1)
    ORDER BY k.thread, k.n ${LIMIT}`;
  return database
    .all(sql, space, lookup, after?.thread ?? "", after?.n ?? 0, limit)
    .map((columns) => ({ key: { space, thread: columns.thread as string }, row: rowOf(columns) }));
}

type ThreadsQuery = Parameters<Log["threads"]>[1];

export function threadSummaries(database: Database, space: string, query: ThreadsQuery) {
  const conditions = ["space = ?", "deleted = 0"];
  const values: SqlValue[] = [space];
  if (query.status !== undefined) {
    conditions.push("status = ?");
    values.push(query.status);
  }
  if (query.after) {
    conditions.push("(created_at < ? OR (created_at = ? AND thread > ?))");
    values.push(query.after.createdAtMs, query.after.createdAtMs, query.after.thread);
  }
  for (const tag of query.tags) {
    conditions.push("EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?)");
    values.push(tag);
  }
  const sql = `SELECT * FROM threads WHERE ${conditions.join(" AND ")} ORDER BY created_at DESC, thread ${LIMIT}`;
  return database
    .all(sql, ...values, query.limit)
    .map((columns) => ({ thread: columns.thread as string, summary: summaryOf(columns) }));
}

function summaryOf(columns: SqlRow): ThreadSummary {
  return {
    n: columns.n as number,
    deleted: columns.deleted === 1,
    createdAtMs: columns.created_at as number,
    status: columns.status as number,
    body: columns.body as Uint8Array,
    metadata: { json: columns.metadata as Uint8Array, tags: JSON.parse(columns.tags as string) as string[] },
  };
}

export function threadIds(database: Database, space: string, after: string, limit: number): string[] {
  // Every row is committed with its thread's summary here, so the summaries are as good as the log.
  const sql = `SELECT thread FROM threads WHERE space = ? AND thread > ? ORDER BY thread ${LIMIT}`;
  return database.all(sql, space, after, limit).map(({ thread }) => thread as string);
}

export function dueThreads(
  database: Database,
  nowMs: number,
  after: DueThread | undefined,
  limit: number,
): DueThread[] {
  const sql = `SELECT space, thread, expires_at FROM threads
    WHERE expires_at <= ? AND (expires_at, space, thread) > (?, ?, ?) ORDER BY expires_at, space, thread ${LIMIT}`;
  const { expiresAtMs = 0, key = { space: "", thread: "" } } = after ?? {};
  return database.all(sql, nowMs, expiresAtMs, key.space, key.thread, limit).map(({ space, thread, expires_at }) => ({
    key: { space: space as string, thread: thread as string },
    expiresAtMs: expires_at as number,
  }));
}

export function spaces(database: Database, after: string, limit: number): string[] {
  const sql = `SELECT space FROM threads WHERE deleted = 0 AND space > ?1 GROUP BY space
    UNION SELECT space FROM graphs WHERE space > ?1 GROUP BY space ORDER BY space LIMIT ?2`;
  return database.all(sql, after, limit).map(({ space }) => space as string);
}

export function insertGraph(database: Database, space: string, graph: GraphRow): "put" | "taken" {
  const sql = `INSERT INTO graphs (space, name, revision, hash, layout, body) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (space, name, revision) DO NOTHING`;
  const { name, revision, hash, layout, body } = graph;
  return database.run(sql, space, name, revision, hash, layout, body) === 1 ? "put" : "taken";
}

export function findGraph(database: Database, space: string, name: string, hash?: string): GraphRow | undefined {
  const byHash = hash === undefined ? "" : "AND hash = ?";
  const sql = `SELECT * FROM graphs WHERE space = ? AND name = ? ${byHash} ORDER BY revision DESC LIMIT 1`;
  const found = database.get(sql, space, name, ...(hash === undefined ? [] : [hash]));
  return found && graphOf(found);
}

export function latestGraphs(database: Database, space: string, after: string, limit: number): GraphRow[] {
  const sql = `SELECT g.* FROM graphs g WHERE g.space = ? AND g.name > ? AND g.revision =
    (SELECT MAX(revision) FROM graphs WHERE space = g.space AND name = g.name) ORDER BY g.name ${LIMIT}`;
  return database.all(sql, space, after, limit).map(graphOf);
}

export function graphOf(columns: SqlRow): GraphRow {
  return {
    name: columns.name as string,
    hash: columns.hash as string,
    revision: columns.revision as number,
    layout: columns.layout as number,
    body: columns.body as Uint8Array,
  };
}
