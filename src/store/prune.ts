import { threadNotFound } from "../not-found.ts";
import { uuid4 } from "../system/uuid.ts";
import type { StoreParts } from "./committer.ts";
import { deletionRecord } from "./deletion-record.ts";
import { type Prepared, rowOf } from "./draft.ts";
import type { Known, PruneRule } from "./keep-rule.ts";
import { writesKey } from "./keys.ts";
import type { PartsRef, Row, ThreadKey } from "./log.ts";
import { PrunePlan, rowsBetween } from "./prune-plan.ts";
import { differs, withoutHistory, withoutNamed } from "./prune-record.ts";
import { decodeRow } from "./record-codec.ts";
import { requestOf } from "./request-record.ts";
import type { RequestDraft, ThreadTail } from "./store.ts";
import { type Change, isStub, nameOf, rewritten, withoutParent } from "./stripped.ts";
import { summaryOf } from "./thread-record.ts";
import { UsedValues } from "./used-values.ts";

/** Rows read at a time. */
const READ_BATCH = 32;
/** A batch ends when it has changed so many rows, read so many bytes of them, or removed so many parts. */
const ROWS_MAX = 100;
const BYTES_MAX = 8 * 1024 * 1024;
const PARTS_MAX = 500;

export interface Prune extends PruneRule {
  /** Asked before each batch; may refuse by throwing. */
  guard: (thread: ThreadTail) => void;
  /** The request that the last batch is committed with, given how many checkpoints were removed. */
  request?: (removed: number) => Promise<RequestDraft | undefined>;
  signal?: AbortSignal;
}

/** Removes the checkpoints that a rule doesn't keep; gives their number. Throws THREAD_NOT_FOUND, and what `guard` throws. */
export async function pruneThread(parts: StoreParts, key: ThreadKey, prune: Prune): Promise<number> {
  const { committer, log } = parts;
  const thread = await committer.tail(key);
  if (!thread.exists) throw threadNotFound(key.thread);
  prune.guard(thread);
  const plan = await PrunePlan.of(log, key, thread, prune);
  const walk = new PruneWalk(parts, key, thread, plan);
  while (!walk.isOver) {
    prune.signal?.throwIfAborted();
    const committed = await committer.updateRaw(key, async (fresh) => {
      if (!fresh.exists || fresh.tail.floor !== thread.tail.floor) throw threadNotFound(key.thread);
      prune.guard(fresh);
      return await walk.next(fresh, prune.request);
    });
    walk.done(committed !== undefined);
  }
  return walk.removed;
}

/** What one record of a prune does. */
interface Batch {
  /** By position. */
  changes: Map<number, Change>;
  /** The checkpoints that go, by name. */
  names: Map<string, Known>;
  drops: PartsRef[];
  bytes: number;
  /** How many of the plan's positions are left to look at. */
  left: number;
}

/**
 * Goes over a thread from its end to its beginning. What a record needs is older, so that nothing that is left ever lacks
 * anything, wherever this ends; and who uses a value is known before it is met, without reading anything twice.
 */
class PruneWalk {
  removed = 0;
  isOver = false;
  readonly #parts: StoreParts;
  readonly #key: ThreadKey;
  readonly #plan: PrunePlan;
  readonly #used = new UsedValues();
  #seenTo: number;
  #left: number;
  #batch: Batch | undefined;

  constructor(parts: StoreParts, key: ThreadKey, thread: ThreadTail, plan: PrunePlan) {
    this.#parts = parts;
    this.#key = key;
    this.#plan = plan;
    this.#seenTo = thread.n;
    this.#left = plan.positions.length;
    // Nothing to remove, and nothing that an earlier prune can have left.
    if (plan.eventsTo === 0) this.#left = 0;
  }

  /** The next batch; undefined when there is nothing more to write. May be asked again for the same one. */
  async next(thread: ThreadTail, request: Prune["request"]): Promise<Prepared | undefined> {
    await this.#noteNewer(thread);
    const batch: Batch = { changes: new Map(), names: new Map(), drops: [], bytes: 0, left: this.#left };
    this.#batch = batch;
    while (batch.left > 0 && !isFull(batch)) await this.#readSome(thread, batch);
    await this.#addOutlying(batch);
    const isLast = batch.left === 0;
    if (batch.changes.size === 0 && !(isLast && request)) return undefined;
    const { environment } = this.#parts;
    const nowMs = environment.clock.nowMs();
    const n = thread.n + 1;
    const record = deletionRecord(thread, [...batch.names.values()], nowMs);
    record.tail.eventsPrunedTo = BigInt(this.#plan.eventsTo);
    if (isLast) record.request = requestOf(await request?.(this.removed + batch.names.size), record);
    const rewrites = [...batch.changes.values()].map((change) => rewritten(this.#key, change, nowMs));
    const row = rowOf(this.#key, n, uuid4(environment), record);
    const summary = summaryOf(this.#key, n, record, false);
    return { append: { key: this.#key, row, rewrites, drops: batch.drops, summary }, record };
  }

  /** Goes on behind the batch that was asked for last. */
  done(isCommitted: boolean): void {
    const batch = this.#batch as Batch;
    if (isCommitted) {
      this.removed += batch.names.size;
      this.#plan.removed(batch.names.keys());
    }
    this.#left = batch.left;
    this.isOver = batch.left === 0;
  }

  /** What others have committed since stays, with all that it refers to. */
  async #noteNewer(thread: ThreadTail): Promise<void> {
    for await (const { row, record } of rowsBetween(this.#parts.log, this.#key, this.#seenTo, thread.n)) {
      this.#plan.note(row.n, record);
      this.#used.keep(row.n, record);
    }
    this.#seenTo = thread.n;
  }

  async #readSome(thread: ThreadTail, batch: Batch): Promise<void> {
    const positions = this.#plan.positions.slice(Math.max(0, batch.left - READ_BATCH), batch.left);
    const { rows } = await this.#parts.log.gather(this.#key, { positions, parts: [], keys: [] });
    const byPosition = new Map(rows.map((row) => [row.n, row]));
    for (const n of positions.toReversed()) {
      if (isFull(batch)) return;
      batch.left--;
      const row = byPosition.get(n);
      if (row && row.expiresAtMs === undefined) this.#addRow(thread, batch, row);
    }
  }

  #addRow(thread: ThreadTail, batch: Batch, row: Row): void {
    const { n } = row;
    const record = decodeRow(this.#key, row);
    const mentioned = record.writes.map(({ namespace, checkpointId }) => nameOf({ namespace, id: checkpointId }));
    if (record.checkpoint) mentioned.push(nameOf(record.checkpoint));
    for (const name of mentioned) {
      const known = this.#plan.doomed.get(name);
      if (known) batch.names.set(name, known);
    }
    const names = new Set(batch.names.keys());
    const isHistory = n <= this.#plan.eventsTo;
    const nowMs = this.#parts.environment.clock.nowMs();
    let next = isHistory
      ? withoutHistory(n, record, names, { thread, runs: this.#plan.runs, nowMs })
      : withoutNamed(record, names);
    if (!isHistory && !differs(record, next)) {
      this.#used.keep(n, record);
      return;
    }
    this.#used.refer(next);
    const stripped = this.#used.strip(n, next);
    next = stripped.record;
    if (!differs(record, next) && !isStub(next)) return;
    batch.changes.set(n, { row, record: next });
    batch.drops.push(...stripped.parts);
    batch.bytes += row.body.length;
  }

  /** The rows elsewhere of what goes with this batch: checkpoints and their writes, and the marks of those that follow. */
  async #addOutlying({ changes, names }: Batch): Promise<void> {
    const parents = new Set([...names.keys(), ...this.#plan.followed]);
    if (parents.size === 0) return;
    const known = [...names.values()];
    const places = [...known.map(({ n }) => n), ...this.#plan.childrenOf(names.keys())];
    const positions = [...new Set(places)].filter((n) => !changes.has(n));
    const keys = known.map(({ namespace, id }) => writesKey(namespace, id));
    const { rows, keyed } = await this.#parts.log.gather(this.#key, { positions, parts: [], keys });
    const gone = new Set(names.keys());
    for (const row of [...rows, ...keyed]) {
      if (changes.has(row.n) || row.floor) continue;
      const record = decodeRow(this.#key, row);
      const next = withoutNamed(record, gone);
      if (differs(record, next)) changes.set(row.n, { row, record: next });
      else if (withoutParent(record, parents)) changes.set(row.n, { row, record });
    }
    for (const change of changes.values()) change.record = withoutParent(change.record, parents) ?? change.record;
  }
}

function isFull({ changes, bytes, drops }: Batch): boolean {
  const parts = drops.reduce((sum, { count }) => sum + count, 0);
  return changes.size >= ROWS_MAX || bytes >= BYTES_MAX || parts >= PARTS_MAX;
}
