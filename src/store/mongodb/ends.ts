import { LRUCache } from "lru-cache";
import { limits } from "../../limits.ts";
import type { Row, ThreadKey } from "../log.ts";
import { threadName } from "../thread-name.ts";

/** The ends of threads as this process read or wrote them last, see `Log.endSeen`. Others may have gone on since. */
export class Ends {
  readonly #seen = new LRUCache<string, string>({ max: limits.tailsKeptMax });

  of(key: ThreadKey): string | undefined {
    return this.#seen.get(threadName(key));
  }

  /** Gives the end that has been seen. */
  note(key: ThreadKey, row: Pick<Row, "n" | "attempt"> | undefined): string {
    const end = row ? `${row.n} ${row.attempt}` : "";
    this.#seen.set(threadName(key), end);
    return end;
  }
}
