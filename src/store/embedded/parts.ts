import { limits } from "../../limits.ts";
import type { PartsRef, ThreadKey } from "../log.ts";
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
  const of = `FROM parts WHERE ${OF_UPLOAD} AND part >= ? AND part < ?`;
  const sizeOf = `SELECT COUNT(*) AS found, COALESCE(SUM(LENGTH(data)), 0) AS bytes ${of}`;
  const [size] = database.all(sizeOf, space, thread, upload, from, from + count);
  if (size?.found !== count) return undefined;
  const whole = new Uint8Array(size.bytes as number);
  let filled = 0;
  for (let at = from; at < from + count; at += PARTS_A_TURN) {
    if (at > from) await turn();
    const end = Math.min(at + PARTS_A_TURN, from + count);
    for (const { data } of database.all(`SELECT data ${of} ORDER BY part`, space, thread, upload, at, end)) {
      const part = data as Uint8Array;
      if (filled + part.length > whole.length) return undefined;
      whole.set(part, filled);
      filled += part.length;
    }
  }
  // Removed meanwhile.
  return filled === whole.length ? whole : undefined;
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
