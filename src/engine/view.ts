import { clone, create } from "@bufbuild/protobuf";
import {
  type Checkpoint,
  CheckpointSchema,
  type InterruptSignal,
  InterruptSignalSchema,
  Origin,
  type PendingWrite,
  Phase,
} from "../gen/cairn/v1/checkpoint_pb.ts";
import { controlWrites } from "./names.ts";
import { interruptId } from "./tasks.ts";

/**
 * A native checkpoint as readers see it: what is pending follows from its saved writes. Tasks that have finished
 * are pending no more, and every open question is listed with its id. Checkpoints of other origins are as they were put.
 */
export function nativeView(stored: Checkpoint, writes: readonly PendingWrite[]): Checkpoint {
  if (stored.origin !== Origin.NATIVE || writes.length === 0) return stored;
  const finished = new Set(writes.filter(({ idx }) => idx >= 0).map(({ taskId }) => taskId));
  const view = clone(CheckpointSchema, stored);
  view.pendingTasks = stored.pendingTasks.filter(({ id }) => !finished.has(id));
  view.nextNodes = view.pendingTasks.map(({ node }) => node);
  view.pendingSends = stored.pendingSends.filter((_, i) => !finished.has(sendTaskId(stored, i)));
  // Whoever puts a native checkpoint with open questions of its own gets them back.
  if (stored.pendingInterrupts.length === 0) view.pendingInterrupts = openSignals(view, writes);
  const asked = view.pendingInterrupts[0];
  const paused = writes.find(({ idx }) => idx === controlWrites.__paused__);
  if (asked !== undefined) {
    view.phase = Phase.NODE_INTERRUPT;
    view.sourceNode = asked.node;
  } else if (paused !== undefined) {
    view.phase = paused.controlIndex === 0n ? Phase.BEFORE : Phase.AFTER;
    view.sourceNode = paused.taskPath;
  }
  return view;
}

/** A Send's task: those of Sends come first, in the same order. */
function sendTaskId(stored: Checkpoint, index: number): string {
  return stored.pendingTasks[index]?.id ?? "";
}

function openSignals(view: Checkpoint, writes: readonly PendingWrite[]): InterruptSignal[] {
  const answers = new Map<string, bigint>();
  for (const { idx, taskId, controlIndex } of writes) {
    if (idx === controlWrites.__resume__) answers.set(taskId, controlIndex ?? 0n);
  }
  return view.pendingTasks.flatMap((task) => {
    const asked = writes.find(({ idx, taskId }) => idx === controlWrites.__interrupt__ && taskId === task.id);
    const index = asked?.controlIndex ?? 0n;
    const failed = writes.some(({ idx, taskId }) => idx === controlWrites.__error__ && taskId === task.id);
    if (asked === undefined || (index < (answers.get(task.id) ?? 0n) && !failed)) return [];
    const id = interruptId(task.id, view.namespace, Number(index));
    return [
      create(InterruptSignalSchema, {
        id,
        index,
        node: task.node,
        namespace: view.namespace,
        value: asked.value,
        createdAt: asked.createdAt,
      }),
    ];
  });
}
