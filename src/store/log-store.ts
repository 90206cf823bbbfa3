import { CairnError } from "../errors.ts";
import type { GraphRecord } from "../gen/cairn/store/v1/record_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { limits } from "../limits.ts";
import type { Environment } from "../system/environment.ts";
import { calledRun } from "./called-run.ts";
import { type HistoryQuery, readChannelHistory } from "./channel-history.ts";
import { listCheckpoints } from "./checkpoint-list.ts";
import { partsSettled, readCheckpoint } from "./checkpoint-reader.ts";
import { Committer } from "./committer.ts";
import { deleteExpired } from "./delete-expired.ts";
import { DELETE_BATCH, deletionAfter } from "./delete-runs.ts";
import { floorAfter } from "./delete-thread.ts";
import { type CheckOptions, checkStore } from "./doctor/check-store.ts";
import { readEvents } from "./events.ts";
import * as graphs from "./graphs.ts";
import { checkpointKey, madeByKey, requestKey, runKey } from "./keys.ts";
import type { Log, ThreadKey } from "./log.ts";
import { type MigrateOptions, migrate } from "./migrate.ts";
import { type Copy, copyThread } from "./moving/copy-thread.ts";
import { decodeExport } from "./moving/export-file.ts";
import { exportThread, inChunks } from "./moving/export-thread.ts";
import { type ImportTarget, importThread } from "./moving/import-thread.ts";
import { type Prune, pruneThread } from "./prune.ts";
import { decodeRow } from "./record-codec.ts";
import { findRequest } from "./requests.ts";
import type {
  CheckpointList,
  Committed,
  Draft,
  ReadOptions,
  RequestDraft,
  Store,
  StoredCheckpoint,
  ThreadTail,
} from "./store.ts";
import { listThreads, readThread } from "./thread-list.ts";
import { sweepUploads } from "./upload-sweep.ts";
import { type UploadHeader, upload, uploadTooLarge } from "./uploads.ts";
import { ValueCache } from "./value-cache.ts";
import { parseRef, valueNotFound } from "./value-ref.ts";
import { streamValue, type ValueStream } from "./value-stream.ts";
import { type ValueSources, ValueTable } from "./value-table.ts";

/** Threads or rows looked at in one go, where there may be any number of them. */
const BATCH = 100;

export interface StoreOptions {
  /** How many of a thread's newest records are kept as events. */
  eventRecordsKept?: number;
  /** The largest value that is taken, in bytes. */
  valueBytesMax?: number;
}

/** The store over any log: everything that has a meaning lives here, once for all backends. */
export class LogStore implements Store {
  readonly kind: Store["kind"];
  readonly exclusive: boolean;
  readonly post: Store["post"];
  readonly eventRecordsKept: number;
  readonly valueBytesMax: number;
  readonly #log: Log;
  readonly #environment: Environment;
  readonly #sources: ValueSources;
  readonly #committer: Committer;

  constructor(log: Log, environment: Environment, options: StoreOptions = {}) {
    this.eventRecordsKept = options.eventRecordsKept ?? limits.eventRecordsKeptMax;
    this.valueBytesMax = options.valueBytesMax ?? limits.valueBytesMax;
    this.kind = log.kind;
    this.exclusive = log.exclusive;
    this.post = log.post;
    this.#log = log;
    this.#sources = { log, cache: new ValueCache() };
    this.#environment = environment;
    this.#committer = new Committer(this.#sources, { environment, valueBytesMax: this.valueBytesMax });
  }

  update(key: ThreadKey, change: (thread: ThreadTail) => Promise<Draft | undefined>): Promise<Committed | undefined> {
    return this.#committer.update(key, change);
  }

  append(key: ThreadKey, after: ThreadTail, draft: Draft): Promise<Committed> {
    return this.#committer.append(key, after, draft);
  }

  async deleteThread(
    key: ThreadKey,
    request?: (after: ThreadTail) => Promise<RequestDraft | undefined>,
  ): Promise<boolean> {
    const committed = await this.#committer.updateRaw(key, async (thread) => {
      const stamped = await request?.(thread);
      return thread.exists ? floorAfter(this.#environment, key, thread, stamped) : undefined;
    });
    if (!committed) return false;
    await this.#log.truncate(key, committed.thread.n);
    return true;
  }

  async deleteRuns(space: string, runIds: string[], guard: (thread: ThreadTail) => void): Promise<number> {
    let count = 0;
    for (const runId of new Set(runIds)) {
      let after: { thread: string; n: number } | undefined;
      for (;;) {
        const found = await this.#log.findByKey(space, madeByKey(runId), after, DELETE_BATCH);
        for (const [thread, rows] of Map.groupBy(found, ({ key }) => key.thread)) {
          const positions = rows.map(({ row }) => row.n);
          count += await this.#deleteOfRun({ space, thread }, runId, positions, guard);
        }
        const last = found.at(-1);
        if (!last || found.length < DELETE_BATCH) break;
        after = { thread: last.key.thread, n: last.row.n };
      }
    }
    return count;
  }

  async #deleteOfRun(key: ThreadKey, runId: string, positions: number[], guard: (thread: ThreadTail) => void) {
    const committed = await this.#committer.updateRaw(key, async (thread) => {
      const remaining = positions.filter((n) => n > Number(thread.tail.floor));
      if (!thread.exists || remaining.length === 0) return undefined;
      guard(thread);
      return await deletionAfter(
        this.#log,
        this.#environment,
        key,
        thread,
        remaining,
        ({ checkpoint }) => checkpoint?.runId === runId,
      );
    });
    return committed?.record.deletedCheckpoints.length ?? 0;
  }

  pruneThread(key: ThreadKey, prune: Prune): Promise<number> {
    return pruneThread(this.#parts, key, prune);
  }

  deleteExpired(guard: (thread: ThreadTail) => void, signal: AbortSignal): Promise<number> {
    return deleteExpired(this.#parts, guard, signal);
  }

  copyThread(copy: Copy): Promise<Committed> {
    return copyThread(this.#parts, copy);
  }

  exportThread(key: ThreadKey, signal: AbortSignal) {
    return inChunks(exportThread(this.#parts, key, signal), limits.valuePartBytes);
  }

  importThread(target: ImportTarget, chunks: AsyncIterable<Uint8Array>) {
    return importThread(this.#parts, target, decodeExport(chunks));
  }

  async backup(folder: string): Promise<void> {
    if (this.#log.backup) return await this.#log.backup(folder);
    throw new CairnError(
      ErrorReason.NOT_IMPLEMENTED,
      "only an embedded store is backed up by its server: use mongodump, or snapshots of the replica set",
      { metadata: { store: this.kind } },
    );
  }

  get #parts() {
    return { log: this.#log, environment: this.#environment, committer: this.#committer };
  }

  tail(key: ThreadKey): Promise<ThreadTail> {
    return this.#committer.tail(key);
  }

  getCheckpoint(
    key: ThreadKey,
    namespace: string,
    which: { id: string } | { latestBy: "seq" | "id" },
    options: ReadOptions,
  ): Promise<StoredCheckpoint | undefined> {
    return readCheckpoint(this.#sources, key, namespace, which, options);
  }

  async findCheckpoint(space: string, id: string, options: ReadOptions): Promise<StoredCheckpoint | undefined> {
    let owner: { key: ThreadKey; namespace: string } | undefined;
    let after: { thread: string; n: number } | undefined;
    for (;;) {
      const found = await this.#log.findByKey(space, checkpointKey(id), after, BATCH);
      for (const [thread, rows] of Map.groupBy(found, ({ key }) => key.thread)) {
        const key = { space, thread };
        const namespace = rows.length > 0 ? await this.#namespaceOf(key, id) : undefined;
        if (namespace === undefined) continue;
        if (owner && owner.key.thread !== thread) throw ambiguous(id, [owner.key.thread, thread]);
        owner = { key, namespace };
      }
      const last = found.at(-1);
      if (!last || found.length < BATCH) break;
      after = { thread: last.key.thread, n: last.row.n };
    }
    return owner && (await this.getCheckpoint(owner.key, owner.namespace, { id }, options));
  }

  /** The namespace in which a thread has the checkpoint: the root one or, of others, where it was put last. */
  async #namespaceOf(key: ThreadKey, id: string): Promise<string | undefined> {
    const rows = await this.#log.byKeys(key, [checkpointKey(id)]);
    const found = rows.flatMap(({ checkpoint }) => (checkpoint?.id === id ? [checkpoint] : []));
    const best = found.sort((left, right) => right.seq - left.seq);
    return (best.find(({ namespace }) => namespace === "") ?? best[0])?.namespace;
  }

  listCheckpoints(space: string, list: CheckpointList, options: ReadOptions) {
    return listCheckpoints(this.#sources, space, list, options);
  }

  getChannelHistory(key: ThreadKey, query: HistoryQuery, options: ReadOptions) {
    return readChannelHistory(this.#sources, key, query, options);
  }

  async loadValues(key: ThreadKey, refs: string[]) {
    return await partsSettled(async () => {
      const table = new ValueTable(this.#sources, key);
      const [{ tail, exists }] = await Promise.all([this.tail(key), table.load(refs, () => true)]);
      return new Map(
        refs.map((ref) => {
          if (!exists || parseRef(ref).n <= Number(tail.floor)) throw valueNotFound(ref);
          return [ref, table.value(ref)];
        }),
      );
    });
  }

  upload(key: ThreadKey, header: UploadHeader, chunks: AsyncIterable<Uint8Array>): Promise<string> {
    if (header.sizeBytes > this.valueBytesMax) throw uploadTooLarge(header, this.valueBytesMax);
    return upload(this.#log, this.#environment, key, header, chunks);
  }

  sweepUploads(signal: AbortSignal): Promise<void> {
    return sweepUploads(this.#log, this.#environment.clock.nowMs(), signal);
  }

  streamValue(key: ThreadKey, ref: string): Promise<ValueStream> {
    return streamValue(this.#sources, key, ref);
  }

  async readEvents(key: ThreadKey, after: number, recordLimit: number, readTo?: number) {
    const thread = await this.tail(key);
    return await readEvents(this.#log, key, thread, { after, readTo, recordLimit, kept: this.eventRecordsKept });
  }

  async findRequest(key: ThreadKey, requestId: string, after?: ThreadTail) {
    if (after && this.#committer.lacks(key, after, requestKey(requestId))) return undefined;
    return await findRequest(this.#log, key, requestId, this.#environment.clock.nowMs());
  }

  calledRun(key: ThreadKey, n: number) {
    return calledRun(this.#sources, key, n);
  }

  async runRecords(key: ThreadKey, runId: string | undefined, beforeN: number, limit: number) {
    const rows = await this.#log.byKeyNewest(key, runKey(runId), beforeN, limit);
    return rows.map((row) => ({ n: row.n, record: decodeRow(key, row) }));
  }

  getThread(key: ThreadKey) {
    return readThread(this.#log, key);
  }

  listThreads(space: string, query: Parameters<Store["listThreads"]>[1]) {
    return listThreads(this.#log, space, query);
  }

  listSpaces(pageSize: number, pageToken: string) {
    return graphs.listSpaces(this.#log, pageSize, pageToken);
  }

  async deleteSpace(space: string): Promise<number> {
    let count = 0;
    let after = "";
    for (;;) {
      const threads = await this.#log.threadIds(space, after, BATCH);
      for (const thread of threads) if (await this.deleteThread({ space, thread })) count++;
      const last = threads.at(-1);
      if (last === undefined || threads.length < BATCH) break;
      after = last;
    }
    await this.#log.deleteGraphs(space);
    return count;
  }

  putGraph(space: string, graph: GraphRecord) {
    return graphs.putGraph(this.#log, space, graph);
  }

  getGraph(space: string, name: string, hash?: string) {
    return graphs.getGraph(this.#log, space, name, hash);
  }

  listGraphs(space: string, pageSize: number, pageToken: string) {
    return graphs.listGraphs(this.#log, space, pageSize, pageToken);
  }

  check(options: CheckOptions) {
    return checkStore(this.#parts, options);
  }

  migrate(options: MigrateOptions) {
    return migrate(this.#log, this.#environment, options);
  }

  onCommit(listener: (key: ThreadKey, committed: Committed) => void): () => void {
    return this.#committer.onCommit(listener);
  }

  version(key: ThreadKey): Promise<string> {
    return this.#log.end(key);
  }

  versionSeen(key: ThreadKey): string | undefined {
    return this.#log.endSeen(key);
  }

  ping(): Promise<void> {
    return this.#log.ping();
  }

  close(): Promise<void> {
    return this.#log.close();
  }
}

function ambiguous(id: string, threads: string[]): CairnError {
  const named = threads.map((thread) => JSON.stringify(thread)).join(" and ");
  return new CairnError(
    ErrorReason.CHECKPOINT_AMBIGUOUS,
    `threads ${named} both own checkpoint ${JSON.stringify(id)}`,
    {
      metadata: { checkpoint_id: id },
    },
  );
}
