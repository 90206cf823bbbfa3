import { toCairnError } from "../../errors.ts";
import type { Database } from "./database.ts";

interface Waiting {
  act: () => unknown;
  resolve: (result: unknown) => void;
  reject: (error: unknown) => void;
}

/** A transaction that grows beyond this is closed, and the rest waits for the next. */
const ACTS_PER_COMMIT_MAX = 1_000;

/** Gathers what is written in one turn of the event loop into one transaction, so that one fsync serves all. */
export class GroupCommit {
  readonly #database: Database;
  #waiting: Waiting[] = [];
  #isScheduled = false;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Does `act` within the next transaction; its result is given once that is on disk. */
  add<Result>(act: () => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ act, resolve: resolve as (result: unknown) => void, reject });
      this.#schedule();
    });
  }

  /** Commits what waits, now. What comes later is left to the turn after, which finds the database closed. */
  flush(): void {
    while (this.#waiting.length > 0) this.#commit(this.#waiting.splice(0, ACTS_PER_COMMIT_MAX));
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.#commit(this.#waiting.splice(0, ACTS_PER_COMMIT_MAX));
      if (this.#waiting.length > 0) this.#schedule();
    });
  }

  #commit(group: Waiting[]): void {
    if (group.length === 0) return;
    let results: unknown[];
    try {
      results = this.#database.transaction(() => group.map(({ act }) => act()));
    } catch (error) {
      // One of them is at fault, or too large for the room left. Alone, each gets its own answer.
      if (group.length === 1) group[0]?.reject(toCairnError(error));
      else for (const one of group) this.#commit([one]);
      return;
    }
    group.forEach(({ resolve }, index) => {
      resolve(results[index]);
    });
  }
}
