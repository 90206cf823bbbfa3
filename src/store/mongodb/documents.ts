// The shape of a row in MongoDB, and the way there and back.
import { Binary } from "mongodb";
import { invariant } from "../../errors.ts";
import type { PartsRef, Row, ThreadKey } from "../log.ts";

/** The fields stand in this order everywhere: MongoDB compares embedded documents field by field. */
export interface RowId {
  s: string;
  t: string;
  n: number;
}

/** n is -1, so that no range over the rows of a thread ever meets a part. */
export interface PartId extends RowId {
  u: string;
  i: number;
}

export interface LogDocument {
  _id: RowId | PartId;
  /** Space and thread: the shard key, which is why they stand here a second time. */
  s: string;
  t: string;
  body: Binary;

  // Rows only.
  n?: number;
  /** The layout of its record; absent: 1. */
  l?: number;
  /** The attempt that inserted it. */
  a?: string;
  /** The namespace of the row's checkpoint, or `false` on a floor: one index finds both, in one order. */
  ns?: string | false;
  /** `true` on rows with a checkpoint, `false` on floors: the same for reads of all namespaces. */
  all?: boolean;
  /** The checkpoint's id; `true`, which MongoDB sorts after every string, on a floor. */
  cid?: string | true;
  /** The checkpoint's place in the order; a floor's is its position. */
  seq?: number;
  floor?: true;
  /** Set on a floor once nothing is left below it. */
  done?: true;
  /** On a floor: nothing below it is removed before. */
  until?: Date;
  /** Look-up keys; a floor has `false` among them, so that a look-up sees it in the same query. */
  k?: (string | false)[];
  tags?: string[];
  exp?: Date;

  /** On parts: the thread's last position when they were written. The row that refers to them comes later. */
  after?: number;
  /** On parts of which it is not known yet that a row refers to them: when they may be removed if none does. */
  aged?: Date;
}

export const PART = -1;

export function rowId({ space, thread }: ThreadKey, n: number): RowId {
  return { s: space, t: thread, n };
}

export function partId({ space, thread }: ThreadKey, upload: string, index: number): PartId {
  return { s: space, t: thread, n: PART, u: upload, i: index };
}

/** Of all parts of an upload. */
export function partIds(key: ThreadKey, { upload, count, from = 0 }: PartsRef): PartId[] {
  return Array.from({ length: count }, (_, index) => partId(key, upload, from + index));
}

/** The shard key's fields: every query on a thread names them (storage rule 7). */
export function shardOf({ space, thread }: ThreadKey): { s: string; t: string } {
  return { s: space, t: thread };
}

export function toDocument(key: ThreadKey, row: Row): LogDocument {
  const document: LogDocument = {
    _id: rowId(key, row.n),
    ...shardOf(key),
    n: row.n,
    l: row.layout,
    a: row.attempt,
    body: new Binary(row.body),
  };
  const keys: (string | false)[] = [...row.keys];
  if (row.checkpoint) {
    invariant(!row.floor, "a row that deletes everything before it holds no checkpoint");
    const { namespace, id, seq } = row.checkpoint;
    Object.assign(document, { ns: namespace, all: true, cid: id, seq } satisfies Partial<LogDocument>);
  } else if (row.floor) {
    keys.push(false);
    Object.assign(document, {
      ns: false,
      all: false,
      cid: true,
      seq: row.n,
      floor: true,
    } satisfies Partial<LogDocument>);
  }
  // Empty lists would only fill the partial indexes.
  if (keys.length > 0) document.k = keys;
  if (row.tags.length > 0) document.tags = row.tags;
  if (row.heldUntilMs !== undefined) document.until = new Date(row.heldUntilMs);
  if (row.expiresAtMs !== undefined) document.exp = new Date(row.expiresAtMs);
  return document;
}

export function toRow(document: LogDocument): Row {
  const row: Row = {
    n: document.n as number,
    attempt: document.a as string,
    floor: document.floor === true,
    keys: (document.k ?? []).filter((lookup) => lookup !== false),
    tags: document.tags ?? [],
    layout: layoutOf(document),
    body: bytesOf(document.body),
  };
  if (typeof document.ns === "string") {
    row.checkpoint = { namespace: document.ns, id: document.cid as string, seq: document.seq as number };
  }
  if (document.exp) row.expiresAtMs = document.exp.getTime();
  return row;
}

/** Rows did not say so when all were of layout 1. */
export function layoutOf({ l }: { l?: number }): number {
  return l ?? 1;
}

/** A copy: the driver's bytes are a view of its whole answer, which a small value in a cache would keep alive. */
export function bytesOf(binary: Binary): Uint8Array {
  return new Uint8Array(binary.buffer);
}

/** What a document takes in BSON, a little over rather than under. */
export function bytesAbout(document: LogDocument): number {
  let bytes = 512 + document.body.length() + 4 * (document._id.s.length + document._id.t.length) * 2;
  for (const text of document.k ?? []) bytes += 16 + (text === false ? 0 : 3 * text.length);
  for (const text of document.tags ?? []) bytes += 16 + 3 * text.length;
  return bytes;
}
