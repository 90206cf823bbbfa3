import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Cell } from "../engine/cell.ts";
import { RunFailure } from "../engine/failure.ts";
import { type OpenInterrupt, type Snapshot, snapshot } from "../engine/snapshot.ts";
import type { Checkpoint } from "../gen/cairn/v1/checkpoint_pb.ts";
import { type StateSnapshot, StateSnapshotSchema } from "../gen/cairn/v1/run_service_pb.ts";
import { compareBytes } from "../values/order.ts";
import { runError } from "./event-bodies.ts";
import type { Loaded } from "./load.ts";

/** A thread's state as the API shows it. Live: as it is now; otherwise as it was when the checkpoint was saved. */
export function stateSnapshot(checkpoint: Checkpoint, loaded: Loaded, live: boolean): StateSnapshot {
  const shown = look(loaded, live);
  const tasks = shown.tasks.map(({ task, finished, status, interrupts }) => ({
    id: task.id,
    node: task.node,
    path: task.path,
    finished,
    error: status?.failure && runError(status.failure),
    interruptIds: interrupts.map(({ id }) => id),
  }));
  const interrupts = openInterrupts(shown, loaded, live);
  return create(StateSnapshotSchema, {
    threadId: checkpoint.threadId,
    namespace: checkpoint.namespace,
    checkpointId: checkpoint.id,
    parentId: checkpoint.parentId ?? "",
    step: checkpoint.step ?? 0n,
    source: checkpoint.source ?? "",
    values: Object.fromEntries([...shown.values].map(([name, cell]: [string, Cell]) => [name, cell.typed])),
    nextNodes: [...shown.next].sort(compareBytes),
    tasks,
    interrupts: interrupts.map(({ value, ...asked }) => ({ ...asked, value: value.typed })),
    createdAt: timestampFromMs(Number(checkpoint.createdAtMs ?? 0n)),
    runId: checkpoint.runId ?? "",
    graphName: checkpoint.graphName ?? "",
    graphHash: checkpoint.graphHash ?? "",
    metadata: checkpoint.metadata ?? new Uint8Array(),
  });
}

/** Those of the tasks, and of the subgraphs that tasks have begun. */
function openInterrupts({ tasks }: Snapshot, { children }: Loaded, live: boolean): OpenInterrupt[] {
  return tasks.flatMap(({ task, interrupts }) => {
    const child = children.get(task.id);
    return child === undefined ? interrupts : [...interrupts, ...openInterrupts(look(child, live), child, live)];
  });
}

/** Saved results that can't be applied together are shown as not applied: the state can be read whatever happens. */
function look({ state, statuses }: Loaded, live: boolean): Snapshot {
  try {
    return snapshot(state, statuses, live);
  } catch (thrown) {
    if (!(thrown instanceof RunFailure)) throw thrown;
    return { ...snapshot(state, statuses, false), next: [] };
  }
}
