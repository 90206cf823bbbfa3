import { partsKey } from "./keys.ts";
import type { Log } from "./log.ts";

const BATCH = 100;

/** Looks after uploads that have waited long enough: those that a record refers to stay, the others are removed. */
export async function sweepUploads(log: Log, nowMs: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    const aged = await log.agedUploads(nowMs, BATCH);
    for (const { key, upload } of aged) {
      if (signal.aborted) return;
      const rows = await log.byKeys(key, [partsKey(upload)]);
      if (rows.length > 0) await log.keepParts(key, upload);
      else await log.removeParts(key, upload);
    }
    if (aged.length < BATCH) return;
  }
}
