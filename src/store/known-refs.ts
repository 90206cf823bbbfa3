import type { Record } from "../gen/cairn/store/v1/record_pb.ts";
import type { ThreadKey } from "./log.ts";
import { threadName } from "./thread-name.ts";
import { valueRef } from "./value-ref.ts";
import { RefCollector } from "./values-of.ts";

const THREADS_MAX = 10_000;
const REFS_PER_THREAD_MAX = 20_000;
/** Of all threads together: some 50 MB. */
const REFS_MAX = 500_000;

/**
 * References that this process knows to exist, for the threads it wrote last: those of their last record, and
 * of the ones before it. Only good while that record is the thread's last, because any other may have deleted.
 */
export class KnownRefs {
  readonly #threads = new Map<string, { n: number; refs: Set<string> }>();
  #count = 0;

  /** Tells whether a reference is known to exist in a thread whose last record is at `n`. */
  at(key: ThreadKey, n: number): (ref: string) => boolean {
    const known = this.#threads.get(threadName(key));
    return known?.n === n ? (ref) => known.refs.has(ref) : () => false;
  }

  committed(key: ThreadKey, n: number, record: Record): void {
    const name = threadName(key);
    const before = this.#threads.get(name);
    this.#forget(name);
    if (record.floor || record.changesOlder) return;
    const isNext = before?.n === n - 1 && before.refs.size <= REFS_PER_THREAD_MAX;
    const refs = isNext ? before.refs : new Set<string>();
    record.values.forEach((_, index) => {
      refs.add(valueRef(n, index));
    });
    // What a record refers to has been checked when it was made.
    const collector = new RefCollector();
    if (record.checkpoint) collector.checkpoint(record.checkpoint);
    for (const group of record.writes) for (const write of group.writes) collector.write(write);
    for (const ref of collector.refs) refs.add(ref);
    this.#threads.set(name, { n, refs });
    this.#count += refs.size;
    for (const oldest of this.#threads.keys()) {
      if (this.#threads.size <= THREADS_MAX && this.#count <= REFS_MAX) break;
      this.#forget(oldest);
    }
  }

  #forget(name: string): void {
    this.#count -= this.#threads.get(name)?.refs.size ?? 0;
    this.#threads.delete(name);
  }
}
