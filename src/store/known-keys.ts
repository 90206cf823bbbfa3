import { LRUCache } from "lru-cache";
import type { Record } from "../gen/cairn/store/v1/record_pb.ts";
import { limits } from "../limits.ts";
import { checkpointKey, requestKey } from "./keys.ts";
import type { ThreadKey } from "./log.ts";
import type { ThreadTail } from "./store.ts";
import { threadName } from "./thread-name.ts";

/**
 * All ids of checkpoints and requests of the threads that this process has written from their beginning, so that a new id
 * need not be looked for. An id that is known may be gone meanwhile; one that is not has never been there. Only good while
 * the record they were learnt from is the thread's last, because other processes' records are not known.
 */
export class KnownKeys {
  readonly #threads = new LRUCache<string, { n: number; createdAtMs: bigint; keys: Set<string> }>({
    maxSize: limits.knownKeysMax,
    maxEntrySize: limits.knownKeysOfThreadMax,
    sizeCalculation: ({ keys }) => keys.size + 1,
  });

  /** Whether a thread that ends so certainly has no row with this key of a checkpoint or a request. */
  lacks(key: ThreadKey, { n, tail }: ThreadTail, lookup: string): boolean {
    if (n === 0) return true;
    const known = this.#threads.get(threadName(key));
    return known?.n === n && known.createdAtMs === tail.createdAtMs && !known.keys.has(lookup);
  }

  committed(key: ThreadKey, { n, tail: { createdAtMs } }: ThreadTail, record: Record): void {
    const name = threadName(key);
    const known = n === 1 ? { n: 0, createdAtMs, keys: new Set<string>() } : this.#threads.get(name);
    // A thread may have been deleted and begun anew.
    if (known?.n !== n - 1 || known.createdAtMs !== createdAtMs) {
      this.#threads.delete(name);
      return;
    }
    if (record.checkpoint) known.keys.add(checkpointKey(record.checkpoint.id));
    if (record.request) known.keys.add(requestKey(record.request.id));
    this.#threads.set(name, { n, createdAtMs, keys: known.keys });
  }
}
