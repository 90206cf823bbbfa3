import { limits } from "../../limits.ts";
import type { ThreadKey } from "../log.ts";
import type { Database } from "./database.ts";
import { deleteKeys } from "./thread-rows.ts";

/** Rows removed in one transaction. */
const BATCH = 200;

/** Removes some of what lies below the floor at position n; tells whether anything was left to remove. */
export function truncateSome(database: Database, key: ThreadKey, n: number): boolean {
  const { space, thread } = key;
  return database.transaction(() => {
    const sql = "SELECT n FROM rows WHERE space = ? AND thread = ? AND n < ? LIMIT ?";
    const rows = database.all(sql, space, thread, n, BATCH);
    for (const row of rows) removeRow(database, key, row.n as number);
    const parts = database.run(
      `DELETE FROM parts WHERE id IN
         (SELECT id FROM parts WHERE space = ? AND thread = ? AND after_n < ? LIMIT ?)`,
      space,
      thread,
      n,
      BATCH,
    );
    return rows.length + parts > 0;
  });
}

/** Lets the floor's row expire, if nothing has been written after it. */
export function expireFloor(database: Database, { space, thread }: ThreadKey, n: number, nowMs: number): void {
  database.run(
    `UPDATE rows SET expires_at = ? WHERE space = ? AND thread = ? AND n = ? AND floor = 1 AND expires_at IS NULL
       AND n = (SELECT MAX(l.n) FROM rows l WHERE l.space = rows.space AND l.thread = rows.thread)`,
    // Its position stays taken (storage rule 4), and the request that deleted the thread stays known.
    Math.trunc(nowMs) + limits.requestKeptMs,
    space,
    thread,
    n,
  );
}

/** Removes some rows whose time is over; tells whether there were any. */
export function removeExpired(database: Database, nowMs: number): boolean {
  return database.transaction(() => {
    const rows = database.all("SELECT space, thread, n FROM rows WHERE expires_at <= ? LIMIT ?", nowMs, BATCH);
    for (const { space, thread, n } of rows) {
      const key = { space: space as string, thread: thread as string };
      removeRow(database, key, n as number);
      database.run(
        `DELETE FROM threads WHERE space = ?1 AND thread = ?2 AND deleted = 1
           AND NOT EXISTS (SELECT 1 FROM rows WHERE space = ?1 AND thread = ?2)`,
        key.space,
        key.thread,
      );
    }
    return rows.length > 0;
  });
}

/** Floors below which a stopped process has left something, or that have not been let expire. */
export function unfinishedFloors(database: Database): { key: ThreadKey; n: number }[] {
  const sql = `SELECT f.space, f.thread, MAX(f.n) AS n FROM rows f WHERE f.floor = 1 AND f.expires_at IS NULL
    GROUP BY f.space, f.thread`;
  return database.all(sql).map(({ space, thread, n }) => ({
    key: { space: space as string, thread: thread as string },
    n: n as number,
  }));
}

function removeRow(database: Database, key: ThreadKey, n: number): void {
  deleteKeys(database, key, n);
  database.run("DELETE FROM rows WHERE space = ? AND thread = ? AND n = ?", key.space, key.thread, n);
}
