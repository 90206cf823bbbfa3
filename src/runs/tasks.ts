import { evaluate, runAsk, runExpression } from "../engine/evaluate.ts";
import { RunFailure } from "../engine/failure.ts";
import type { CompiledBranch, CompiledNode } from "../engine/graph.ts";
import { entryWrites } from "../engine/input.ts";
import { inputView } from "../engine/input-view.ts";
import { START } from "../engine/names.ts";
import { branchState, decisionWrites, type NodeResult, orNoWrites, resultWrites } from "../engine/node-result.ts";
import { isRetried, retryDelayMs } from "../engine/retry.ts";
import { type GraphState, viewOf } from "../engine/state.ts";
import type { Task } from "../engine/tasks.ts";
import type { Write } from "../engine/write.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { RunStatus } from "../gen/cairn/v1/event_pb.ts";
import type { Draft } from "../store/store.ts";
import { type Environment, fraction } from "../system/environment.ts";
import type { Plain } from "../values/value.ts";
import type { TaskLeases } from "../workers/task-leases.ts";
import { workerTerms } from "../workers/terms.ts";
import type { WorkerHub } from "../workers/worker-hub.ts";
import { inFairTurn } from "./fair-turns.ts";
import type { ModuleCall, NodesModule } from "./modules/nodes-module.ts";
import type { Told } from "./modules/protocol.ts";
import { cacheKeyOf, type NodeCache } from "./node-cache.ts";
import type { SubgraphOutcome } from "./subgraphs.ts";
import type { Question } from "./superstep.ts";
import { withinTime } from "./time-limit.ts";
import { decideAtWorker, runAtWorker } from "./worker-calls.ts";

/** How a task ended. Of a subgraph's, `draft` is what it leaves to be saved. */
export type TaskOutcome =
  | Finished
  | ({ kind: "interrupted" } & Question)
  | { kind: "stopped"; status: RunStatus; draft: Draft }
  | { kind: "command"; result: NodeResult }
  | { kind: "failed"; failure: RunFailure; draft?: Draft };

interface Finished {
  kind: "finished";
  writes: Write[];
  /** How many questions it asked. */
  asked: number;
  /** The result is of an earlier task. */
  cached?: boolean;
  heads?: ReadonlyMap<string, string>;
  draft?: Draft;
}

/** What a node's writes are made with. */
export interface NodeContext {
  space: string;
  state: GraphState;
  threadId: string;
  runId: string;
  modules: NodesModule | undefined;
  workers: Pick<WorkerHub, "run">;
  environment: Environment;
  signal: AbortSignal;
  /** A task tells something while it runs. Absent: nobody listens. */
  hear?(task: Task, told: Exclude<Told, { kind: "alive" }>): void;
}

/** What a task is run with. */
export interface TaskContext extends NodeContext {
  /** Where the leases of tasks at workers are kept; absent: the graph is not saved while it goes on. */
  leases: TaskLeases | undefined;
  cache: NodeCache;
  /** An attempt begins; they count from 1. */
  onStart(task: Task, attempt: number): void;
  /** A task waits for a worker that serves a name. */
  onWaits(task: Task, handler: string, attempt: number): void;
  /** Runs the subgraph that a task is. */
  callSubgraph(task: Task, answers: readonly Plain[]): Promise<SubgraphOutcome>;
}

/** The answers that a task has, and the how manyth attempt at it this is, from 1. */
interface Attempt {
  answers: readonly Plain[];
  attempts: number;
}

/** Runs one task, again after failures as its node's policy says. */
export async function runTask(task: Task, answers: readonly Plain[], context: TaskContext): Promise<TaskOutcome> {
  const node = context.state.graph.nodes.get(task.node) as CompiledNode;
  const policy = node.spec?.retry;
  let earlier: Draft = {};
  for (let attempts = context.leases?.recoveredAttempt(task.id) ?? 1; ; attempts++) {
    context.onStart(task, attempts);
    const outcome = withEarlier(earlier, await attempt(node, task, { answers, attempts }, context));
    if (outcome.kind !== "failed") return outcome;
    if (policy === undefined) {
      if (isLostAgain(outcome.failure, attempts, context)) continue;
      return outcome;
    }
    if (context.signal.aborted || !isRetried(policy, outcome.failure, attempts)) return outcome;
    earlier = outcome.draft ?? {};
    await pause(retryDelayMs(policy, attempts, fraction(context.environment.random)), context);
  }
}

/** A worker that goes away says nothing of the node: without a policy another one gets the task, a few times. */
function isLostAgain({ reason }: RunFailure, attempts: number, { signal }: TaskContext): boolean {
  return reason === ErrorReason.WORKER_LOST && attempts <= workerTerms.taskLossesMax && !signal.aborted;
}

/** What a subgraph's tasks did in an attempt that failed in another of them is to be saved as well. */
function withEarlier({ writes = [], events = [] }: Draft, outcome: TaskOutcome): TaskOutcome {
  const isOfSubgraph = outcome.kind === "finished" || outcome.kind === "stopped" || outcome.kind === "failed";
  if (!isOfSubgraph || writes.length + events.length === 0) return outcome;
  const { writes: own = [], events: told = [] } = outcome.draft ?? {};
  return { ...outcome, draft: { writes: [...writes, ...own], events: [...events, ...told] } };
}

/** Waits, but not longer than the run goes on. */
async function pause(delayMs: number, { environment, signal }: TaskContext): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const stopTimer = environment.clock.after(delayMs, resolve);
  const stop = (): void => resolve();
  signal.addEventListener("abort", stop, { once: true });
  await promise;
  signal.removeEventListener("abort", stop);
  stopTimer();
}

/** What a node's code does wrong is an outcome; what is thrown is a fault of ours. */
async function attempt(
  node: CompiledNode,
  task: Task,
  { answers, attempts }: Attempt,
  context: TaskContext,
): Promise<TaskOutcome> {
  let draft: Draft | undefined;
  try {
    if (node.subgraph !== undefined) {
      const called = await context.callSubgraph(task, answers);
      if (called.kind !== "returned") return called;
      draft = called.draft;
      const { heads } = called;
      return { kind: "finished", writes: await written(node, called.result, context), asked: 0, heads, draft };
    }
    const key = cacheKeyOf(context.space, context.state, node, task);
    const known = key === undefined ? undefined : context.cache.get(key);
    if (known !== undefined) return { kind: "finished", writes: [...known], asked: 0, cached: true };
    const result = await runNode(node, task, { answers, attempts }, context);
    if ("value" in result) return { kind: "interrupted", ...result };
    if (result.toParent) return commandOf(node, result, context);
    const writes = await written(node, result, context);
    const { asked = 0 } = result;
    // What a person has answered is not for others.
    if (key !== undefined && asked === 0) context.cache.put(key, writes, node.spec?.cache?.ttl);
    return { kind: "finished", writes, asked };
  } catch (thrown) {
    if (!(thrown instanceof RunFailure)) throw thrown;
    return { kind: "failed", failure: thrown.at({ node: task.node, taskId: task.id }), draft };
  }
}

async function written(node: CompiledNode, result: NodeResult, context: NodeContext): Promise<Write[]> {
  return orNoWrites(await allWrites(node, result, context));
}

function commandOf({ name }: CompiledNode, result: NodeResult, { state }: NodeContext): TaskOutcome {
  if (state.namespace !== "") return { kind: "command", result: { ...result, toParent: false } };
  const message = `node ${JSON.stringify(name)} gives a command to the enclosing graph, but this graph has none`;
  return { kind: "failed", failure: new RunFailure(ErrorReason.NODE_FAILED, message, { node: name }) };
}

async function runNode(
  node: CompiledNode,
  task: Task,
  { answers, attempts }: Attempt,
  context: TaskContext,
): Promise<NodeResult | Question> {
  if (node.name === START) return { update: entryWrites(context.state.graph, context.state), goto: [] };
  const kind = node.spec?.kind;
  if (kind?.case === "expression") return inFairTurn(() => runExpression(node, inputView(task)));
  if (kind?.case === "ask") return inFairTurn(() => runAsk(node, inputView(task), answers));
  if (kind?.case === "module") {
    const call = { function: kind.value.function || node.name, params: kind.value.params, node: node.name };
    return timed(node, task, context, (signal, hear) =>
      modulesOf(node.name, context).runNode({ ...callOf(task, context), ...call, answers: [...answers] }, signal, hear),
    );
  }
  if (kind?.case === "worker") {
    const call = { node, worker: kind.value, task, answers, attempt: attempts };
    return timed(node, task, context, (signal, hear) => runAtWorker(call, context, signal, hear));
  }
  throw new RunFailure(
    ErrorReason.NODE_FAILED,
    `node ${JSON.stringify(node.name)}: this server can't run nodes of kind ${kind?.case}`,
  );
}

/** Runs code of a node's own, which may take only so long, and whose listeners hear what it tells. */
function timed<Result>(
  { name, spec }: CompiledNode,
  task: Task,
  context: TaskContext,
  run: (signal: AbortSignal, hear: (told: Told) => void) => Promise<Result>,
): Promise<Result> {
  const { clock } = context.environment;
  const limit = { clock, signal: context.signal, policy: spec?.timeout, ownLimit: task.timeout, node: name };
  return withinTime(limit, (signal, alive) =>
    run(signal, (told) => {
      alive();
      if (told.kind !== "alive") context.hear?.(task, told);
    }),
  );
}

/** A node's writes with those of its conditional edges, which see its own writes. */
export async function allWrites(node: CompiledNode, result: NodeResult, context: NodeContext): Promise<Write[]> {
  const { graph } = context.state;
  const own = resultWrites(graph, node, result);
  if (node.branches.length === 0) return own;
  const fresh = branchState(context.state, own);
  const decided: Write[] = [];
  for (const branch of node.branches) {
    decided.push(...decisionWrites(graph, node, branch, await decide(node, branch, fresh, context)));
  }
  return [...own, ...decided];
}

async function decide(
  node: CompiledNode,
  branch: CompiledBranch,
  state: ReturnType<typeof branchState>,
  context: NodeContext,
): Promise<Plain> {
  const { program } = branch;
  if (program !== undefined) return inFairTurn(() => evaluate(program, viewOf(state), node.name));
  if (branch.worker !== undefined) return decideAtWorker(node, branch.worker, state, context);
  const call = { input: { state }, taskId: "", threadId: context.threadId, runId: context.runId };
  const { function: name = "", params } = branch.module ?? {};
  return modulesOf(node.name, context).decide(
    { ...call, function: name, params, node: node.name, answers: [] },
    context.signal,
  );
}

function modulesOf(node: string, { modules }: NodeContext): NodesModule {
  if (modules !== undefined) return modules;
  throw new RunFailure(
    ErrorReason.NODE_FAILED,
    `node ${JSON.stringify(node)} needs a nodes module: start the server with --nodes FILE`,
  );
}

function callOf(
  task: Task,
  { threadId, runId }: NodeContext,
): Pick<ModuleCall, "input" | "taskId" | "threadId" | "runId"> {
  return { input: task.input, taskId: task.id, threadId, runId };
}
