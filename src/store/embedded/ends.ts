import type { ThreadKey } from "../log.ts";
import { threadName } from "../thread-name.ts";
import type { Database } from "./database.ts";
import { endOf } from "./thread-rows.ts";

const THREADS_MAX = 50_000;

/**
 * The ends of threads that were asked for, see `Log.end`. Exact, since nobody else writes to the database, as long as an
 * end is forgotten in the act that appends: no other code runs between that and the commit.
 */
export class Ends {
  readonly #database: Database;
  readonly #known = new Map<string, string>();

  constructor(database: Database) {
    this.#database = database;
  }

  of(key: ThreadKey): string {
    const name = threadName(key);
    let end = this.#known.get(name);
    if (end === undefined) {
      end = endOf(this.#database, key);
      if (this.#known.size >= THREADS_MAX) this.#known.clear();
      this.#known.set(name, end);
    }
    return end;
  }

  forget(key: ThreadKey): void {
    this.#known.delete(threadName(key));
  }
}
