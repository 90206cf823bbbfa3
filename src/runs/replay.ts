import type { Plain } from "../values/value.ts";

/**
 * The answers of a subgraph that is not saved. When it was interrupted it begins anew, so its tasks run one at a time,
 * and each takes the next answers in the order in which the questions were asked.
 */
export class Replay {
  readonly #answers: readonly Plain[];
  #taken = 0;

  constructor(answers: readonly Plain[]) {
    this.#answers = answers;
  }

  /** How many have been taken. */
  get taken(): number {
    return this.#taken;
  }

  /** Those that are left. */
  get rest(): readonly Plain[] {
    return this.#answers.slice(this.#taken);
  }

  take(count: number): void {
    this.#taken += count;
  }
}
