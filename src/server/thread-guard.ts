import { CairnError } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { checkpointNotFound, threadNotFound } from "../not-found.ts";
import { leaseState } from "../runs/lease.ts";
import type { Store, ThreadKey, ThreadTail } from "../store/store.ts";
import type { Parts } from "./service.ts";

/** Throws THREAD_BUSY while a run holds the thread, or waits for it. */
export function checkNotHeld({ tail }: ThreadTail, threadId: string, parts: Parts): void {
  const { store, serverId, environment } = parts;
  const view = { serverId, exclusive: store.exclusive, nowMs: environment.clock.nowMs() };
  const holder = leaseState(tail, view) === "held" ? tail.lease?.runId : tail.calls[0]?.runId;
  if (holder === undefined) return;
  throw new CairnError(ErrorReason.THREAD_BUSY, "a run holds the thread", {
    metadata: { thread_id: threadId, run_id: holder },
  });
}

/** What is missing, the checkpoint or its whole thread. */
export async function notFound(
  store: Store,
  key: ThreadKey,
  namespace: string,
  checkpointId: string | undefined,
): Promise<CairnError> {
  if (!(await store.tail(key)).exists) return threadNotFound(key.thread);
  return checkpointNotFound(checkpointId, { ...key, namespace });
}
