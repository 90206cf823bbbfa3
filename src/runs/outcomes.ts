import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { RunStatus } from "../gen/cairn/v1/event_pb.ts";
import { type RunOutcome, RunOutcomeSchema } from "../gen/cairn/v1/run_service_pb.ts";
import type { ThreadKey, ThreadTail } from "../store/store.ts";
import type { Beginning } from "./begin.ts";
import { runError } from "./event-bodies.ts";
import { findStored, loadState } from "./load.ts";
import { loadChildren, loadWhole } from "./load-children.ts";
import type { RunParts } from "./parts.ts";
import type { Run } from "./run.ts";
import type { RunEnd } from "./run-end.ts";
import { stateSnapshot } from "./state-view.ts";

/** An outcome as it is kept: of its state the checkpoint, "" for the head. The state is read again from there. */
export function encodeOutcome(
  { runId, status, error }: Pick<RunOutcome, "runId" | "status" | "error">,
  checkpointId: string,
): Uint8Array {
  return toBinary(RunOutcomeSchema, create(RunOutcomeSchema, { runId, status, error, state: { checkpointId } }));
}

/** An outcome that was kept, as it was after the thread's record `n`. */
export async function decodeOutcome(
  parts: RunParts,
  key: ThreadKey,
  answer: Uint8Array,
  n: number,
): Promise<RunOutcome> {
  const outcome = fromBinary(RunOutcomeSchema, answer);
  const [last] = await parts.store.runRecords(key, outcome.runId, n + 1, 1);
  outcome.lastEventNumber = last?.record.events.at(-1)?.number ?? 0n;
  const asOf = Number.isFinite(n) ? n : undefined;
  const stored = await findStored(parts, key, "", outcome.state?.checkpointId ?? "", asOf);
  outcome.state = stored && stateSnapshot(stored.checkpoint, await loadWhole(parts, key, stored, asOf), true);
  return outcome;
}

/** The outcome of a run that has just ended. `intact`: what it has in memory is what has been saved. */
export async function outcomeOf(parts: RunParts, run: Run, end: RunEnd, intact: boolean): Promise<RunOutcome> {
  const outcome = create(RunOutcomeSchema, ended(run, end));
  outcome.lastEventNumber = run.thread.tail.lastEventNumber;
  outcome.state = intact ? stateSnapshot(run.checkpoint, run.loaded, true) : await reread(parts, run);
  return outcome;
}

/** The outcome of a call that found nothing due, and wrote nothing. */
export function outcomeOfNothing({ loaded, plan }: Beginning, { tail }: ThreadTail): RunOutcome {
  const checkpoint = loaded.stored?.checkpoint;
  return create(RunOutcomeSchema, {
    runId: plan.runId,
    status: RunStatus.DONE,
    state: checkpoint && stateSnapshot(checkpoint, loaded, true),
    lastEventNumber: tail.lastEventNumber,
  });
}

/** What a retry is answered from: how the run ended, and at which checkpoint the thread stands once that is committed. */
export function answerOf(run: Run, end: RunEnd): Uint8Array {
  const { state } = run.loaded;
  const uncommitted = end.failure !== undefined && state.checkpointId !== run.checkpoint.id;
  return encodeOutcome(ended(run, end), uncommitted ? run.checkpoint.id : state.checkpointId);
}

function ended({ plan }: Run, { status, failure }: RunEnd): Pick<RunOutcome, "runId" | "status" | "error"> {
  return { runId: plan.runId, status, error: failure && runError(failure) };
}

async function reread(parts: RunParts, { plan, loaded, checkpoint }: Run): Promise<RunOutcome["state"]> {
  const stored = await findStored(parts, plan.key, "", checkpoint.id);
  if (stored === undefined) return undefined;
  const again = loadState(loaded.state.graph, plan.key, "", stored);
  await loadChildren(parts, plan.key, again);
  return stateSnapshot(stored.checkpoint, again, true);
}
