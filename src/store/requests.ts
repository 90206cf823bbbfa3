import type { Record } from "../gen/cairn/store/v1/record_pb.ts";
import { limits } from "../limits.ts";
import { requestKey } from "./keys.ts";
import type { Log, ThreadKey } from "./log.ts";
import { decodeRow } from "./record-codec.ts";
import type { KnownRequest } from "./store.ts";

/** What the thread's records say of a request, those older than it is remembered left out. */
export async function findRequest(
  log: Log,
  key: ThreadKey,
  requestId: string,
  nowMs: number,
): Promise<KnownRequest | undefined> {
  const rows = await log.byKeys(key, [requestKey(requestId)]);
  const found = rows
    .map((row) => ({ n: row.n, record: decodeRow(key, row) }))
    .filter(({ record }) => record.request?.id === requestId && nowMs - Number(record.atMs) <= limits.requestKeptMs);
  const [first] = found;
  if (!first?.record.request) return undefined;
  const answered = found.findLast(({ record }) => record.request?.answer !== undefined);
  return {
    bodyHash: first.record.request.bodyHash,
    answer: answered?.record.request?.answer,
    n: (answered ?? first).n,
    runId: runBegunBy(first.record),
    atMs: Number(first.record.atMs),
  };
}

/** The run that a record began: it says so, or it does nothing but take the lease for it. */
function runBegunBy(record: Record): string | undefined {
  if (record.call) return record.call.runId;
  const started = record.events.find(({ body }) => body.case === "runStarted");
  if (started) return started.runId;
  const lease = record.tail?.lease;
  const doesMore = record.checkpoint || record.writes.length > 0 || record.threadMetadata || record.floor;
  return lease?.holder && !doesMore ? lease.runId : undefined;
}
