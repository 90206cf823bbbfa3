import { RunFailure } from "../engine/failure.ts";
import type { CompiledGraph } from "../engine/graph.ts";
import type { Task } from "../engine/tasks.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { RunStatus } from "../gen/cairn/v1/event_pb.ts";
import { ThreadStatus } from "../gen/cairn/v1/thread_service_pb.ts";
import { limits } from "../limits.ts";

/** How a run ended. */
export interface RunEnd {
  status: RunStatus;
  failure: RunFailure | undefined;
  /** Nodes at which a breakpoint stopped it, and on which side of them. */
  pausedAt?: { side: "before" | "after"; nodes: string[] };
}

/** How a thread stands after a run that ended so. */
export const threadStatusOf = new Map<RunStatus, ThreadStatus>([
  [RunStatus.DONE, ThreadStatus.IDLE],
  [RunStatus.INTERRUPTED, ThreadStatus.INTERRUPTED],
  [RunStatus.PAUSED, ThreadStatus.INTERRUPTED],
  [RunStatus.FAILED, ThreadStatus.FAILED],
  [RunStatus.CANCELLED, ThreadStatus.IDLE],
  [RunStatus.LOST, ThreadStatus.IDLE],
]);

export function recursionLimit(lastStep: number): RunFailure {
  return new RunFailure(
    ErrorReason.RECURSION_LIMIT,
    `the run used up its supersteps (superstep ${lastStep} was the last allowed): raise recursion_limit, or look for a loop without an end`,
  );
}

export function sendToNobody(node: string): RunFailure {
  return new RunFailure(
    ErrorReason.NODE_NOT_FOUND,
    `a Send waits for node ${JSON.stringify(node)}, which the graph does not have`,
    { node },
  );
}

/** Two tasks of one superstep can't both go on from the one state that a subgraph keeps for the thread. */
export function threadConflict({ nodes }: CompiledGraph, tasks: readonly Task[]): RunFailure | undefined {
  const called = tasks.map(({ node }) => node).filter((node) => nodes.get(node)?.subgraph?.perThread);
  const twice = called.find((node, i) => called.indexOf(node) !== i);
  if (twice === undefined) return undefined;
  const message = `node ${JSON.stringify(twice)} is due more than once in one superstep, but its subgraph keeps one state for the thread`;
  return new RunFailure(ErrorReason.INVALID_UPDATE, message, { node: twice });
}

export function tooManyTasks(count: number): RunFailure {
  return new RunFailure(
    ErrorReason.LIMIT_REACHED,
    `${count} tasks are due in one superstep; the limit is ${limits.tasksPerSuperstepMax}`,
  );
}
