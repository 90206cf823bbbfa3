import { Cell, nullCell } from "../cell.ts";
import { invalidUpdate } from "../failure.ts";
import type { Write } from "../write.ts";
import type { Channel } from "./channel.ts";

/** What a barrier is. */
export interface Barrier {
  name: string;
  /** The node that it triggers. */
  node: string;
  awaited: ReadonlySet<string>;
  /** Its node is deferred. */
  deferred: boolean;
}

/** How far it has come. */
interface Arrivals {
  arrived: Iterable<string>;
  finished: boolean;
}

const noArrivals: Arrivals = { arrived: [], finished: false };

/** Saved behind the names of a deferred barrier that has been let go. No node can have this name. */
const FINISHED = "__finished__";

/** What a checkpoint kept of a barrier. */
export function savedArrivals(saved: Cell | undefined): Arrivals {
  if (saved === undefined || !Array.isArray(saved.value)) return noArrivals;
  const names = saved.value.map(String);
  return { arrived: names.filter((name) => name !== FINISHED), finished: names.includes(FINISHED) };
}

/**
 * Waits until every one of its names has been written; then triggers its node once and starts over. A deferred one
 * waits until nothing else is due as well.
 */
export class BarrierChannel implements Channel {
  /** The node that it triggers. */
  readonly node: string;
  readonly #name: string;
  readonly #awaited: ReadonlySet<string>;
  readonly #deferred: boolean;
  #arrived: Set<string>;
  #finished: boolean;

  constructor({ name, node, awaited, deferred }: Barrier, { arrived, finished }: Arrivals = noArrivals) {
    this.node = node;
    this.#name = name;
    this.#awaited = awaited;
    this.#deferred = deferred;
    this.#arrived = new Set(arrived);
    this.#finished = finished;
  }

  /** All names have been written. */
  get complete(): boolean {
    return this.#arrived.size === this.#awaited.size;
  }

  get available(): boolean {
    return this.complete && (this.#finished || !this.#deferred);
  }

  /** Upstream nodes that have run, sorted. */
  get arrived(): string[] {
    return [...this.#arrived].sort();
  }

  read(): Cell | undefined {
    return this.available ? nullCell() : undefined;
  }

  saved(): Cell {
    return Cell.of(this.#finished ? [...this.arrived, FINISHED] : this.arrived);
  }

  update(writes: readonly Write[]): boolean {
    let changed = false;
    for (const { cell } of writes) {
      const name = cell.value;
      if (typeof name !== "string" || !this.#awaited.has(name)) {
        throw invalidUpdate(this.#name, `does not wait for ${JSON.stringify(String(name))}`);
      }
      changed ||= !this.#arrived.has(name);
      this.#arrived.add(name);
    }
    return changed;
  }

  consume(): boolean {
    if (!this.available) return false;
    this.#arrived = new Set();
    this.#finished = false;
    return true;
  }

  finish(): boolean {
    if (!this.#deferred || this.#finished || !this.complete) return false;
    this.#finished = true;
    return true;
  }

  copy(): BarrierChannel {
    const barrier = { name: this.#name, node: this.node, awaited: this.#awaited, deferred: this.#deferred };
    return new BarrierChannel(barrier, { arrived: this.#arrived, finished: this.#finished });
  }
}
