import type { EventHead } from "./event.ts";

/** How far a reader has come in a thread's log. */
export class EventCursor {
  #after: bigint;
  /** The last ephemeral event: the durable event before it, the epoch, its number within both. */
  #ephemeral: [number: bigint, epoch: bigint, subNumber: bigint] = [0n, 0n, 0n];

  constructor(after: bigint) {
    this.#after = after;
  }

  /** The number of the last durable event: what to ask a new stream to begin after. */
  get after(): bigint {
    return this.#after;
  }

  /**
   * Moves on to an event. False for one that is behind already, which another stream has brought before. Only
   * durable events move what is asked for next: nothing an ephemeral one says can make a durable one be missed.
   */
  accept({ number, ephemeral }: Pick<EventHead, "number" | "ephemeral">): boolean {
    if (ephemeral === undefined) {
      if (number <= this.#after) return false;
      this.#after = number;
      return true;
    }
    if (number < this.#after) return false;
    const position: [bigint, bigint, bigint] = [number, ephemeral.epoch, ephemeral.subNumber];
    if (!isAfter(position, this.#ephemeral)) return false;
    this.#ephemeral = position;
    return true;
  }
}

function isAfter(left: bigint[], right: bigint[]): boolean {
  for (const [i, part] of left.entries()) {
    const other = right[i] ?? 0n;
    if (part !== other) return part > other;
  }
  return false;
}
