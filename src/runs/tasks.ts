import type { StateView } from "../engine/cel.ts";
import type { Cell } from "../engine/cell.ts";
import { evaluate, runAsk, runExpression } from "../engine/evaluate.ts";
import { RunFailure } from "../engine/failure.ts";
import type { CompiledBranch, CompiledNode } from "../engine/graph.ts";
import { entryWrites } from "../engine/input.ts";
import { START } from "../engine/names.ts";
import { branchState, decisionWrites, type NodeResult, orNoWrites, resultWrites } from "../engine/node-result.ts";
import { type GraphState, viewOf } from "../engine/state.ts";
import type { Task } from "../engine/tasks.ts";
import type { Write } from "../engine/write.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { isPlainMap, type Plain } from "../values/value.ts";
import { inFairTurn } from "./fair-turns.ts";
import type { ModuleCall, NodesModule } from "./modules/nodes-module.ts";
import type { Told } from "./modules/protocol.ts";

/** How a task ended. */
export type TaskOutcome =
  | { kind: "finished"; writes: Write[] }
  | { kind: "interrupted"; index: number; value: Cell }
  | { kind: "failed"; failure: RunFailure };

/** What a task is run with. */
export interface TaskContext {
  state: GraphState;
  threadId: string;
  runId: string;
  modules: NodesModule | undefined;
  signal: AbortSignal;
  /** A task tells something while it runs. Absent: nobody listens. */
  hear?(task: Task, told: Told): void;
}

/** Runs one task. What its code does wrong is an outcome; what is thrown is a fault of ours. */
export async function runTask(task: Task, answers: readonly Plain[], context: TaskContext): Promise<TaskOutcome> {
  try {
    const node = context.state.graph.nodes.get(task.node) as CompiledNode;
    const result = await runNode(node, task, answers, context);
    if ("question" in result) return { kind: "interrupted", index: answers.length, value: result.question };
    if ("interrupted" in result) return { kind: "interrupted", ...result.interrupted };
    return { kind: "finished", writes: orNoWrites(await allWrites(node, result, context)) };
  } catch (thrown) {
    if (!(thrown instanceof RunFailure)) throw thrown;
    return { kind: "failed", failure: thrown.at({ node: task.node, taskId: task.id }) };
  }
}

type RawResult = NodeResult | { question: Cell } | { interrupted: { index: number; value: Cell } };

async function runNode(
  node: CompiledNode,
  task: Task,
  answers: readonly Plain[],
  context: TaskContext,
): Promise<RawResult> {
  if (node.name === START) return { update: entryWrites(context.state.graph, context.state), goto: [] };
  const kind = node.spec?.kind;
  if (kind?.case === "expression") return inFairTurn(() => runExpression(node, inputView(task)));
  if (kind?.case === "ask") return inFairTurn(() => runAsk(node, inputView(task), answers));
  if (kind?.case === "module") {
    const call = { function: kind.value.function || node.name, params: kind.value.params, node: node.name };
    return modulesOf(node.name, context).runNode(
      { ...callOf(task, context), ...call, answers: [...answers] },
      context.signal,
      (told) => context.hear?.(task, told),
    );
  }
  throw new RunFailure(
    ErrorReason.NODE_FAILED,
    `node ${JSON.stringify(node.name)}: this server can't run nodes of kind ${kind?.case}`,
  );
}

/** A node's writes with those of its conditional edges, which see its own writes. */
export async function allWrites(node: CompiledNode, result: NodeResult, context: TaskContext): Promise<Write[]> {
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
  state: Map<string, Cell>,
  context: TaskContext,
): Promise<Plain> {
  const { program } = branch;
  if (program !== undefined) return inFairTurn(() => evaluate(program, viewOf(state), node.name));
  const call = { input: { state }, taskId: "", threadId: context.threadId, runId: context.runId };
  const { function: name = "", params } = branch.module ?? {};
  return modulesOf(node.name, context).decide(
    { ...call, function: name, params, node: node.name, answers: [] },
    context.signal,
  );
}

function modulesOf(node: string, { modules }: TaskContext): NodesModule {
  if (modules !== undefined) return modules;
  throw new RunFailure(
    ErrorReason.NODE_FAILED,
    `node ${JSON.stringify(node)} needs a nodes module: start the server with --nodes FILE`,
  );
}

function callOf(
  task: Task,
  { threadId, runId }: TaskContext,
): Pick<ModuleCall, "input" | "taskId" | "threadId" | "runId"> {
  return { input: task.input, taskId: task.id, threadId, runId };
}

/** What an expression sees as `state`: the channels, or the argument of a Send. */
function inputView({ input }: Task): StateView {
  if ("state" in input) return viewOf(input.state);
  const argument = input.argument.value;
  const map = isPlainMap(argument) ? argument : {};
  return {
    keys: () => Object.keys(map),
    has: (key) => Object.hasOwn(map, key),
    get: (key) => map[key],
  };
}
