import { LRUCache } from "lru-cache";
import { CairnError } from "../errors.ts";
import type { Tail } from "../gen/cairn/store/v1/record_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { limits } from "../limits.ts";
import type { Environment } from "../system/environment.ts";
import { type Prepared, prepare } from "./draft.ts";
import { KnownKeys } from "./known-keys.ts";
import { KnownRefs } from "./known-refs.ts";
import type { Log, ThreadKey } from "./log.ts";
import { turn } from "./patches/turns.ts";
import { decodeRow } from "./record-codec.ts";
import type { Committed, Draft, ThreadTail } from "./store.ts";
import { threadName } from "./thread-name.ts";
import { ThreadQueue } from "./thread-queue.ts";
import { threadTail } from "./thread-record.ts";
import type { ValueSettings } from "./value-encoder.ts";
import { ValueLines } from "./value-lines.ts";
import { valueRef } from "./value-ref.ts";
import type { ValueSources } from "./value-table.ts";

/**
 * A freed position could let a stale writer in, so positions stay taken for ten minutes at least. Whoever has not seen
 * the thread's end for this long must look again before it believes that its append was in time.
 */
const CONFIRMED_FOR_MS = 60_000;

/** How often a draft is made again that missed something, while others write: then it is not there. */
const ATTEMPTS_MAX = 10;

/** What acts on whole threads are made of. */
export interface StoreParts {
  log: Log;
  environment: Environment;
  committer: Committer;
}

/** Appends to threads: one at a time on each, however many callers there are. */
export class Committer {
  readonly #sources: ValueSources;
  readonly #settings: ValueSettings;
  readonly #queue = new ThreadQueue();
  readonly #knownKeys = new KnownKeys();
  readonly #knownRefs = new KnownRefs();
  readonly #valueLines = new ValueLines();
  readonly #listeners = new Set<(key: ThreadKey, committed: Committed) => void>();
  /** Ends of threads as they were read or written last: what they most probably are still. */
  readonly #tails = new LRUCache<string, ThreadTail>({ max: limits.tailsKeptMax });
  /** When each tail was read or written, by the monotonic clock. */
  readonly #confirmedAt = new WeakMap<ThreadTail, number>();

  constructor(sources: ValueSources, settings: ValueSettings) {
    this.#sources = sources;
    this.#settings = settings;
  }

  async tail(key: ThreadKey): Promise<ThreadTail> {
    const askedAt = this.#settings.environment.clock.monotonicMs();
    const row = await this.#sources.log.last(key);
    const thread = threadTail(row, row && decodeRow(key, row));
    this.#remember(key, thread, askedAt);
    return thread;
  }

  /** Appends what `change` makes of the thread's end, again and again until no other writer was faster. */
  async update(
    key: ThreadKey,
    change: (thread: ThreadTail) => Promise<Draft | undefined>,
  ): Promise<Committed | undefined> {
    return await this.updateRaw(key, async (thread) => {
      const draft = await change(thread);
      return draft && (await this.#prepare(key, thread, draft));
    });
  }

  /** As update, for appends that are not made of a draft. */
  async updateRaw(
    key: ThreadKey,
    change: (thread: ThreadTail) => Promise<Prepared | undefined>,
  ): Promise<Committed | undefined> {
    return await this.#queue.run(key, async () => {
      for (let attempt = 1; ; attempt++) {
        const { thread, prepared } = await this.#prepared(key, change, attempt);
        if (thread === undefined) continue;
        if (!prepared) return undefined;
        const committed = await this.#commit(key, thread, prepared);
        if (committed) return committed;
        await turn();
      }
    });
  }

  /** Whether the thread, if it ends with `after`, certainly has no row with this key of a checkpoint or a request. */
  lacks(key: ThreadKey, after: ThreadTail, lookup: string): boolean {
    return this.#knownKeys.lacks(key, after, lookup);
  }

  /**
   * What `change` makes of the thread's end. Where that takes waiting, the end is asked for while `change` works with the
   * one that is remembered. Without a thread: it was not the end, or is not any more.
   *
   * A remembered end is not believed without asking: where a thread was deleted meanwhile, positions behind it may be free
   * again, below the floor.
   */
  async #prepared(
    key: ThreadKey,
    change: (thread: ThreadTail) => Promise<Prepared | undefined>,
    attempt: number,
  ): Promise<{ thread?: ThreadTail; prepared?: Prepared }> {
    const remembered = attempt === 1 && !this.#sources.log.exclusive ? this.#tails.get(threadName(key)) : undefined;
    const asked = this.tail(key);
    const thread = remembered ?? (await asked);
    const [made, end] = await Promise.allSettled([change(thread), asked]);
    if (end.status === "rejected") throw end.reason;
    if (end.value.n !== thread.n) return {};
    if (made.status === "fulfilled") return { thread: end.value, prepared: made.value };
    // What it missed may be beyond this tail, written by another server, or gone since, deleted by one.
    if (isMissing(made.reason) && attempt < ATTEMPTS_MAX && (await this.#hasMoved(key, thread))) return {};
    throw made.reason;
  }

  /** Appends right after `after`, or after what others wrote who left the lease alone. Throws STALE_EPOCH. */
  async append(key: ThreadKey, after: ThreadTail, draft: Draft): Promise<Committed> {
    return await this.#queue.run(key, async () => {
      let thread = this.#isFresh(after) ? after : await this.#stillHeld(key, after);
      for (;;) {
        const committed = await this.#commit(key, thread, await this.#prepare(key, thread, draft));
        if (committed) return committed;
        thread = await this.#stillHeld(key, thread);
      }
    });
  }

  onCommit(listener: (key: ThreadKey, committed: Committed) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #prepare(key: ThreadKey, thread: ThreadTail, draft: Draft) {
    const isKnownRef = this.#knownRefs.at(key, thread.n);
    const lines = this.#valueLines.at(key, thread.n);
    const lacksKey = (lookup: string) => this.lacks(key, thread, lookup);
    return await prepare(this.#sources, this.#settings, key, thread, draft, { isKnownRef, lacksKey, lines });
  }

  async #commit(key: ThreadKey, after: ThreadTail, { append, record, lines, bytes }: Prepared) {
    const sentAt = this.#settings.environment.clock.monotonicMs();
    const outcome = await this.#sources.log.append(append);
    if (outcome === "taken") return undefined;
    if (!this.#isFresh(after)) await this.#confirm(key, append.row.n);
    const thread = threadTail(append.row, record);
    // Rows that came with it at later positions make another end.
    if (append.inserts?.length) this.#tails.delete(threadName(key));
    else this.#remember(key, thread, sentAt);
    this.#knownKeys.committed(key, thread, record);
    this.#knownRefs.committed(key, append.row.n, record);
    this.#valueLines.committed(key, append.row.n, record, lines ?? this.#valueLines.at(key, after.n));
    for (const [index, data] of bytes ?? []) {
      const stored = record.values[index];
      if (stored) this.#sources.cache.put(key, valueRef(append.row.n, index), stored, data);
    }
    const committed: Committed = { thread, record };
    for (const listener of this.#listeners) this.#tell(listener, key, committed);
    return committed;
  }

  /** The commit stands whatever a listener does, so its failure is reported aside. */
  #tell(listener: (key: ThreadKey, committed: Committed) => void, key: ThreadKey, committed: Committed): void {
    try {
      listener(key, committed);
    } catch (error) {
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  }

  #remember(key: ThreadKey, thread: ThreadTail, confirmedAtMs: number): void {
    this.#confirmedAt.set(thread, confirmedAtMs);
    this.#tails.set(threadName(key), thread);
  }

  #isFresh(thread: ThreadTail): boolean {
    const confirmedAt = this.#confirmedAt.get(thread) ?? Number.NEGATIVE_INFINITY;
    return this.#settings.environment.clock.monotonicMs() - confirmedAt <= CONFIRMED_FOR_MS;
  }

  /** The thread's end now, if the lease is still the one that it was. Throws STALE_EPOCH. */
  async #stillHeld(key: ThreadKey, before: ThreadTail): Promise<ThreadTail> {
    const now = await this.tail(key);
    if (now.n === before.n || isSameLease(now.tail, before.tail)) return now;
    throw staleEpoch(key);
  }

  async #confirm(key: ThreadKey, n: number): Promise<void> {
    if (await this.#hasMoved(key, { n })) throw staleEpoch(key);
  }

  async #hasMoved(key: ThreadKey, { n }: { n: number }): Promise<boolean> {
    const last = await this.#sources.log.last(key);
    return (last?.n ?? 0) !== n;
  }
}

function isSameLease(now: Tail, before: Tail): boolean {
  const [lease, held] = [now.lease, before.lease];
  if (held === undefined || held.holder === "" || now.floor !== before.floor) return false;
  return lease?.epoch === held.epoch && lease.holder === held.holder;
}

const missing = new Set<ErrorReason>([ErrorReason.VALUE_NOT_FOUND, ErrorReason.CHECKPOINT_NOT_FOUND]);

function isMissing(error: unknown): boolean {
  return error instanceof CairnError && missing.has(error.reason);
}

function staleEpoch(key: ThreadKey): CairnError {
  return new CairnError(ErrorReason.STALE_EPOCH, `thread ${JSON.stringify(key.thread)} was written by another holder`, {
    metadata: { thread_id: key.thread },
  });
}
