import { Cell, nullCell } from "../cell.ts";
import { invalidUpdate } from "../failure.ts";
import type { Write } from "../write.ts";
import type { Channel } from "./channel.ts";

/** Waits until every one of its names has been written; then triggers its node once and starts over. */
export class BarrierChannel implements Channel {
  /** The node that it triggers. */
  readonly node: string;
  readonly #name: string;
  readonly #awaited: ReadonlySet<string>;
  #arrived: Set<string>;

  constructor(name: string, node: string, awaited: ReadonlySet<string>, arrived: Iterable<string> = []) {
    this.node = node;
    this.#name = name;
    this.#awaited = awaited;
    this.#arrived = new Set(arrived);
  }

  get available(): boolean {
    return this.#arrived.size === this.#awaited.size;
  }

  /** Upstream nodes that have run, sorted. */
  get arrived(): string[] {
    return [...this.#arrived].sort();
  }

  read(): Cell | undefined {
    return this.available ? nullCell() : undefined;
  }

  saved(): Cell {
    return Cell.of(this.arrived);
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
    return true;
  }

  copy(): BarrierChannel {
    return new BarrierChannel(this.#name, this.node, this.#awaited, this.#arrived);
  }
}
