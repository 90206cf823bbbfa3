import type { Post } from "./post.ts";

/**
 * What a backend provides: threads as append-only logs of rows, and a few small tables beside them. Everything
 * that has a meaning (heads, pending writes, requests, retention) is built on this once, in `log-store.ts`.
 */
export interface ThreadKey {
  space: string;
  thread: string;
}

/** One row of a thread's log. */
export interface Row {
  /** Position in the log, from 1. (space, thread, n) is unique: inserting it is commit, compare-and-set and fence. */
  n: number;
  /** A UUID of the attempt to append it, by which an unknown outcome is settled. */
  attempt: string;
  /** Set on rows that hold a visible checkpoint: its namespace, id and place in the order. */
  checkpoint?: { namespace: string; id: string; seq: number };
  /** This row deletes everything before it. */
  floor: boolean;
  /** Look-up keys, see `keys.ts`. */
  keys: string[];
  /** Canonical `key=value` texts of the checkpoint's metadata; a filter is a set of tags that must all be there. */
  tags: string[];
  /** The layout of the record. */
  layout: number;
  /** The encoded cairn.store.v1.Record. */
  body: Uint8Array;
  /** The row may be removed physically after this moment. */
  expiresAtMs?: number;
  /** On a floor: until then somebody may be writing what lies below it, so that no other process removes it. */
  heldUntilMs?: number;
}

/** The small record of a thread that lists read. Written after the commit; trails by a moment; decides nothing. */
export interface ThreadSummary {
  /** Position of the row it was made from; an older summary never replaces a newer. */
  n: number;
  deleted: boolean;
  createdAtMs: number;
  status: number;
  /** When the thread is due to be deleted. */
  expiresAtMs?: number;
  /** Encoded cairn.v1.Thread without metadata. */
  body: Uint8Array;
  /** Set when the row changed them; absent keeps what is there. */
  metadata?: { json: Uint8Array; tags: string[] };
}

/** A thread that is due to be deleted, and since when. */
export interface DueThread {
  key: ThreadKey;
  expiresAtMs: number;
}

export interface Append {
  key: ThreadKey;
  row: Row;
  /** Rows of the same thread to replace in the same atomic act. Rare, so a backend may use a transaction. */
  rewrites: Row[];
  /** Rows to insert in that act, at later positions: once the row has its place, nobody else can have theirs. */
  inserts?: Row[];
  /** Parts to remove in that act: of values that the rewritten rows no longer hold. */
  drops?: PartsRef[];
  summary: ThreadSummary;
}

/** Which checkpoint rows to read, newest first. */
export interface CheckpointQuery {
  /** Absent: every namespace. */
  namespace?: string;
  /** By id: by its UTF-8 bytes; of equal ids, which other namespaces may hold, the highest seq first. */
  order: "seq" | "id";
  /** Only rows before this in the order: a seq, or an id with order "id". */
  before?: { seq: number } | { id: string };
  /** Only rows that have all of these. */
  tags: string[];
  limit: number;
}

/** Some parts of an upload: of a value written in parts, before the row that refers to it. */
export interface PartsRef {
  upload: string;
  count: number;
  /** The first of them; absent: 0, the first of all. */
  from?: number;
}

/** What is written of an upload. */
export interface NewParts {
  upload: string;
  parts: Uint8Array[];
  /** The place of the first of these; absent: 0. At `HEAD_PART` it is told what the parts are. */
  from?: number;
}

/** The place of the part that describes an upload of a client's. */
export const HEAD_PART = -1;

export interface GraphRow {
  name: string;
  hash: string;
  revision: number;
  /** The layout of the record. */
  layout: number;
  body: Uint8Array;
}

/** Some rows of the store, in an order of the backend's own. */
export interface Scan {
  rows: { key: ThreadKey; n: number; layout: number }[];
  /** How much of `Log.sizeAbout` has been gone through since the cursor. */
  looked: number;
  /** The cursor to go on from; absent at the end. */
  next?: string;
}

/** Another encoding of the same record, to take the place of the one that was read. */
export interface Recoded {
  key: ThreadKey;
  n: number;
  from: Uint8Array;
  to: Uint8Array;
  layout: number;
}

export interface Log {
  readonly kind: "embedded" | "mongodb";
  /** No other process can write to this store, so leases of other servers are void. */
  readonly exclusive: boolean;
  /** Where other servers may use the store. */
  readonly post?: Post;

  /**
   * Appends a row, durably. "taken": the position holds another attempt's row. Appends of many threads that
   * arrive in one turn of the event loop go out together; callers have at most one append a thread in flight
   * (storage rule 2). An unknown outcome is settled by reading the position before this returns (rule 3);
   * throws STORE_UNAVAILABLE only when it could not be settled, STORE_FULL when there is no room.
   */
  append(entry: Append): Promise<"appended" | "taken">;
  /** The newest row, whatever it holds. */
  last(key: ThreadKey): Promise<Row | undefined>;
  /**
   * The newest row's position and attempt as one text, "" without a row: equal as long as nothing was written to the
   * thread, since whatever changes older rows appends one in the same act.
   */
  end(key: ThreadKey): Promise<string>;
  /** The same as this process saw it last: where no other writes, as it is. Undefined: it is not known. */
  endSeen(key: ThreadKey): string | undefined;
  /** Rows after position n, in order, expired ones left out. */
  after(key: ThreadKey, n: number, limit: number): Promise<Row[]>;
  /** Checkpoint rows, newest first. Rows below a floor are left out, whether or not they are still there. */
  checkpoints(key: ThreadKey, query: CheckpointQuery): Promise<Row[]>;
  /** Rows that have any of the keys, ordered by n, those below a floor left out. */
  byKeys(key: ThreadKey, keys: string[]): Promise<Row[]>;
  /** Rows before `beforeN` that have the key, newest first. */
  byKeyNewest(key: ThreadKey, lookup: string, beforeN: number, limit: number): Promise<Row[]>;
  /** In one round trip: the rows at these positions, the parts of these uploads, and the rows that have any of these keys. */
  gather(
    key: ThreadKey,
    wanted: { positions: number[]; parts: PartsRef[]; keys: string[] },
  ): Promise<{ rows: Row[]; parts: Map<string, Uint8Array>; keyed: Row[] }>;
  /** Writes parts of a large value, durably. If no row refers to them in `limits.uploadKeptMs`, they may be removed. */
  putParts(key: ThreadKey, parts: NewParts): Promise<void>;
  /** Removes an upload's parts. Safe to repeat. */
  removeParts(key: ThreadKey, upload: string): Promise<void>;
  /** Lets an upload's parts stay for good, as a row refers to them. Safe to repeat. */
  keepParts(key: ThreadKey, upload: string): Promise<void>;
  /** Uploads of the thread whose parts stay for good. */
  keptUploads(key: ThreadKey): Promise<string[]>;
  /** Writes rows below a floor, durably, at positions that nobody else writes to. Safe to repeat. */
  putRows(key: ThreadKey, rows: Row[]): Promise<void>;
  /**
   * Copies parts to another thread, durably, as if written when its last position was `after`. Uploads of which none are
   * there are left out. Safe to repeat.
   */
  copyParts(from: ThreadKey, to: ThreadKey, uploads: PartsRef[], after: number): Promise<void>;
  /** Physically removes rows below the floor at position n and all parts, in bounded batches; then lets the floor row expire if it is still the last. Safe to repeat. */
  truncate(key: ThreadKey, n: number): Promise<void>;

  // Without a thread: these fan out over shards.
  /** Uploads that were written `limits.uploadKeptMs` before this moment, and of which it is not known that a row refers to them. */
  agedUploads(nowMs: number, limit: number): Promise<{ key: ThreadKey; upload: string }[]>;
  /** Rows of any thread in the space that have the key; at most `limit`, ordered by thread and n. */
  findByKey(
    space: string,
    lookup: string,
    after: { thread: string; n: number } | undefined,
    limit: number,
  ): Promise<{ key: ThreadKey; row: Row }[]>;
  /** Threads of the space by creation, newest first; ties by thread id. */
  threads(
    space: string,
    query: { status?: number; tags: string[]; after?: { createdAtMs: number; thread: string }; limit: number },
  ): Promise<{ thread: string; summary: ThreadSummary }[]>;
  /** Thread ids of the space in order, after `after`, straight from the log: also those whose summary is missing. */
  threadIds(space: string, after: string, limit: number): Promise<string[]>;
  /** Threads that their summaries call due by a moment, in the order of their moments, after the one that `after` names. */
  dueThreads(nowMs: number, after: DueThread | undefined, limit: number): Promise<DueThread[]>;
  /** Spaces that hold a thread or a graph, in order, after `after`. */
  spaces(after: string, limit: number): Promise<string[]>;
  /** Removes all graphs of the space. */
  deleteGraphs(space: string): Promise<void>;
  /** Finishes what a stopped process left: truncations, missing summaries, expired rows. Runs at start. */
  sweep(): Promise<void>;

  /** "taken" when the revision exists. */
  putGraph(space: string, graph: GraphRow): Promise<"put" | "taken">;
  /** The latest graph of the name, or the one with the hash. */
  getGraph(space: string, name: string, hash?: string): Promise<GraphRow | undefined>;
  /** The latest graph of each name, in order, after `after`. */
  listGraphs(space: string, after: string, limit: number): Promise<GraphRow[]>;

  // Layouts. Over all spaces.
  /** About how much `scan` goes through. */
  sizeAbout(): Promise<number>;
  /**
   * What layouts rows have, after a cursor ("" at first). Every row that was there when the first scan began is met, unless
   * it is removed meanwhile.
   */
  scan(after: string, limit: number): Promise<Scan>;
  /** Puts records' new encodings in their rows. A row that is not as it was read is left; tells how many were not. */
  recode(rows: Recoded[]): Promise<number>;
  /** All revisions of all graphs, after a cursor ("" at first). */
  scanGraphs(after: string, limit: number): Promise<{ graphs: { space: string; graph: GraphRow }[]; next?: string }>;
  /** Puts a graph's new encoding in the place of `from`. False: it was not as it was read. */
  recodeGraph(space: string, from: GraphRow, to: Pick<GraphRow, "body" | "layout">): Promise<boolean>;

  /** Copies the store, while it serves, to a new folder of this machine. Only where a store is one folder. */
  backup?(folder: string): Promise<void>;
  /** Throws when the store does not answer. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
