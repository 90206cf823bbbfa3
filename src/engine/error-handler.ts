import { Cell } from "./cell.ts";
import type { RunFailure } from "./failure.ts";
import type { GraphState } from "./state.ts";
import { isFinished, type TaskStatus } from "./task-status.ts";
import { hashId, type Task } from "./tasks.ts";

/** Under this name a handler finds, in its state, what went wrong. No channel can have it. */
export const ERROR = "__error__";

/** Whether a task's failure is left to another node: then it counts as ended, with no writes. */
export function isHandled({ graph }: GraphState, { node }: Task, status: TaskStatus | undefined): boolean {
  return status?.failure !== undefined && !isFinished(status) && handlerOf(graph, node) !== undefined;
}

/**
 * The task of the node that handles a failure, in the same superstep. It gets what the failed one got, with the
 * failure; it stands behind it, and no trigger of its own is used up.
 */
export function handlerTask({ graph, namespace }: GraphState, task: Task, failure: RunFailure): Task {
  const { reason, message, node, kind } = failure;
  const error = Cell.of(Object.assign(Object.create(null), { reason, message, node, kind }));
  const state = "state" in task.input ? task.input.state : new Map([["argument", task.input.argument]]);
  return {
    id: hashId([task.id, namespace, "error_handler"]),
    node: handlerOf(graph, task.node) ?? "",
    path: `${task.path}, handler`,
    triggers: [],
    input: { state: new Map([...state, [ERROR, error]]) },
  };
}

/** The tasks of a superstep, with those of the nodes that handle failures. */
export function withHandlers(
  state: GraphState,
  tasks: readonly Task[],
  statuses: ReadonlyMap<string, TaskStatus>,
): Task[] {
  return tasks.flatMap((task) => {
    const status = statuses.get(task.id);
    if (status?.failure === undefined || !isHandled(state, task, status)) return [task];
    return [task, handlerTask(state, task, status.failure)];
  });
}

function handlerOf(graph: GraphState["graph"], node: string): string | undefined {
  return graph.nodes.get(node)?.spec?.errorHandler || undefined;
}
