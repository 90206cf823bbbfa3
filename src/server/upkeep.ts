import type { Parts } from "./service.ts";
import { checkNotHeld } from "./thread-guard.ts";

/** How often there is looked for what is over. */
const everyMs = 60_000;

/**
 * Now and then deletes threads whose time to live is over, those apart that a run holds or waits for, and uploads that no
 * put has named. The returned function ends it.
 */
export function lookAfter(parts: Parts): () => Promise<void> {
  const { store, log, environment } = parts;
  const ending = new AbortController();
  let cancelTimer = (): void => {};
  let going: Promise<void> = Promise.resolve();
  const tried = async (what: string, act: () => Promise<void>): Promise<void> => {
    if (ending.signal.aborted) return;
    await act().catch((err) => {
      if (!ending.signal.aborted) log.warn({ err }, `could not delete ${what}`);
    });
  };
  const look = async (): Promise<void> => {
    await tried("threads whose time to live is over", async () => {
      const count = await store.deleteExpired((thread) => checkNotHeld(thread, "", parts), ending.signal);
      if (count > 0) log.info({ count }, `deleted ${count} threads whose time to live is over`);
    });
    await tried("uploads that were left behind", () => store.sweepUploads(ending.signal));
    if (!ending.signal.aborted) wait();
  };
  const wait = (): void => {
    cancelTimer = environment.clock.after(everyMs, () => {
      going = look();
    });
  };
  going = look();
  return async () => {
    ending.abort();
    cancelTimer();
    await going;
  };
}
