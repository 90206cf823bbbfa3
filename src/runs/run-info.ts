import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { CairnError } from "../errors.ts";
import type { Record } from "../gen/cairn/store/v1/record_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { RunStatus } from "../gen/cairn/v1/event_pb.ts";
import { type RunInfo, RunInfoSchema } from "../gen/cairn/v1/run_service_pb.ts";
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
      for (const { runId } of record.events.filter(
        ({ body }) => body.case === "runStarted" || body.case === "runStopped",
      )) {
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

function startOf(runId: string, records: readonly Record[]): Record | undefined {
  return records.findLast(({ events }) =>
    events.some((event) => event.runId === runId && event.body.case === "runStarted"),
  );
}

/** Puts a run together from its records, newest first. */
function infoOf(key: ThreadKey, runId: string, records: readonly Record[], isGoing: IsGoing): RunInfo | undefined {
  const first = startOf(runId, records);
  const newest = records[0];
  if (first === undefined || newest === undefined) return undefined;
  const bodies = records.flatMap(({ events }) =>
    events.filter((event) => event.runId === runId).map(({ body }) => body),
  );
  const started = bodies.find((body) => body.case === "runStarted")?.value;
  const stopped = newest.events.find((event) => event.runId === runId && event.body.case === "runStopped")?.body;
  const stop = stopped?.case === "runStopped" ? stopped.value : undefined;
  return create(RunInfoSchema, {
    runId,
    threadId: key.thread,
    graphName: started?.graphName,
    graphHash: started?.graphHash,
    status: stop?.status ?? (isGoing(runId) ? RunStatus.RUNNING : RunStatus.LOST),
    error: stop?.error,
    startedAt: timestampFromMs(Number(first.atMs)),
    stoppedAt: stop && timestampFromMs(Number(newest.atMs)),
    checkpointId: stop?.checkpointId ?? started?.checkpointId,
  });
}
