import type { Parts } from "./service.ts";
import { checkNotHeld } from "./thread-guard.ts";

/** How often threads are looked for whose time to live is over. */
const everyMs = 60_000;

/** Deletes threads whose time to live is over, those apart that a run holds or waits for. The returned function ends it. */
export function expireThreads(parts: Parts): () => Promise<void> {
  const { store, log, environment } = parts;
  const ending = new AbortController();
  let cancelTimer = (): void => {};
  let going: Promise<void> = Promise.resolve();
  const look = async (): Promise<void> => {
    try {
      const count = await store.deleteExpired((thread) => checkNotHeld(thread, "", parts), ending.signal);
      if (count > 0) log.info({ count }, `deleted ${count} threads whose time to live is over`);
    } catch (err) {
      if (!ending.signal.aborted) log.warn({ err }, "could not delete threads whose time to live is over");
    }
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
