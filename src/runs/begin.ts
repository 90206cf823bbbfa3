import { create } from "@bufbuild/protobuf";
import { passBreakpoints } from "../engine/breakpoints.ts";
import { toCheckpoint } from "../engine/checkpoint.ts";
import { withHandlers } from "../engine/error-handler.ts";
import { applyInput, inputWrites } from "../engine/input.ts";
import { isFinished } from "../engine/task-status.ts";
import { prepareTasks } from "../engine/tasks.ts";
import { CairnError, invalidField } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { TaskRefSchema } from "../gen/cairn/v1/event_pb.ts";
import type { Input, OnBusy, RunOptions } from "../gen/cairn/v1/run_service_pb.ts";
import { ThreadStatus } from "../gen/cairn/v1/thread_service_pb.ts";
import { limits } from "../limits.ts";
import { threadNotFound } from "../not-found.ts";
import type { Draft, ThreadKey, ThreadTail } from "../store/store.ts";
import { EMPTY_METADATA } from "../store/thread-record.ts";
import { type Answers, giveAnswers, takeAnswers } from "./answers.ts";
import { carryOver, carryOverChildren } from "./carry-over.ts";
import { EventMaker } from "./event-bodies.ts";
import { beginAnew, chooseGraph, findIn, type Loaded } from "./load.ts";
import { loadChildrenForRun, loadWhole } from "./load-children.ts";
import { loadForRun } from "./load-for-run.ts";
import type { RunParts } from "./parts.ts";
import { lastStepOf, leaseOf, type RunPlan, stampOf } from "./run-plan.ts";
import { destinationOf, type Fork, travelInto } from "./travel.ts";

/** What a call asks for. */
export type Intent = { kind: "input"; input: Input } | { kind: "continue" } | { kind: "resume"; answers: Answers };

export interface RunCall {
  key: ThreadKey;
  intent: Intent;
  options: RunOptions;
  single: boolean;
  request: { id: string; bodyHash: Uint8Array } | undefined;
  /** Answer at once: a server goes on with the run by itself. */
  background: boolean;
  /** What to do when another run holds the thread. */
  onBusy: OnBusy;
}

/** A run that is ready to begin: what it starts from, and the record that takes the lease. */
export interface Beginning {
  plan: RunPlan;
  loaded: Loaded;
  /** Undefined: nothing is due, so nothing is written and no lease is taken. */
  draft: Draft | undefined;
  /** Forks and migrations of subgraphs, to be saved before anything runs. */
  forks: readonly Fork[];
}

/**
 * Prepares a run on a thread that nobody holds. One record takes the lease, applies the input or saves the answers,
 * and remembers the request: either all of it is there or nothing is.
 */
export async function begin(parts: RunParts, call: RunCall, runId: string, thread: ThreadTail): Promise<Beginning> {
  const { key, intent, options } = call;
  if (!thread.exists && intent.kind === "resume") throw threadNotFound(key.thread);
  const choice = { name: options.graphName, hash: options.graphHash, field: "options.graph_name" };
  // A graph that is named can be read together with the checkpoint; what is wrong with it is told after that.
  const named = choice.name === "" ? undefined : chooseGraph(parts, key, choice, undefined);
  named?.catch(() => {});
  if (options.namespace !== "" && intent.kind !== "continue") {
    throw invalidField("options.namespace", "an input or an answer is for the outermost graph");
  }
  const destination =
    options.namespace === "" ? undefined : await destinationOf(parts, key, options.namespace, options.checkpointId);
  const stored = await findIn(parts, key, thread, destination?.rootCheckpointId ?? options.checkpointId);
  if (stored === undefined && intent.kind !== "input") throw nothingToGoOnFrom(key, intent.kind);
  const loaded = await loadForRun(parts, await (named ?? chooseGraph(parts, key, choice, stored)), key, "", stored);
  await loadChildrenForRun(parts, key, loaded);
  const plan = planOf(call, runId, (thread.tail.lease?.epoch ?? 0n) + 1n, loaded);
  const events = new EventMaker(runId, "");
  const lease = leaseOf(plan, parts.serverId, parts.environment.clock.nowMs());
  const draft: Draft = { events: [], writes: [], lease, status: ThreadStatus.BUSY, request: call.request };
  let forks: readonly Fork[] = [];
  const superseded = options.checkpointId !== "" && thread.tail.headCheckpointId !== options.checkpointId;
  if (intent.kind === "input") {
    inputWrites(loaded.state.graph, intent.input, "input");
    enter(parts, plan, loaded, draft, "input", () => applyInput(loaded.state, intent.input));
  } else if (intent.kind === "continue") {
    if (destination !== undefined) {
      const due = prepareTasks(loaded.state);
      passBreakpoints(loaded.state);
      enter(parts, plan, loaded, draft, "fork", () => {});
      forks = await travelInto(parts, plan, loaded, due, destination);
    } else if (options.checkpointId !== "") travel(parts, plan, loaded, draft, superseded);
    else if (prepareTasks(loaded.state).length > 0) forks = goOn(parts, plan, loaded, draft);
    if (prepareTasks(loaded.state).length === 0 && draft.checkpoint === undefined) {
      // What is not saved is not shown either.
      const shown = loaded.migrated && stored ? await loadWhole(parts, key, stored) : loaded;
      return { plan, loaded: shown, draft: undefined, forks };
    }
  } else {
    const given = takeAnswers(loaded, intent.answers, superseded);
    draft.events = [events.make({ case: "interruptAnswered", value: { interruptIds: given.interruptIds } })];
    if (superseded) {
      passAll(loaded);
      // The new branch has tasks of its own: the old ones' results are saved, and stay what they are.
      enter(parts, plan, loaded, draft, "fork", () => {});
    } else forks = goOn(parts, plan, loaded, draft);
    giveAnswers(given, parts.environment.clock.nowMs(), draft);
  }
  draft.events = [runStarted(events, plan, loaded, stored?.checkpoint.id ?? ""), ...(draft.events ?? [])];
  if (draft.checkpoint !== undefined) draft.events.push(events.checkpointSaved(draft.checkpoint));
  return { plan, loaded, draft, forks };
}

/**
 * Goes on where the thread stands. What was saved under an older schema_version gets checkpoints of its own first: the
 * draft's, and those of subgraphs.
 */
function goOn(parts: RunParts, plan: RunPlan, loaded: Loaded, draft: Draft): Fork[] {
  const stamp = () => stampOf(parts, plan);
  const carried = carryOver(loaded, stamp());
  if (carried !== undefined) {
    draft.checkpoint = carried.checkpoint;
    draft.hasFreshId = true;
    draft.writes = carried.writes;
  }
  const forks = carryOverChildren(loaded, stamp);
  passAll(loaded);
  return forks;
}

/** Lets the graph, and the subgraphs that its tasks have begun, pass the breakpoints where they stand. */
function passAll({ state, children }: Loaded): void {
  passBreakpoints(state);
  for (const child of children.values()) passAll(child);
}

function planOf(call: RunCall, runId: string, epoch: bigint, { state }: Loaded): RunPlan {
  const { options } = call;
  const { spec } = state.graph;
  const supersteps = options.recursionLimit === 0 ? limits.recursionLimitDefault : options.recursionLimit;
  return {
    key: call.key,
    runId,
    epoch,
    supersteps,
    lastStep: lastStepOf(state, supersteps),
    interruptBefore: options.interruptBefore.length > 0 ? options.interruptBefore : spec.interruptBefore,
    interruptAfter: options.interruptAfter.length > 0 ? options.interruptAfter : spec.interruptAfter,
    single: call.single,
    durability: options.durability,
    metadata: options.metadata.length > 0 ? options.metadata : EMPTY_METADATA,
    request: call.request,
  };
}

/** Makes the checkpoint of an input or a fork, which the run's first record carries. */
function enter(
  parts: RunParts,
  plan: RunPlan,
  loaded: Loaded,
  draft: Draft,
  source: "input" | "fork",
  change: () => void,
): void {
  const { state, migrated } = loaded;
  const parentId = state.checkpointId === "" ? undefined : state.checkpointId;
  const previousVersions = migrated?.previousVersions ?? new Map(state.versions);
  change();
  draft.hasFreshId = true;
  draft.checkpoint = toCheckpoint(state, {
    ...stampOf(parts, plan),
    parentId,
    source,
    ran: [],
    previousVersions,
  }).checkpoint;
  beginAnew(loaded);
}

/**
 * Goes on from a checkpoint that was named. A fork checkpoint starts the new branch, unless the one named is the
 * head and a fork or an update itself. Tasks that had finished there run again (LangGraph's rule).
 */
function travel(parts: RunParts, plan: RunPlan, loaded: Loaded, draft: Draft, superseded: boolean): void {
  const { state } = loaded;
  const isBranch = state.source === "update" || state.source === "fork";
  passBreakpoints(state);
  if (isBranch && !superseded && loaded.migrated === undefined) beginAnew(loaded);
  else enter(parts, plan, loaded, draft, "fork", () => {});
}

function runStarted(
  events: EventMaker,
  plan: RunPlan,
  loaded: Loaded,
  checkpointId: string,
): ReturnType<EventMaker["make"]> {
  const { state, statuses } = loaded;
  const reused = withHandlers(state, prepareTasks(state), statuses).filter(({ id }) => isFinished(statuses.get(id)));
  return events.make({
    case: "runStarted",
    value: {
      graphName: state.graph.name,
      graphHash: state.graph.hash,
      checkpointId,
      epoch: plan.epoch,
      reusedTasks: reused.map(({ id, node }) => create(TaskRefSchema, { taskId: id, node })),
    },
  });
}

function nothingToGoOnFrom(key: ThreadKey, kind: "continue" | "resume"): CairnError {
  const thread = JSON.stringify(key.thread);
  return kind === "continue"
    ? new CairnError(ErrorReason.EMPTY_INPUT, `thread ${thread} has no checkpoint to go on from: give an input`, {
        metadata: { thread_id: key.thread },
      })
    : new CairnError(
        ErrorReason.NOTHING_TO_RESUME,
        `thread ${thread} has no checkpoint, so nothing waits for an answer`,
        {
          metadata: { thread_id: key.thread, waiting: "" },
        },
      );
}
