// The small records of threads that lists read. They are written after the commit and decide nothing.
import { type AnyBulkWriteOperation, Binary, type Collection, MongoBulkWriteError } from "mongodb";
import type { Environment } from "../../system/environment.ts";
import { durably } from "../durable.ts";
import type { ThreadKey, ThreadSummary } from "../log.ts";
import { threadName } from "../thread-name.ts";
import type { ThreadDocument } from "./collections.ts";
import { shardOf } from "./documents.ts";
import { DUPLICATE_KEY } from "./errors.ts";
import { answered } from "./retry.ts";

/** Pause between two rounds of writing: a thread that commits often costs few writes. */
const PAUSE_MS = 250;
const BATCH = 500;
/** How long a list waits for summaries that are being written. */
const FLUSH_MS_MAX = 2_000;

type Operation = AnyBulkWriteOperation<ThreadDocument>;

interface Metadata {
  n: number;
  value: ThreadSummary["metadata"];
}

interface Pending {
  key: ThreadKey;
  summary: ThreadSummary;
  metadata: Metadata | undefined;
  /** It begins at position 1: an expired thread of the same id may have left a summary. */
  begins: boolean;
}

export class Summaries {
  readonly #threads: Collection<ThreadDocument>;
  readonly #environment: Environment;
  readonly #onProblem: (error: unknown) => void;
  #pending = new Map<string, Pending>();
  #round: Promise<void> | undefined;

  constructor(threads: Collection<ThreadDocument>, environment: Environment, onProblem: (error: unknown) => void) {
    this.#threads = threads;
    this.#environment = environment;
    this.#onProblem = onProblem;
  }

  /** Notes a summary to be written soon. Of one thread, the newest counts. */
  put(key: ThreadKey, summary: ThreadSummary): void {
    const thread = threadName(key);
    const before = this.#pending.get(thread);
    this.#pending.set(thread, before ? merge(before, pendingOf(key, summary)) : pendingOf(key, summary));
    this.#round ??= this.#writeRounds();
  }

  /**
   * Waits until what was noted before has been written or failed to be, but not for long: a list may trail, and must
   * not hang on a write that an outage has left without an answer.
   */
  async flush(): Promise<void> {
    if (this.#pending.size > 0) this.#write().catch(this.#onProblem);
    await new Promise<void>((resolve) => {
      const cancelTimer = this.#environment.clock.after(FLUSH_MS_MAX, resolve);
      const done = (): void => {
        cancelTimer();
        resolve();
      };
      this.#writing.then(done, done);
    });
  }

  #writing: Promise<void> = Promise.resolve();

  async #writeRounds(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    await this.#write();
    await new Promise<void>((resolve) => this.#environment.clock.after(PAUSE_MS, resolve));
    this.#round = this.#pending.size > 0 ? this.#writeRounds() : undefined;
  }

  /** One write at a time, so that of one thread the order is kept. */
  #write(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const pending = [...this.#pending.values()];
      this.#pending = new Map();
      for (let from = 0; from < pending.length; from += BATCH) {
        await this.#writeBatch(pending.slice(from, from + BATCH));
      }
    });
    return this.#writing;
  }

  async #writeBatch(batch: Pending[]): Promise<void> {
    const nowMs = this.#environment.clock.nowMs();
    try {
      const met = await this.#writeAll(batch.flatMap((pending) => operationsOf(pending, nowMs)));
      if (met.length > 0) await this.#writeAll(met.map(withoutInsert));
    } catch (error) {
      this.#onProblem(error);
    }
  }

  /**
   * Gives the operations that tried to insert a summary and met one. It is newer, or another server inserted an older
   * one at the same moment: an update that inserts nothing finds out which.
   */
  async #writeAll(operations: Operation[]): Promise<Operation[]> {
    try {
      const write = () => this.#threads.bulkWrite(operations, { ordered: false });
      await durably(this.#environment, "summaries", () => answered(this.#environment, write));
      return [];
    } catch (error) {
      if (!isAllDuplicates(error)) throw error;
      return [error.writeErrors].flat().map(({ index }) => operations[index] as Operation);
    }
  }
}

function pendingOf(key: ThreadKey, summary: ThreadSummary): Pending {
  // A deleted thread has no metadata, and one that is made anew under its name doesn't inherit any.
  const changed = summary.metadata !== undefined || summary.deleted;
  const metadata = changed ? { n: summary.n, value: summary.metadata } : undefined;
  return { key, summary, metadata, begins: summary.n === 1 };
}

function merge(one: Pending, other: Pending): Pending {
  const [older, newer] = one.summary.n <= other.summary.n ? [one, other] : [other, one];
  return { ...newer, metadata: newer.metadata ?? older.metadata, begins: older.begins };
}

/** In this order: the summary, unless a newer one stands there, and the metadata, unless newer ones do. */
function operationsOf({ key, summary, metadata, begins }: Pending, nowMs: number): Operation[] {
  const shard = shardOf(key);
  const filter = { _id: { ...shard }, ...shard };
  const { n, deleted, createdAtMs, status, expiresAtMs, body } = summary;
  const operations: Operation[] = [];
  if (begins) {
    const expired = { ...filter, deleted: true, exp: { $lte: new Date(nowMs) } };
    operations.push({ updateOne: { filter: expired, update: { $set: { n: 0, mn: 0 } } } });
  }
  // Where a newer one stands, this tries to insert and meets its key.
  const isDue = expiresAtMs !== undefined;
  const set = { n, deleted, createdAtMs, status, body: new Binary(body), ...(isDue && { due: expiresAtMs }) };
  const gone: Record<string, ""> = isDue ? { exp: "" } : { exp: "", due: "" };
  const update = { $set: set, $unset: gone };
  operations.push({ updateOne: { filter: { ...filter, n: { $lt: n } }, update, upsert: true } });
  if (metadata) {
    const older = { ...filter, $or: [{ mn: { $exists: false } }, { mn: { $lt: metadata.n } }] };
    operations.push({ updateOne: { filter: older, update: metadataUpdate(metadata) } });
  }
  return operations;
}

function metadataUpdate({ n, value }: Metadata) {
  if (!value) return { $set: { mn: n }, $unset: { meta: "", tags: "" } } as const;
  return { $set: { mn: n, meta: new Binary(value.json), tags: value.tags } };
}

function withoutInsert(operation: Operation): Operation {
  return "updateOne" in operation ? { updateOne: { ...operation.updateOne, upsert: false } } : operation;
}

function isAllDuplicates(error: unknown): error is MongoBulkWriteError {
  if (!(error instanceof MongoBulkWriteError)) return false;
  const errors = [error.writeErrors].flat();
  const allDuplicates = errors.length > 0 && errors.every(({ code }) => code === DUPLICATE_KEY);
  return allDuplicates && !error.result.getWriteConcernError();
}

export function toSummary(document: ThreadDocument): ThreadSummary {
  const { n, deleted, createdAtMs, status, body, meta, tags } = document;
  const summary: ThreadSummary = { n, deleted, createdAtMs, status, body: new Uint8Array(body.buffer) };
  if (meta) summary.metadata = { json: new Uint8Array(meta.buffer), tags: tags ?? [] };
  return summary;
}
