import { limits } from "../../limits.ts";
import type { PartsRef, ThreadKey } from "../log.ts";
import { Rope } from "../patches/rope.ts";
import { turn } from "../patches/turns.ts";
import { type Database, LIMIT } from "./database.ts";

/** Of at most 1 MiB each. */
const PARTS_A_TURN = 4;
const OF_UPLOAD = "space = ? AND thread = ? AND upload = ?";

/**
 * Inserts a part. It notes the thread's last position: what follows it may refer to it, so deleting the thread at a
 * later position takes it along and at an earlier one does not.
 */
export function insertPart(
  database: Database,
  { space, thread }: ThreadKey,
  { upload, part, data }: { upload: string; part: number; data: Uint8Array },
  nowMs: number,
): void {
  database.run(
    `INSERT INTO parts (space, thread, upload, part, after_n, expires_at, data) VALUES (?1, ?2, ?3, ?4,
       (SELECT COALESCE(MAX(n), 0) FROM rows WHERE space = ?1 AND thread = ?2), ?5, ?6)`,
    space,
    thread,
    upload,
    part,
    Math.trunc(nowMs) + limits.uploadKeptMs,
    data,
  );
}

/** Parts of an upload in one piece, read a slice a turn; undefined when one is missing. */
export async function joinedParts(
  database: Database,
  { space, thread }: ThreadKey,
  { upload, count, from = 0 }: PartsRef,
): Promise<Uint8Array | undefined> {
  const sql = `SELECT data FROM parts WHERE ${OF_UPLOAD} AND part >= ? AND part < ? ORDER BY part`;
  const parts: Uint8Array[] = [];
  for (let at = from; at < from + count; at += PARTS_A_TURN) {
    if (at > from) await turn();
    const end = Math.min(at + PARTS_A_TURN, from + count);
    const some = database.all(sql, space, thread, upload, at, end);
    parts.push(...some.map(({ data }) => data as Uint8Array));
  }
  return parts.length === count ? await new Rope(parts).joined() : undefined;
}

/** Copies an upload to another thread, as if written when its last position was `after`. A row is known to refer to it. */
export function copyParts(database: Database, from: ThreadKey, to: ThreadKey, upload: string, after: number): void {
  database.run(
    `INSERT INTO parts (space, thread, upload, part, after_n, data)
     SELECT ?, ?, upload, part, ?, data FROM parts WHERE ${OF_UPLOAD}
     ON CONFLICT (space, thread, upload, part) DO NOTHING`,
    to.space,
    to.thread,
    after,
    from.space,
    from.thread,
    upload,
  );
}

export function removeParts(database: Database, { space, thread }: ThreadKey, upload: string): void {
  database.run(`DELETE FROM parts WHERE ${OF_UPLOAD}`, space, thread, upload);
}

export function keepParts(database: Database, { space, thread }: ThreadKey, upload: string): void {
  database.run(`UPDATE parts SET expires_at = NULL WHERE ${OF_UPLOAD}`, space, thread, upload);
}

/** Uploads whose parts do not expire. */
export function keptUploads(database: Database, { space, thread }: ThreadKey): string[] {
  const sql = "SELECT DISTINCT upload FROM parts WHERE space = ? AND thread = ? AND expires_at IS NULL";
  return database.all(sql, space, thread).map(({ upload }) => upload as string);
}

/** Uploads whose parts are to expire. */
export function agedUploads(database: Database, nowMs: number, limit: number): { key: ThreadKey; upload: string }[] {
  const sql = `SELECT DISTINCT space, thread, upload FROM parts WHERE expires_at <= ? ${LIMIT}`;
  return database.all(sql, nowMs, limit).map(({ space, thread, upload }) => ({
    key: { space: space as string, thread: thread as string },
    upload: upload as string,
  }));
}
