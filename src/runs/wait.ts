import { RunStatus } from "../gen/cairn/v1/event_pb.ts";
import type { RunInfo } from "../gen/cairn/v1/run_service_pb.ts";
import type { Store, ThreadKey } from "../store/store.ts";
import { threadName } from "../store/thread-name.ts";
import type { RunParts } from "./parts.ts";

/** How often to look whether another server has written. What this one writes is heard of at once. */
const pollMs = 250;

/** Waits until a run has stopped for good, wherever it goes on. Throws what `signal` is aborted with. */
export async function waitForStop(
  { store, environment }: Pick<RunParts, "store" | "environment">,
  key: ThreadKey,
  signal: AbortSignal,
  read: () => Promise<RunInfo>,
): Promise<RunInfo> {
  for (;;) {
    const news = Promise.withResolvers<void>();
    // It may be rejected while `read` is under way, when nobody waits for it yet: that must not end the process.
    news.promise.catch(() => {});
    const name = threadName(key);
    const stopListening = store.onCommit((other) => {
      if (threadName(other) === name) news.resolve();
    });
    const stopTimer = store.exclusive ? () => {} : environment.clock.after(pollMs, news.resolve);
    const abort = () => news.reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    try {
      signal.throwIfAborted();
      const info = await read();
      if (hasStopped(info.status) && !(await isTakenOn(store, key, info))) return info;
      await news.promise;
    } finally {
      stopListening();
      stopTimer();
      signal.removeEventListener("abort", abort);
    }
  }
}

function hasStopped(status: RunStatus): boolean {
  return status !== RunStatus.RUNNING && status !== RunStatus.QUEUED;
}

/** Whether a server will go on by itself with a run that was lost. */
async function isTakenOn(store: Store, key: ThreadKey, { runId, status }: RunInfo): Promise<boolean> {
  return status === RunStatus.LOST && (await store.tail(key)).tail.calls.some((call) => call.runId === runId);
}
