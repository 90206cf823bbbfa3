import { create } from "@bufbuild/protobuf";
import { CairnError } from "../errors.ts";
import type { Record } from "../gen/cairn/store/v1/record_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { RunStatus } from "../gen/cairn/v1/event_pb.ts";
import { type RunInfo, RunInfoSchema } from "../gen/cairn/v1/run_service_pb.ts";
import { isOfLifecycle } from "../store/keys.ts";
import type { Store, ThreadKey } from "../store/store.ts";

/** Records read at a time while runs are put together. */
const batch = 200;

/** Says whether a run without an end is going somewhere. */
export type IsGoing = (runId: string) => boolean;

/** A run, as its thread's log tells it. Throws RUN_NOT_FOUND. */
export async function readRun(store: Store, key: ThreadKey, runId: string, isGoing: IsGoing): Promise<RunInfo> {
  const records = await store.runRecords(key, runId, Number.POSITIVE_INFINITY, batch);
  const info = infoOf(
    key,
    runId,
    records.map(({ record }) => record),
    isGoing,
  );
  if (info !== undefined) return info;
  throw new CairnError(
    ErrorReason.RUN_NOT_FOUND,
    `thread ${JSON.stringify(key.thread)} has no run ${JSON.stringify(runId)}`,
    { metadata: { thread_id: key.thread, run_id: runId } },
  );
}

/** Runs of a thread whose first record is before position `beforeN`, newest first; `next` is where to go on, 0 at the end. */
export async function readRuns(
  store: Store,
  key: ThreadKey,
  beforeN: number,
  limit: number,
  isGoing: IsGoing,
): Promise<{ runs: RunInfo[]; next: number }> {
  const found = new Map<string, { n: number; records: Record[] }>();
  let before = beforeN;
  for (;;) {
    const page = await store.runRecords(key, undefined, before, batch);
    for (const { n, record } of page) {
      for (const { runId } of record.events.filter(({ body }) => isOfLifecycle(body.case))) {
        const run = found.get(runId) ?? { n, records: [] };
        if (!run.records.includes(record)) run.records.push(record);
        found.set(runId, { ...run, n });
      }
      before = n;
    }
    const complete = [...found].filter(([runId, { records }]) => startOf(runId, records) !== undefined);
    if (complete.length > limit || page.length < batch) {
      const runs = complete.slice(0, limit);
      return {
        runs: runs.flatMap(([runId, { records }]) => infoOf(key, runId, records, isGoing) ?? []),
        next: complete.length > limit ? (runs.at(-1)?.[1].n ?? 0) : 0,
      };
    }
  }
}

/** The oldest record that tells of the run waiting or starting. */
function startOf(runId: string, records: readonly Record[]): Record | undefined {
  return records.findLast(({ events }) =>
    events.some((event) => event.runId === runId && isOfLifecycle(event.body.case) && event.body.case !== "runStopped"),
  );
}

/** Puts a run together from its records, newest first. */
function infoOf(key: ThreadKey, runId: string, records: readonly Record[], isGoing: IsGoing): RunInfo | undefined {
  if (startOf(runId, records) === undefined) return undefined;
  const events = records.flatMap((record) => record.events.filter((event) => event.runId === runId));
  const began = events.findLast(({ body }) => body.case === "runStarted");
  const started = began?.body.case === "runStarted" ? began.body.value : undefined;
  // A run that was taken on has stopped as lost before, and may have started again since.
  const last = records[0]?.events.findLast((event) => event.runId === runId && isOfLifecycle(event.body.case));
  const stop = last?.body.case === "runStopped" ? last.body.value : undefined;
  const open = began === undefined ? RunStatus.QUEUED : isGoing(runId) ? RunStatus.RUNNING : RunStatus.LOST;
  return create(RunInfoSchema, {
    runId,
    threadId: key.thread,
    graphName: started?.graphName,
    graphHash: started?.graphHash,
    status: stop?.status ?? open,
    error: stop?.error,
    startedAt: began?.at,
    stoppedAt: stop && last?.at,
    checkpointId: stop?.checkpointId ?? started?.checkpointId,
  });
}
