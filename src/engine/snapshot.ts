import { applyWrites } from "./apply.ts";
import type { Cell } from "./cell.ts";
import { isHandled, withHandlers } from "./error-handler.ts";
import { copyState, type GraphState, readChannels } from "./state.ts";
import { isFinished, openInterrupt, type TaskStatus } from "./task-status.ts";
import { interruptId, prepareTasks, type Task } from "./tasks.ts";

/** How a thread stands at a checkpoint. */
export interface Snapshot {
  values: Map<string, Cell>;
  /** Nodes that are still to run. */
  next: string[];
  tasks: { task: Task; finished: boolean; status: TaskStatus | undefined; interrupts: OpenInterrupt[] }[];
}

/** A question that waits for an answer. */
export interface OpenInterrupt {
  id: string;
  node: string;
  taskId: string;
  /** Of the graph that the node is of. */
  namespace: string;
  index: number;
  value: Cell;
}

/**
 * A look at a checkpoint. Live: how things are now: values with the results of tasks that have finished, only what
 * is still to run, only the questions that wait. Otherwise a record of the step: values as it began, all of its
 * tasks, every question asked.
 */
export function snapshot(state: GraphState, statuses: ReadonlyMap<string, TaskStatus>, live: boolean): Snapshot {
  const tasks = withHandlers(state, prepareTasks(state), statuses);
  const described = tasks.map((task) => {
    const status = statuses.get(task.id);
    const asked = live ? openInterrupt(status, isHandled(state, task, status)) : status?.interrupt;
    return {
      task,
      finished: isFinished(status) || isHandled(state, task, status),
      status,
      interrupts: asked === undefined ? [] : [describe(state, task, asked)],
    };
  });
  const done = described.filter(({ finished }) => finished);
  let shown = state;
  if (live && done.length > 0) {
    shown = copyState(state);
    applyWrites(
      shown,
      done.map(({ task, status }) => ({ ...task, writes: status?.writes ?? [] })),
      false,
    );
  }
  const waiting = live ? described.filter(({ finished }) => !finished) : described;
  return { values: readChannels(shown), next: waiting.map(({ task }) => task.node), tasks: described };
}

function describe(state: GraphState, task: Task, asked: NonNullable<TaskStatus["interrupt"]>): OpenInterrupt {
  const id = interruptId(task.id, state.namespace, asked.index);
  const { namespace } = state;
  return { id, node: task.node, taskId: task.id, namespace, index: asked.index, value: asked.value };
}
