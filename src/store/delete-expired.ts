import { CairnError } from "../errors.ts";
import type { Environment } from "../system/environment.ts";
import type { Committer } from "./committer.ts";
import { floorAfter } from "./delete-thread.ts";
import type { DueThread, Log } from "./log.ts";
import type { ThreadTail } from "./store.ts";

/** Threads looked up at a time. */
const BATCH = 100;

export interface ExpiryParts {
  log: Log;
  environment: Environment;
  committer: Committer;
}

/**
 * Deletes the threads whose time to live is over. Their summaries only say where to look: the thread's own end decides,
 * and what is written to it between the look and the deletion saves it.
 */
export async function deleteExpired(
  { log, environment, committer }: ExpiryParts,
  guard: (thread: ThreadTail) => void,
  signal: AbortSignal,
): Promise<number> {
  const nowMs = environment.clock.nowMs();
  const isOver = ({ exists, tail: { expiresAtMs } }: ThreadTail) =>
    exists && expiresAtMs > 0n && Number(expiresAtMs) <= nowMs;
  let count = 0;
  for (let after: DueThread | undefined; !signal.aborted; ) {
    const due = await log.dueThreads(nowMs, after, BATCH);
    for (const { key } of due) {
      if (signal.aborted) break;
      const committed = await committer.updateRaw(key, async (thread) => {
        if (!isOver(thread) || isRefused(guard, thread)) return undefined;
        return floorAfter(environment, key, thread, undefined);
      });
      if (!committed) continue;
      count++;
      await log.truncate(key, committed.thread.n);
    }
    after = due.at(-1);
    if (due.length < BATCH) break;
  }
  return count;
}

function isRefused(guard: (thread: ThreadTail) => void, thread: ThreadTail): boolean {
  try {
    guard(thread);
    return false;
  } catch (error) {
    if (error instanceof CairnError) return true;
    throw error;
  }
}
