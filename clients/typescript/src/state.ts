import { create } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Reason } from "./error.ts";
import { ErrorReason } from "./gen/cairn/v1/error_pb.ts";
import { type RunError, RunStatus } from "./gen/cairn/v1/event_pb.ts";
import {
  type RunOutcome as RunOutcomeMessage,
  type StateSnapshot,
  StateSnapshotSchema,
} from "./gen/cairn/v1/run_service_pb.ts";
import { lowerName } from "./names.ts";
import { decodeJson } from "./values/json.ts";
import type { PlainValue } from "./values/plain.ts";
import { decode, decodeChannels, type OpaqueValue } from "./values/typed-value.ts";

/** Why a run stopped. `paused`: at a static breakpoint, or after the one superstep that `step` runs. */
export type RunStatusName = Lowercase<keyof typeof RunStatus>;

/** A decoded value, or one that only its framework can decode. */
export type StateValue = PlainValue | OpaqueValue;

/** Why a run or a task failed. */
export interface RunFailure {
  /** The kind of failure: `NODE_FAILED`, `RECURSION_LIMIT`. */
  reason: Reason;
  /** What happened, in words. */
  message: string;
  /** The node, channel and task at fault; empty where there is none. */
  node: string;
  channel: string;
  taskId: string;
  /** What the node's own code calls the error, as "TypeError"; empty for failures of others. */
  kind: string;
}

/** A question that waits for an answer. */
export interface Interrupt {
  /** The id to answer by. */
  id: string;
  /** The node and the task that ask. */
  node: string;
  taskId: string;
  /** The namespace of the graph that the node is of; empty for the outermost. */
  namespace: string;
  /** What they ask. */
  value: StateValue;
}

/** A task of the next superstep. */
export interface TaskState {
  id: string;
  node: string;
  /** Where it stands among its siblings. */
  path: string;
  /** Its result is saved and will be used without running it again. */
  finished: boolean;
  /** How it failed. */
  error?: RunFailure;
  /** Ids of its open interrupts. */
  interruptIds: string[];
}

/** The state of a thread at a checkpoint. */
export interface ThreadState {
  threadId: string;
  /** "" for the root graph. */
  namespace: string;
  checkpointId: string;
  /** Empty at the root of the history. */
  parentId: string;
  /** The superstep: −1 for the input, then 0, 1, 2… */
  step: number;
  /** How the checkpoint came to be: `input`, `loop`, `update`, `fork`. */
  source: string;
  /** Channel name to value. */
  values: Record<string, StateValue>;
  /** Nodes still to run; empty when the thread is done. */
  next: string[];
  /** The tasks of the next superstep, finished ones included. */
  tasks: TaskState[];
  /** The open questions. */
  interrupts: Interrupt[];
  createdAt: Date | undefined;
  runId: string;
  graphName: string;
  graphHash: string;
  /** The checkpoint's metadata; undefined when it has none. */
  metadata: PlainValue | undefined;
  /** The message this was made of, with every value's bytes. */
  raw: StateSnapshot;
}

/** Where a thread stands after a run, a step or an answer. */
export interface RunOutcome {
  runId: string;
  /** Why the run stopped. A failed run is `failed`, one that asks is `interrupted`: neither is an exception. */
  status: RunStatusName;
  /** What went wrong, when it failed. */
  error?: RunFailure;
  /** The open questions; those of `state`. */
  interrupts: Interrupt[];
  /** The state at the thread's head. */
  state: ThreadState;
  /** Number of the thread's last event. */
  lastEventNumber: bigint;
}

/** Makes an outcome of its message. */
export function toOutcome(message: RunOutcomeMessage | undefined): RunOutcome {
  const state = toState(message?.state);
  return {
    runId: message?.runId ?? "",
    status: lowerName(RunStatus, message?.status ?? 0),
    error: toFailure(message?.error),
    interrupts: state.interrupts,
    state,
    lastEventNumber: message?.lastEventNumber ?? 0n,
  };
}

/** Makes a state of its message. Of a message that is missing, an empty state: absence is legal on the wire. */
export function toState(message: StateSnapshot | undefined): ThreadState {
  const raw = message ?? create(StateSnapshotSchema);
  return {
    threadId: raw.threadId,
    namespace: raw.namespace,
    checkpointId: raw.checkpointId,
    parentId: raw.parentId,
    step: Number(raw.step),
    source: raw.source,
    values: decodeChannels(raw.values),
    next: raw.nextNodes,
    tasks: raw.tasks.map((task) => ({
      id: task.id,
      node: task.node,
      path: task.path,
      finished: task.finished,
      error: toFailure(task.error),
      interruptIds: task.interruptIds,
    })),
    interrupts: raw.interrupts.map(({ id, node, taskId, namespace, value }) => ({
      id,
      node,
      taskId,
      namespace,
      value: value ? decode(value) : null,
    })),
    createdAt: raw.createdAt && timestampDate(raw.createdAt),
    runId: raw.runId,
    graphName: raw.graphName,
    graphHash: raw.graphHash,
    metadata: toMetadata(raw.metadata),
    raw,
  };
}

/** Makes a failure of its message. */
export function toFailure(error: RunError | undefined): RunFailure | undefined {
  if (error === undefined) return undefined;
  const { message, node, channel, taskId, kind } = error;
  const reason = lowerName(ErrorReason, error.reason).toUpperCase();
  return { reason, message, node, channel, taskId, kind };
}

/** Metadata from their JSON text; undefined for none. */
export function toMetadata(bytes: Uint8Array | undefined): PlainValue | undefined {
  return bytes === undefined || bytes.length === 0 ? undefined : decodeJson(new TextDecoder().decode(bytes));
}
