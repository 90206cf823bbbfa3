import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { InterruptSignal } from "./gen/cairn/v1/checkpoint_pb.ts";
import { type Event, RunStatus } from "./gen/cairn/v1/event_pb.ts";
import type { Value } from "./gen/cairn/v1/value_pb.ts";
import { lowerName } from "./names.ts";
import { type RunFailure, type RunStatusName, type StateValue, toFailure } from "./state.ts";

/** Stands for a value that was not asked for (`values: false`): its reference, unique in its thread. */
export class ValueRef {
  readonly ref: string;

  constructor(ref: string) {
    this.ref = ref;
  }
}

/** A value of an event: decoded, or its reference. */
export type EventValue = StateValue | ValueRef;

/** What every event tells. */
export interface EventHead {
  /** Increases along the thread, with gaps. Of an ephemeral event, that of the durable event before it. */
  number: bigint;
  /** Set on events that may be lost: tokens, progress. Their place after the durable event before them. */
  ephemeral?: { epoch: bigint; subNumber: bigint };
  /** "" for the root graph. */
  namespace: string;
  /** Empty for changes made without a run. */
  runId: string;
  at: Date | undefined;
  /** The message this was made of. */
  raw: Event;
}

/** A value written to a channel. `overwrite`: it replaces the channel's value, whatever its reducer. */
export interface ChannelUpdate {
  channel: string;
  value: EventValue;
  overwrite: boolean;
}

/** What happened, by `type`. */
export type EventBody =
  /** It waits for its turn; so many runs are before it. */
  | { type: "run_queued"; before: number }
  | { type: "run_started"; graphName: string; graphHash: string; checkpointId: string; epoch: bigint }
  | { type: "run_stopped"; status: RunStatusName; error?: RunFailure; checkpointId: string; next: string[] }
  | { type: "task_started"; taskId: string; node: string; step: number; triggers: string[] }
  | { type: "task_finished"; taskId: string; node: string; step: number; updates: ChannelUpdate[] }
  | { type: "task_failed"; taskId: string; node: string; step: number; error?: RunFailure }
  | { type: "interrupt_raised"; taskId: string; node: string; step: number; interruptId: string; value: EventValue }
  | { type: "interrupt_answered"; interruptIds: string[] }
  | {
      type: "checkpoint_saved";
      checkpointId: string;
      parentId: string;
      seq: bigint;
      step: number;
      source: string;
      values: Record<string, EventValue>;
      next: string[];
    }
  /** No connected worker serves the node. */
  | { type: "task_waiting"; taskId: string; node: string; step: number; handler: string }
  | { type: "checkpoints_deleted"; checkpointIds: string[] }
  | { type: "custom"; taskId: string; node: string; value: EventValue }
  | { type: "message_token"; taskId: string; node: string; messageId: string; text: string }
  | { type: "writes_put"; checkpointId: string; taskIds: string[] }
  | { type: "thread_updated" }
  /** From a newer server. */
  | { type: "unknown" };

/** Something that happened in a thread. */
export type ThreadEvent = EventHead & EventBody;

/** Gives a value of an event. */
export type Resolve = (value: Value | undefined) => EventValue;

/** Makes an event of its message. */
export function toEvent(raw: Event, resolve: Resolve): ThreadEvent {
  const { number, ephemeral, namespace, runId } = raw;
  return {
    number,
    ...(ephemeral && { ephemeral: { epoch: ephemeral.epoch, subNumber: ephemeral.subNumber } }),
    namespace,
    runId,
    at: raw.at && timestampDate(raw.at),
    raw,
    ...toBody(raw, resolve),
  };
}

function toBody({ body }: Event, resolve: Resolve): EventBody {
  switch (body.case) {
    case "runStarted": {
      const { graphName, graphHash, checkpointId, epoch } = body.value;
      return { type: "run_started", graphName, graphHash, checkpointId, epoch };
    }
    case "runQueued":
      return { type: "run_queued", before: body.value.before };
    case "runStopped": {
      const { status, error, checkpointId, nextNodes } = body.value;
      const failure = error && { error: toFailure(error) };
      return { type: "run_stopped", status: lowerName(RunStatus, status), ...failure, checkpointId, next: nextNodes };
    }
    case "taskStarted":
      return { type: "task_started", ...taskOf(body.value), triggers: body.value.triggers };
    case "taskFinished": {
      const updates = body.value.updates.map(({ channel, value, overwrite }) => ({
        channel,
        value: resolve(value),
        overwrite,
      }));
      return { type: "task_finished", ...taskOf(body.value), updates };
    }
    case "taskFailed":
      return { type: "task_failed", ...taskOf(body.value), error: toFailure(body.value.error) };
    case "taskWaiting":
      return { type: "task_waiting", ...taskOf(body.value), handler: body.value.handler };
    case "interruptRaised": {
      const interrupt: InterruptSignal | undefined = body.value.interrupt;
      const { id = "", value } = interrupt ?? {};
      return { type: "interrupt_raised", ...taskOf(body.value), interruptId: id, value: resolve(value) };
    }
    case "interruptAnswered":
      return { type: "interrupt_answered", interruptIds: body.value.interruptIds };
    case "checkpointSaved": {
      const { checkpointId, parentId, seq, step, source, nextNodes } = body.value;
      const values = Object.fromEntries(
        Object.entries(body.value.values).map(([name, value]) => [name, resolve(value)]),
      );
      const head = { checkpointId, parentId, seq, step: Number(step), source };
      return { type: "checkpoint_saved", ...head, values, next: nextNodes };
    }
    case "checkpointsDeleted":
      return { type: "checkpoints_deleted", checkpointIds: body.value.checkpointIds };
    case "custom": {
      const { taskId, node, value } = body.value;
      return { type: "custom", taskId, node, value: resolve(value) };
    }
    case "messageToken": {
      const { taskId, node, messageId, text } = body.value;
      return { type: "message_token", taskId, node, messageId, text };
    }
    case "writesPut":
      return { type: "writes_put", checkpointId: body.value.checkpointId, taskIds: body.value.taskIds };
    case "threadUpdated":
      return { type: "thread_updated" };
    default:
      return { type: "unknown" };
  }
}

function taskOf({ taskId, node, step }: { taskId: string; node: string; step: bigint }) {
  return { taskId, node, step: Number(step) };
}

/** Every value that an event refers to. */
export function valuesOf({ body }: Event): Value[] {
  switch (body.case) {
    case "taskFinished":
      return body.value.updates.flatMap(({ value }) => value ?? []);
    case "interruptRaised":
      return body.value.interrupt?.value ? [body.value.interrupt.value] : [];
    case "checkpointSaved":
      return Object.values(body.value.values);
    case "custom":
      return body.value.value ? [body.value.value] : [];
    default:
      return [];
  }
}
