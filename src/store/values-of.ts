import type { Checkpoint, InterruptSignal, PendingTask, PendingWrite } from "../gen/cairn/v1/checkpoint_pb.ts";
import type { Event } from "../gen/cairn/v1/event_pb.ts";
import type { Input } from "../gen/cairn/v1/run_service_pb.ts";
import type { Value } from "../gen/cairn/v1/value_pb.ts";

/**
 * Every place where a value stands in a checkpoint, a write or an event, in one file, so that none is forgotten.
 * Each function returns a copy of the message in which `change` has replaced the values.
 */

/** Where a value stands: its field's path, and the channel or node it belongs to. */
export interface Place {
  path: string;
  channel: string;
  /** It is what the channel holds, or what is written to it. */
  isOfChannel?: true;
}

export type ChangeValue = (value: Value, place: Place) => Value;

export function withCheckpointValues(checkpoint: Checkpoint, change: ChangeValue): Checkpoint {
  const at = (path: string, channel: string) => ({ path: `checkpoint.${path}`, channel });
  return {
    ...checkpoint,
    channelValues: withMapValues(checkpoint.channelValues, "checkpoint.channel_values", (value, place) =>
      change(value, { ...place, isOfChannel: true }),
    ),
    pendingTasks: withTaskValues(checkpoint.pendingTasks, "checkpoint.pending_tasks", change),
    pendingSends: checkpoint.pendingSends.map((send, index) =>
      send.value ? { ...send, value: change(send.value, at(`pending_sends[${index}].value`, send.node)) } : send,
    ),
    pendingInterrupts: checkpoint.pendingInterrupts.map((interrupt, index) =>
      withInterruptValue(interrupt, at(`pending_interrupts[${index}].value`, interrupt.node ?? ""), change),
    ),
  };
}

export function withWriteValue(write: PendingWrite, path: string, change: ChangeValue): PendingWrite {
  return write.value
    ? { ...write, value: change(write.value, { path, channel: write.channel, isOfChannel: true }) }
    : write;
}

export function withEventValues(event: Event, path: string, change: ChangeValue): Event {
  const { body } = event;
  switch (body.case) {
    case "taskFinished": {
      const updates = body.value.updates.map((update, index) => {
        if (!update.value) return update;
        const place = { path: `${path}.task_finished.updates[${index}].value`, channel: update.channel };
        return { ...update, value: change(update.value, place) };
      });
      return { ...event, body: { case: body.case, value: { ...body.value, updates } } };
    }
    case "interruptRaised": {
      if (!body.value.interrupt) return event;
      const place = { path: `${path}.interrupt_raised.interrupt.value`, channel: body.value.node };
      const interrupt = withInterruptValue(body.value.interrupt, place, change);
      return { ...event, body: { case: body.case, value: { ...body.value, interrupt } } };
    }
    case "checkpointSaved": {
      const values = withMapValues(body.value.values, `${path}.checkpoint_saved.values`, change);
      const tasks = withTaskValues(body.value.tasks, `${path}.checkpoint_saved.tasks`, change);
      return { ...event, body: { case: body.case, value: { ...body.value, values, tasks } } };
    }
    case "custom": {
      if (!body.value.value) return event;
      const value = change(body.value.value, { path: `${path}.custom.value`, channel: body.value.node });
      return { ...event, body: { case: body.case, value: { ...body.value, value } } };
    }
    default:
      return event;
  }
}

export function withInputValues(input: Input, path: string, change: ChangeValue): Input {
  return { ...input, values: withMapValues(input.values, `${path}.values`, change) };
}

function withMapValues(values: { [name: string]: Value }, path: string, change: ChangeValue) {
  // fromEntries, since assigning to the name "__proto__" would set the prototype instead of an entry.
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      change(value, { path: `${path}[${JSON.stringify(name)}]`, channel: name }),
    ]),
  );
}

function withTaskValues(tasks: PendingTask[], path: string, change: ChangeValue): PendingTask[] {
  return tasks.map((task, index) => {
    if (!task.stateOverride) return task;
    const place = { path: `${path}[${index}].state_override`, channel: task.node };
    return { ...task, stateOverride: change(task.stateOverride, place) };
  });
}

function withInterruptValue(interrupt: InterruptSignal, place: Place, change: ChangeValue): InterruptSignal {
  return interrupt.value ? { ...interrupt, value: change(interrupt.value, place) } : interrupt;
}

/** Collects the references of stored messages. */
export class RefCollector {
  readonly refs = new Set<string>();
  readonly #add: ChangeValue = (value) => {
    if (value.source.case === "ref") this.refs.add(value.source.value);
    return value;
  };

  /** With its versions, where they are a value. */
  checkpoint(checkpoint: Checkpoint, versions?: Value): this {
    withCheckpointValues(checkpoint, this.#add);
    if (versions) this.#add(versions, { path: "", channel: "" });
    return this;
  }

  write(write: PendingWrite): this {
    withWriteValue(write, "", this.#add);
    return this;
  }

  input(input: Input): this {
    withInputValues(input, "", this.#add);
    return this;
  }

  event(event: Event): this {
    withEventValues(event, "", this.#add);
    return this;
  }
}
