// The engine by itself: supersteps of a graph without a store, a server or events.
import { create } from "@bufbuild/protobuf";
import { applyWrites } from "../../src/engine/apply.ts";
import { emptyState, toCheckpoint } from "../../src/engine/checkpoint.ts";
import type { CompiledGraph } from "../../src/engine/graph.ts";
import { applyInput } from "../../src/engine/input.ts";
import type { GraphState } from "../../src/engine/state.ts";
import { type FinishedTask, prepareTasks, type Task } from "../../src/engine/tasks.ts";
import { InputSchema } from "../../src/gen/cairn/v1/run_service_pb.ts";
import { NodeCache } from "../../src/runs/node-cache.ts";
import { runTask, type TaskContext } from "../../src/runs/tasks.ts";
import { systemEnvironment } from "../../src/system/environment.ts";
import { Uuid6Minter } from "../../src/system/uuid.ts";

type Values = MessageInit["values"];
type MessageInit = Parameters<typeof create<typeof InputSchema>>[1] & object;

const minter = new Uuid6Minter(systemEnvironment);
const metadata = new TextEncoder().encode("{}");

/** A state that has taken its input. */
export function begun(graph: CompiledGraph, values: Values = {}): GraphState {
  const state = emptyState(graph, "");
  const before = new Map(state.versions);
  applyInput(state, create(InputSchema, { values }));
  saved(state, before, "input", []);
  return state;
}

/** Plans the superstep that is due, runs its tasks, applies what they wrote, and makes the checkpoint. */
export async function superstep(state: GraphState, tasks: readonly Task[]): Promise<Task[]> {
  const context = contextOf(state);
  const finished: FinishedTask[] = [];
  for (const { task, outcome } of await Promise.all(tasks.map((task) => run(task, context)))) {
    if (outcome.kind !== "finished") throw new Error(`a task of the benchmark ${outcome.kind}`);
    finished.push({ ...task, writes: outcome.writes });
  }
  const before = new Map(state.versions);
  applyWrites(state, finished);
  const ran = tasks.map(({ node }) => node);
  return saved(state, before, "loop", ran);
}

/** Runs a graph to its end and gives how many checkpoints that made. */
export async function runToTheEnd(graph: CompiledGraph, values: Values): Promise<number> {
  const state = begun(graph, values);
  let checkpoints = 1;
  for (let tasks = prepareTasks(state); tasks.length > 0; checkpoints++) tasks = await superstep(state, tasks);
  return checkpoints;
}

async function run(task: Task, context: TaskContext) {
  return { task, outcome: await runTask(task, [], context) };
}

function contextOf(state: GraphState): TaskContext {
  return {
    state,
    space: "default",
    threadId: "t",
    runId: "r",
    modules: undefined,
    workers: { run: () => Promise.reject(new Error("no node of the benchmark is a worker's")) },
    leases: undefined,
    environment: systemEnvironment,
    cache: new NodeCache(systemEnvironment.clock),
    signal: new AbortController().signal,
    onStart: () => {},
    onWaits: () => {},
    callSubgraph: () => Promise.reject(new Error("no node of the benchmark is a subgraph")),
  };
}

function saved(state: GraphState, previousVersions: Map<string, number>, source: "input" | "loop", ran: string[]) {
  return toCheckpoint(state, {
    id: minter.mint(),
    threadId: "t",
    parentId: state.checkpointId === "" ? undefined : state.checkpointId,
    source,
    runId: "r",
    nowMs: systemEnvironment.clock.nowMs(),
    metadata,
    ran,
    previousVersions,
  }).tasks;
}
