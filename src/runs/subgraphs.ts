import { toCheckpoint } from "../engine/checkpoint.ts";
import { RunFailure } from "../engine/failure.ts";
import type { CompiledGraph } from "../engine/graph.ts";
import { applyInput } from "../engine/input.ts";
import { knownAs } from "../engine/kept-tasks.ts";
import type { NodeResult } from "../engine/node-result.ts";
import { readChannels } from "../engine/state.ts";
import { type CompiledSubgraph, namespaceOf, subgraphInput, subgraphUpdate } from "../engine/subgraph.ts";
import type { Task } from "../engine/tasks.ts";
import { CairnError } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { RunStatus } from "../gen/cairn/v1/event_pb.ts";
import type { Draft } from "../store/store.ts";
import type { Plain } from "../values/value.ts";
import { GraphLoop, type LoopEnd, type LoopHost, type LoopPlan } from "./graph-loop.ts";
import { findStored, type Loaded, subgraphOf } from "./load.ts";
import { loadForRun } from "./load-for-run.ts";
import { Replay } from "./replay.ts";
import { lastStepOf, stampOf } from "./run-plan.ts";
import type { Question } from "./superstep.ts";

/** What came of a call of a subgraph. */
export type SubgraphOutcome =
  | { kind: "returned"; result: NodeResult; heads: Map<string, string>; draft: Draft }
  | ({ kind: "interrupted" } & Question)
  | { kind: "stopped"; status: RunStatus; draft: Draft }
  | { kind: "failed"; failure: RunFailure; draft: Draft };

/** The longest namespace; a deeper one could not be stored. */
const namespaceBytesMax = 1024;

/** A task of a graph's loop that calls a subgraph. */
interface SubgraphCall {
  outer: GraphLoop;
  task: Task;
  /** Those that the task has been given. */
  answers: readonly Plain[];
}

/**
 * Runs a subgraph for a task: on from where an earlier call was stopped in it, or from the beginning, with each attempt
 * (LangGraph's rule). `draft` holds what the caller is to save with the task's own outcome.
 */
export async function callSubgraph(host: LoopHost, call: SubgraphCall): Promise<SubgraphOutcome> {
  const { task } = call;
  const outer = call.outer.loaded;
  const subgraph = outer.state.graph.nodes.get(task.node)?.subgraph as CompiledSubgraph;
  const inProgress = call.outer.begun.has(task.id) ? undefined : outer.children.get(task.id);
  const inner = inProgress ?? (await open(host, outer, task, subgraph).catch((thrown) => fail(thrown, task.node)));
  const loop = new GraphLoop(host, planOf(host, call, inner, subgraph), inner);
  if (inProgress === undefined) {
    call.outer.begun.add(task.id);
    const versions = new Map(inner.state.versions);
    applyGiven(inner, task);
    await saveInput(host, loop, versions);
  } else loop.output = readChannels(inner.state);
  if (loop.plan.replay === undefined) outer.children.set(task.id, inner);
  const end = await loop.drive();
  const draft = await saveCheckpoint(host, loop, end.draft);
  if (end.failure !== undefined) return { kind: "failed", failure: end.failure, draft };
  if (end.question !== undefined) return { kind: "interrupted", ...end.question };
  if (end.status !== RunStatus.DONE) return { kind: "stopped", status: end.status, draft };
  outer.children.delete(task.id);
  return { kind: "returned", result: resultOf(loop, end, outer.state.graph), heads: headsOf(inner, subgraph), draft };
}

/** The state that a call begins with: empty, or where the thread's one state stands. */
async function open({ parts, plan }: LoopHost, outer: Loaded, task: Task, subgraph: CompiledSubgraph): Promise<Loaded> {
  const graph = await subgraphOf(parts, plan.key.space, subgraph);
  const { state } = outer;
  const namespace = namespaceOf(state.namespace, task, subgraph);
  if (Buffer.byteLength(namespace) > namespaceBytesMax) throw tooDeep(task.node);
  const head = subgraph.perThread ? state.heads.get(namespace) : undefined;
  const stored = head === undefined ? undefined : await findStored(parts, plan.key, namespace, head);
  const inner = await loadForRun(parts, graph, plan.key, namespace, stored);
  inner.state.parents = { ...state.parents, [state.namespace]: knownAs(state) };
  for (const [name, checkpointId] of state.heads) inner.state.heads.set(name, checkpointId);
  return inner;
}

function planOf({ plan }: LoopHost, call: SubgraphCall, { state }: Loaded, { saved }: CompiledSubgraph): LoopPlan {
  const { interruptBefore, interruptAfter } = state.graph.spec;
  const lastStep = lastStepOf(state, plan.supersteps);
  // Within what is not saved nothing is.
  const replay = call.outer.plan.replay ?? (saved ? undefined : new Replay(call.answers));
  return { interruptBefore, interruptAfter, lastStep, single: false, nested: true, replay };
}

/** Begins a call with its input. What is due from a call before, of the one state for the thread, is dropped. */
function applyGiven({ state, statuses }: Loaded, task: Task): void {
  try {
    applyInput(state, subgraphInput(task, state.graph));
  } catch (thrown) {
    fail(thrown, task.node);
  }
  statuses.clear();
}

async function saveInput(host: LoopHost, loop: GraphLoop, previousVersions: Map<string, number>): Promise<void> {
  const { state } = loop.loaded;
  const { checkpoint } = toCheckpoint(state, {
    ...stampOf(host.parts, host.plan),
    parentId: state.checkpointId === "" ? undefined : state.checkpointId,
    source: "input",
    ran: [],
    previousVersions,
  });
  const events = [loop.events.checkpointSaved(checkpoint)];
  await saveCheckpoint(host, loop, { checkpoint, hasFreshId: true, events });
}

/** Commits the checkpoint of a draft, if it has one: a record holds one only. Gives what is left to be saved. */
async function saveCheckpoint(host: LoopHost, loop: GraphLoop, draft: Draft): Promise<Draft> {
  if (loop.plan.replay !== undefined) return {};
  if (draft.checkpoint === undefined) return draft;
  loop.committed(await host.append(draft));
  return {};
}

function resultOf(loop: GraphLoop, { command }: LoopEnd, outer: CompiledGraph): NodeResult {
  return command ?? { update: subgraphUpdate(loop.output ?? new Map(), outer), goto: [] };
}

/** Where the thread's subgraphs stand after the call, as far as it moved them. */
function headsOf({ state }: Loaded, { perThread }: CompiledSubgraph): Map<string, string> {
  const heads = new Map(state.heads);
  if (perThread) heads.set(state.namespace, state.checkpointId);
  return heads;
}

function tooDeep(node: string): RunFailure {
  const message = `node ${JSON.stringify(node)}: its namespace is longer than ${namespaceBytesMax} bytes: subgraphs are nested too deep`;
  return new RunFailure(ErrorReason.LIMIT_REACHED, message, { node });
}

/** Faults of the store, and of ours, are none of the node's. */
const ours = new Set<ErrorReason>([
  ErrorReason.STORE_UNAVAILABLE,
  ErrorReason.STORE_FULL,
  ErrorReason.DATA_CORRUPT,
  ErrorReason.INTERNAL,
]);

/** Why a subgraph can't begin, as a failure of the node that calls it. */
function fail(thrown: unknown, node: string): never {
  if (!(thrown instanceof CairnError) || ours.has(thrown.reason)) throw thrown;
  throw new RunFailure(thrown.reason, `node ${JSON.stringify(node)}: ${thrown.message}`, { node });
}
