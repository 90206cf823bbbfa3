import type { Record } from "../gen/cairn/store/v1/record_pb.ts";
import { limits } from "../limits.ts";
import { isOfLifecycle } from "./keys.ts";
import type { ThreadTail } from "./store.ts";
import { nameOf, tellsOf, withoutCheckpoints } from "./stripped.ts";

/** What of its old records a thread goes on to need. */
export interface Needed {
  thread: ThreadTail;
  /** Runs whose beginnings and ends stay known. */
  runs: ReadonlySet<string>;
  nowMs: number;
}

/** A record that has lost these checkpoints, but whose events can still be read. */
export function withoutNamed(record: Record, names: ReadonlySet<string>): Record {
  const left = withoutCheckpoints(record, names);
  return { ...left, events: record.events.filter((event) => !tellsOf(event, names)) };
}

/** What is left of a record whose events can't be read any more. */
export function withoutHistory(n: number, record: Record, names: ReadonlySet<string>, needed: Needed): Record {
  const { thread, runs, nowMs } = needed;
  // As long as its request may be repeated, what the run was called with is a part of the answer.
  const isRemembered = record.request !== undefined && nowMs - Number(record.atMs) <= limits.requestKeptMs;
  return {
    ...withoutCheckpoints(record, names),
    events: record.events.filter(({ body, runId }) => isOfLifecycle(body.case) && (isRemembered || runs.has(runId))),
    clearedWrites: record.clearedWrites.filter(
      ({ namespace, checkpointId }) => !names.has(nameOf({ namespace, id: checkpointId })),
    ),
    deletedCheckpoints: [],
    request: isRemembered ? record.request : undefined,
    call: isRemembered ? record.call : undefined,
    threadMetadata: n === Number(thread.tail.metadataAt) ? record.threadMetadata : undefined,
  };
}

/** Whether a record that was stripped differs from what it was. */
export function differs(before: Record, after: Record): boolean {
  return sizesOf(before).join() !== sizesOf(after).join();
}

/** Stripping only takes away, so that to count is enough. */
function sizesOf(record: Record): unknown[] {
  const { checkpoint, values, writes, events, request, threadMetadata, clearedWrites, deletedCheckpoints, call } =
    record;
  const stored = values.filter(({ storage }) => storage.case).length;
  const lists = [writes, events, clearedWrites, deletedCheckpoints].map(({ length }) => length);
  return [stored, ...lists, !checkpoint, checkpoint?.parentPruned, !request, !threadMetadata, !call];
}
