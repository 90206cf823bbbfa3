import { create } from "@bufbuild/protobuf";
import { CalledRunSchema } from "../gen/cairn/store/v1/record_pb.ts";
import { type Event, RunStatus } from "../gen/cairn/v1/event_pb.ts";
import { OnBusy } from "../gen/cairn/v1/run_service_pb.ts";
import type { Draft, RequestDraft, ThreadTail } from "../store/store.ts";
import type { RunCall } from "./begin.ts";
import { EventMaker, runError } from "./event-bodies.ts";
import { encodeOutcome } from "./outcomes.ts";
import { type RunEnd, threadStatusOf } from "./run-end.ts";

/** How a thread's runs are in line: who holds it, or held it last and is gone, and who waits. */
export interface Line {
  /** The run that is going; undefined between two. */
  going: string | undefined;
  /** One that its server left in the middle; another server, or this one, is to go on with it. */
  lost: string | undefined;
  waiting: string[];
}

export function lineOf({ tail }: ThreadTail, going: string | undefined): Line {
  const { calls, lease } = tail;
  const ids = calls.map(({ runId }) => runId);
  const lost = going === undefined && lease !== undefined && ids[0] === lease.runId ? ids[0] : undefined;
  return { going, lost, waiting: ids.filter((id) => id !== going && id !== lost) };
}

/** Puts a run in line behind the others, or in the place of all of them. */
export function lineUp({ options, intent, onBusy, request, background }: RunCall, runId: string, line: Line): Draft {
  const { going, lost, waiting } = line;
  const takesOver = onBusy === OnBusy.INTERRUPT || onBusy === OnBusy.ROLLBACK;
  const undoRunId = onBusy === OnBusy.ROLLBACK ? (going ?? lost ?? "") : "";
  const cancelled = takesOver ? [...waiting, ...(lost === undefined ? [] : [lost])] : [];
  const before = Number((going ?? lost) !== undefined) + waiting.length - cancelled.length;
  return {
    call: create(CalledRunSchema, {
      runId,
      options,
      input: intent.kind === "input" ? intent.input : undefined,
      undoRunId,
    }),
    events: [...cancelled.map(cancelledEvent), new EventMaker(runId, "").runQueued(Math.max(before, 0))],
    endedCalls: cancelled,
    cancelRun: takesOver && going !== undefined ? { runId: going, gracefully: false } : undefined,
    request: request && (background ? answeredNow(request, runId, RunStatus.QUEUED, "") : request),
  };
}

/** A request of a call that is answered while its run goes on. */
export function answeredNow(
  request: NonNullable<RunCall["request"]>,
  runId: string,
  status: RunStatus,
  checkpointId: string,
): RequestDraft | undefined {
  return { ...request, answer: encodeOutcome({ runId, status }, checkpointId) };
}

/** Takes a run out of the line before it has its turn. */
export function cancelWaiting(runId: string): Draft {
  return { endedCalls: [runId], events: [cancelledEvent(runId)] };
}

/** Ends a run whose turn has come and that can't begin, has nothing to do, or was to be cancelled. */
export function endAtOnce(
  runId: string,
  { tail }: ThreadTail,
  request: RequestDraft | undefined,
  { status, failure }: RunEnd,
): Draft {
  const error = failure && runError(failure);
  return {
    endedCalls: [runId],
    events: [new EventMaker(runId, "").runStopped(status, failure, tail.headCheckpointId, [])],
    status: threadStatusOf.get(status),
    // One that had begun before its server went away still has the lease's name on it.
    lease: tail.lease?.runId === runId ? { ...tail.lease, holder: "" } : undefined,
    request: request && { ...request, answer: encodeOutcome({ runId, status, error }, tail.headCheckpointId) },
  };
}

function cancelledEvent(runId: string): Event {
  return new EventMaker(runId, "").runStopped(RunStatus.CANCELLED, undefined, "", []);
}
