import type { CalledRun, GraphRecord, Lease, Record, Tail, WorkerTask } from "../gen/cairn/store/v1/record_pb.ts";
import type { Checkpoint, PendingWrite } from "../gen/cairn/v1/checkpoint_pb.ts";
import type { MetadataFilter } from "../gen/cairn/v1/checkpoint_service_pb.ts";
import type { Event } from "../gen/cairn/v1/event_pb.ts";
import type { Thread, ThreadStatus } from "../gen/cairn/v1/thread_service_pb.ts";
import type { TypedValue, ValueEntry } from "../gen/cairn/v1/value_pb.ts";

import type { HistoryQuery, StoredHistory } from "./channel-history.ts";
import type { CheckOptions, Checkup } from "./doctor/check-store.ts";
import type { ThreadKey } from "./log.ts";
import type { MigrateOptions, Migration } from "./migrate.ts";
import type { Copy } from "./moving/copy-thread.ts";
import type { Imported, ImportTarget } from "./moving/import-thread.ts";
import type { Post } from "./post.ts";
import type { Prune } from "./prune.ts";
import type { UploadHeader } from "./uploads.ts";
import type { ValueStream } from "./value-stream.ts";

export type { ThreadKey } from "./log.ts";

/** How a thread stands: the position of its last record (0 for a thread nobody wrote to) and what that says. */
export interface ThreadTail {
  n: number;
  tail: Tail;
  /** Whether the thread exists: something has been written since it was last deleted. */
  exists: boolean;
}

/** Writes against one checkpoint. */
export interface DraftWrites {
  namespace: string;
  checkpointId: string;
  writes: PendingWrite[];
}

/** The request that a record is written for. */
export interface RequestDraft {
  id: string;
  bodyHash: Uint8Array;
  /** May be made from the finished record, which knows every reference and number; absent: not known yet. */
  answer?: Uint8Array | ((record: Record) => Uint8Array);
}

/**
 * What a record is to say. Values may be inline: the store gives each a reference; the same TypedValue object
 * in several places (a task's write, the channel it sets, the event that tells of it) is stored once. Values
 * given by reference must be those of this thread.
 */
export interface Draft {
  checkpoint?: Checkpoint;
  /** When the checkpoint's id exists: take its place, replace it and become latest, or refuse. */
  onConflict?: "replace" | "touch" | "fail";
  /** The checkpoint's id was minted just now, so it can't exist and nothing looks for it. */
  hasFreshId?: boolean;
  /** Refuse with HEAD_MISMATCH unless this is the head of the checkpoint's namespace (null: unless it has none). */
  expectedHead?: string | null;
  writes?: DraftWrites[];
  /** Without number and time; the store gives both. A CheckpointSaved event of `checkpoint` is the caller's to add; its seq is filled in. */
  events?: Event[];
  /** It may be looked up while the rest is; what that throws comes before all else that is found. */
  request?: RequestDraft | Promise<RequestDraft | undefined>;
  threadMetadata?: Uint8Array;
  /** How long the thread lives after a change, from this one on; 0: for ever. Absent: as before. */
  ttlMs?: number;
  clearedWrites?: { namespace: string; checkpointId: string }[];
  /** The lease as it stands after this record; absent: as before. */
  lease?: Lease;
  /** The thread's status after this record; absent: as before. */
  status?: ThreadStatus;
  /** The call of a run that a server goes on with by itself from now on, when its turn comes. Its input's values may be inline. */
  call?: CalledRun;
  /** Runs that a server does not go on with by itself any more. */
  endedCalls?: string[];
  /** Tasks that workers hold or wait for, after this record; absent: as before, or none if the record changes the state. */
  workerTasks?: WorkerTask[] | undefined;
  /** The run that its server shall cancel; gracefully: not before the superstep that is going has ended. */
  cancelRun?: { runId: string; gracefully: boolean };
}

/** What has been committed. */
export interface Committed {
  thread: ThreadTail;
  /** The record as stored: every value a reference, every event numbered. */
  record: Record;
}

/** A checkpoint as it is read: values are references, writes merged by the index rules and sorted. */
export interface StoredCheckpoint {
  checkpoint: Checkpoint;
  writes: PendingWrite[];
  /** Every value the two refer to, by reference; without bytes where the reader holds it or wants none. */
  values: Map<string, ValueEntry>;
}

export interface ReadOptions {
  /** "refs": sizes and checksums only. */
  view: "full" | "refs";
  heldRefs?: Set<string>;
  /** Bytes of values that are given; what goes beyond comes without its bytes. Absent: all are given. */
  bytesMax?: number;
  /** Leave out pending writes of records after this position: the checkpoint as it was then. */
  asOf?: number;
}

export interface CheckpointList {
  thread?: string;
  namespace?: string;
  ancestorsOf?: string;
  before?: string;
  filters: MetadataFilter[];
  order: "seq" | "id";
  pageSize: number;
  pageToken: string;
}

/** A request that was made before: with its answer, or still without one. */
export interface KnownRequest {
  bodyHash: Uint8Array;
  answer?: Uint8Array;
  /** Position of the record that holds the answer; of the request's first record while there is none. */
  n: number;
  /** The run its first record began, if it began one. */
  runId?: string;
  atMs: number;
}

export interface EventPage {
  events: Event[];
  /** Pass this as the next `after`. */
  next: number;
  /** The position up to which records have been read. Pass it as the next `readTo`. */
  n: number;
  /** Number of the thread's last event at the time of reading. */
  last: number;
}

/**
 * Keeps threads. One contract, one conformance suite, several backends. Every method throws CairnError only:
 * STORE_UNAVAILABLE when the store can't be reached in time, LAYOUT_TOO_NEW for records of a newer Cairn,
 * VALUE_CHECKSUM (DATA_LOSS) for stored bytes that changed.
 */
export interface Store {
  readonly kind: "embedded" | "mongodb";
  /** No other process can write here, so leases of other servers are void. */
  readonly exclusive: boolean;
  /** What servers leave for each other, where others may use the store. */
  readonly post?: Post | undefined;
  /** How many of a thread's newest records are kept as events. */
  readonly eventRecordsKept: number;
  /** The largest value that is taken, in bytes. */
  readonly valueBytesMax: number;

  // Writing
  /**
   * Changes a thread without holding its lease: reads its tail, asks `change` what to write (undefined:
   * nothing), appends, and begins again when another writer was faster. Calls on one thread queue up in this
   * process. What `change` throws is thrown.
   */
  update(key: ThreadKey, change: (thread: ThreadTail) => Promise<Draft | undefined>): Promise<Committed | undefined>;
  /**
   * Appends for the holder of the lease, right after `after` or what has been written since without touching the
   * lease. Throws STALE_EPOCH when it was taken, or the thread deleted. At most one append a thread at a time.
   */
  append(key: ThreadKey, after: ThreadTail, draft: Draft): Promise<Committed>;
  /**
   * Writes a value as its chunks come, and gives the reference by which one put to the thread can name it, within an hour.
   * Throws VALUE_TOO_LARGE, VALUE_CHECKSUM.
   */
  upload(key: ThreadKey, header: UploadHeader, chunks: AsyncIterable<Uint8Array>): Promise<string>;
  /** Removes uploads that no put has named in time. Safe to end at any moment, and to repeat. */
  sweepUploads(signal: AbortSignal): Promise<void>;
  /** Deletes a thread, whoever holds it. False when there was none. Throws what `request` throws. */
  deleteThread(key: ThreadKey, request?: (after: ThreadTail) => Promise<RequestDraft | undefined>): Promise<boolean>;
  /** Deletes threads whose time to live is over, in bounded batches, and gives their number. `guard` may save one by throwing. */
  deleteExpired(guard: (thread: ThreadTail) => void, signal: AbortSignal): Promise<number>;
  /**
   * Copies a thread, as it is when this begins, with its whole history to one that does not exist. Throws
   * THREAD_NOT_FOUND, THREAD_EXISTS, and what `request` throws.
   */
  copyThread(copy: Copy): Promise<Committed>;
  /** A thread's file in chunks, see docs/export-format.md. Throws THREAD_NOT_FOUND, THREAD_BUSY. */
  exportThread(key: ThreadKey, signal: AbortSignal): AsyncIterable<Uint8Array>;
  /** Makes a thread of a file, whole or not at all. Throws THREAD_EXISTS; INVALID_FIELD where the file is damaged. */
  importThread(target: ImportTarget, chunks: AsyncIterable<Uint8Array>): Promise<Imported>;
  /** Deletes the checkpoints that the runs made, in bounded batches. `guard` may refuse a thread by throwing. */
  deleteRuns(space: string, runIds: string[], guard: (thread: ThreadTail) => void): Promise<number>;

  /**
   * Removes the checkpoints that a rule doesn't keep, in bounded batches, and gives their number. Throws
   * THREAD_NOT_FOUND, and what `guard` throws.
   */
  pruneThread(key: ThreadKey, prune: Prune): Promise<number>;

  // Reading
  tail(key: ThreadKey): Promise<ThreadTail>;
  /** Names what the thread holds: another text after every change, never one that it had before. */
  version(key: ThreadKey): Promise<string>;
  /**
   * The version as this server saw it last: on an exclusive store as it is, on others as it may have been.
   * Undefined: it is not known.
   */
  versionSeen(key: ThreadKey): string | undefined;
  /** A checkpoint by id, or the latest of the namespace. */
  getCheckpoint(
    key: ThreadKey,
    namespace: string,
    which: { id: string } | { latestBy: "seq" | "id" },
    options: ReadOptions,
  ): Promise<StoredCheckpoint | undefined>;
  /** By id alone. Throws CHECKPOINT_AMBIGUOUS when two threads own it. */
  findCheckpoint(space: string, id: string, options: ReadOptions): Promise<StoredCheckpoint | undefined>;
  listCheckpoints(
    space: string,
    list: CheckpointList,
    options: ReadOptions,
  ): Promise<{ entries: StoredCheckpoint[]; nextPageToken: string }>;
  /**
   * What channels of a checkpoint are rebuilt from that it does not hold: see `channel-history.ts`. Undefined when there is
   * no such checkpoint. Throws LIMIT_REACHED.
   */
  getChannelHistory(key: ThreadKey, query: HistoryQuery, options: ReadOptions): Promise<StoredHistory | undefined>;
  /** Values by reference. Throws VALUE_NOT_FOUND. */
  loadValues(key: ThreadKey, refs: string[]): Promise<Map<string, TypedValue>>;
  /** A value in chunks, however large. Throws VALUE_NOT_FOUND; while it is read, VALUE_CHECKSUM. */
  streamValue(key: ThreadKey, ref: string): Promise<ValueStream>;
  /**
   * Events with a number greater than `after` (0: from the oldest kept), of at most `recordLimit` records. A reader
   * that goes on says up to which position it has read: it is refused only what it has not read. Throws EVENTS_PRUNED,
   * EVENTS_AHEAD.
   */
  readEvents(key: ThreadKey, after: number, recordLimit: number, readTo?: number): Promise<EventPage>;
  /**
   * What is known of a request. With `after` the answer is only good for an append right behind that end of the thread,
   * and often takes no asking.
   */
  findRequest(key: ThreadKey, requestId: string, after?: ThreadTail): Promise<KnownRequest | undefined>;
  /** The call of a run that a server goes on with by itself, its values inline, and the request that it came with. */
  calledRun(key: ThreadKey, n: number): Promise<{ call: CalledRun; request: RequestDraft | undefined }>;
  /** Records that tell of runs starting or stopping, newest first, before position `beforeN` (Infinity: all). */
  runRecords(
    key: ThreadKey,
    runId: string | undefined,
    beforeN: number,
    limit: number,
  ): Promise<{ n: number; record: Record }[]>;
  getThread(key: ThreadKey): Promise<Thread | undefined>;
  listThreads(
    space: string,
    query: { status?: ThreadStatus; filters: MetadataFilter[]; pageSize: number; pageToken: string },
  ): Promise<{ threads: Thread[]; nextPageToken: string }>;
  listSpaces(pageSize: number, pageToken: string): Promise<{ spaces: string[]; nextPageToken: string }>;
  /** Deletes all threads and graphs of the space. */
  deleteSpace(space: string): Promise<number>;

  // Graphs
  /** Makes the graph its name's latest; `created` is false when it already was. */
  putGraph(space: string, graph: GraphRecord): Promise<{ revision: number; created: boolean }>;
  getGraph(space: string, name: string, hash?: string): Promise<{ revision: number; graph: GraphRecord } | undefined>;
  listGraphs(
    space: string,
    pageSize: number,
    pageToken: string,
  ): Promise<{ graphs: { revision: number; graph: GraphRecord }[]; nextPageToken: string }>;

  /** Copies the store to a new folder of the server's machine, while it serves. Throws NOT_IMPLEMENTED on MongoDB. */
  backup(folder: string): Promise<void>;
  /** Looks for faults in everything that is stored, and repairs those that can be repaired without loss: see `doctor/`. */
  check(options: CheckOptions): AsyncIterable<Checkup>;
  /** Upgrades records of older layouts, and tells how far it is: see `migrate.ts`. */
  migrate(options: MigrateOptions): AsyncIterable<Migration>;

  /** Calls back after every commit of this process, with the thread it was on; the returned function ends it. */
  onCommit(listener: (key: ThreadKey, committed: Committed) => void): () => void;
  ping(): Promise<void>;
  close(): Promise<void>;
}
