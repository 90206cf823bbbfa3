import { toCairnError } from "../errors.ts";
import type { Environment } from "../system/environment.ts";
import { partsKey } from "./keys.ts";
import type { Log } from "./log.ts";

const SWEEP_EVERY_MS = 60_000;
const BATCH = 100;

/** Looks after uploads that have waited long enough: those that a record refers to stay, the others are removed. */
export async function sweepUploads(log: Log, nowMs: number): Promise<void> {
  for (;;) {
    const aged = await log.agedUploads(nowMs, BATCH);
    for (const { key, upload } of aged) {
      const rows = await log.byKeys(key, [partsKey(upload)]);
      if (rows.length > 0) await log.keepParts(key, upload);
      else await log.removeParts(key, upload);
    }
    if (aged.length < BATCH) return;
  }
}

/** Sweeps now and then, until the returned function is called. What fails is tried again the next time. */
export function sweepUploadsInBackground(log: Log, { clock }: Environment): () => void {
  let cancel = () => {};
  let isStopped = false;
  const again = (): void => {
    if (!isStopped) cancel = clock.after(SWEEP_EVERY_MS, sweep);
  };
  const sweep = (): void => {
    sweepUploads(log, clock.nowMs())
      .catch((error) => {
        if (!isStopped) process.emitWarning(toCairnError(error));
      })
      .finally(again);
  };
  again();
  return () => {
    isStopped = true;
    cancel();
  };
}
