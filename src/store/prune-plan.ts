import type { Record } from "../gen/cairn/store/v1/record_pb.ts";
import { type Known, keptBy, knownOf, type PruneRule } from "./keep-rule.ts";
import type { Log, Row, ThreadKey } from "./log.ts";
import { decodeRow } from "./record-codec.ts";
import type { ThreadTail } from "./store.ts";
import { nameOf } from "./stripped.ts";

/** Rows read at a time. */
const SCAN_BATCH = 64;

/** What a prune is to remove, by one walk over the thread. Kept up to date with what others write. */
export class PrunePlan {
  /** Positions of the records that are there, ascending. */
  readonly positions: number[] = [];
  /** The checkpoints that are to go and have not gone yet, by name. */
  readonly doomed = new Map<string, Known>();
  /** Runs whose beginnings and ends stay known. */
  readonly runs = new Set<string>();
  /** The last position whose events go. */
  eventsTo: number;
  /** Names of what has been removed. */
  readonly #gone = new Set<string>();
  readonly #followed = new Set<string>();
  /** Names of the checkpoints that follow another one, by its name. */
  readonly #children = new Map<string, string[]>();
  readonly #known = new Map<string, Known>();

  private constructor({ tail }: ThreadTail) {
    this.eventsTo = Number(tail.eventsPrunedTo);
    if (tail.lease) this.runs.add(tail.lease.runId);
  }

  static async of(log: Log, key: ThreadKey, thread: ThreadTail, rule: PruneRule): Promise<PrunePlan> {
    const plan = new PrunePlan(thread);
    for await (const { row, record } of rowsBetween(log, key, Number(thread.tail.floor), thread.n)) {
      if (row.floor) continue;
      // One that waits for its end has nothing left to lose.
      if (row.expiresAtMs === undefined) plan.positions.push(row.n);
      if (record.checkpoint) plan.#add(knownOf(row.n, Number(record.atMs), record.checkpoint));
    }
    const kept = keptBy(rule, [...plan.#known.values()]);
    for (const [name, known] of plan.#known) {
      if (kept.has(name)) plan.runs.add(known.runId);
      else plan.doomed.set(name, known);
    }
    for (const { n } of plan.doomed.values()) plan.eventsTo = Math.max(plan.eventsTo, n);
    return plan;
  }

  /** Notes a record that was committed since: what it puts, writes to or needs is not to go any more. */
  note(n: number, record: Record): void {
    const names = [...record.writes, ...record.clearedWrites].map(({ namespace, checkpointId }) =>
      nameOf({ namespace, id: checkpointId }),
    );
    if (record.checkpoint) {
      const known = knownOf(n, Number(record.atMs), record.checkpoint);
      this.#add(known);
      this.#gone.delete(nameOf(known));
      if (known.parent !== undefined && this.#gone.has(known.parent)) this.#followed.add(known.parent);
      this.doomed.delete(nameOf(known));
      this.runs.add(known.runId);
      names.push(...known.needs);
    }
    for (const { runId } of record.events) this.runs.add(runId);
    this.#spare(names);
  }

  /** Positions of the checkpoints that stay and follow any of these, or one that was removed before they were put. */
  childrenOf(names: Iterable<string>): number[] {
    const parents = [...names, ...this.#followed];
    const children = parents.flatMap((name) => this.#children.get(name) ?? []);
    return children.flatMap((child) => (this.doomed.has(child) ? [] : (this.#known.get(child)?.n ?? [])));
  }

  /** Names of checkpoints that were removed and that others follow which came later. */
  get followed(): ReadonlySet<string> {
    return this.#followed;
  }

  removed(names: Iterable<string>): void {
    this.#followed.clear();
    for (const name of names) {
      this.doomed.delete(name);
      this.#known.delete(name);
      this.#gone.add(name);
    }
  }

  #spare(names: string[]): void {
    for (let name = names.pop(); name !== undefined; name = names.pop()) {
      const known = this.doomed.get(name);
      if (!known) continue;
      this.doomed.delete(name);
      this.runs.add(known.runId);
      names.push(...known.needs);
    }
  }

  #add(known: Known): void {
    const name = nameOf(known);
    this.#known.set(name, known);
    if (known.parent === undefined) return;
    const siblings = this.#children.get(known.parent);
    if (siblings) siblings.push(name);
    else this.#children.set(known.parent, [name]);
  }
}

/** The rows after one position and up to another, decoded. */
export async function* rowsBetween(
  log: Log,
  key: ThreadKey,
  after: number,
  upTo: number,
): AsyncGenerator<{ row: Row; record: Record }> {
  for (let from = after; from < upTo; ) {
    const rows = await log.after(key, from, SCAN_BATCH);
    for (const row of rows) {
      if (row.n > upTo) return;
      yield { row, record: decodeRow(key, row) };
    }
    const last = rows.at(-1);
    if (!last || rows.length < SCAN_BATCH) return;
    from = last.n;
  }
}
