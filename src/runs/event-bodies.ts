import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { RunFailure } from "../engine/failure.ts";
import { isControl } from "../engine/names.ts";
import type { OpenInterrupt } from "../engine/snapshot.ts";
import type { Task } from "../engine/tasks.ts";
import type { Write } from "../engine/write.ts";
import type { Checkpoint } from "../gen/cairn/v1/checkpoint_pb.ts";
import { type Event, EventSchema, type RunError, RunErrorSchema, type RunStatus } from "../gen/cairn/v1/event_pb.ts";
import { ValueSchema } from "../gen/cairn/v1/value_pb.ts";
import type { Told } from "./modules/protocol.ts";

type Body = MessageInitShape<typeof EventSchema>["body"];

/** Makes the events of one run in one namespace. Numbers and times are given by the store. */
export class EventMaker {
  readonly #runId: string;
  readonly #namespace: string;

  constructor(runId: string, namespace: string) {
    this.#runId = runId;
    this.#namespace = namespace;
  }

  make(body: Body): Event {
    return create(EventSchema, { runId: this.#runId, namespace: this.#namespace, body });
  }

  checkpointSaved(checkpoint: Checkpoint): Event {
    return this.make({
      case: "checkpointSaved",
      value: {
        checkpointId: checkpoint.id,
        parentId: checkpoint.parentId ?? "",
        step: checkpoint.step ?? 0n,
        source: checkpoint.source ?? "",
        values: stateValues(checkpoint),
        nextNodes: checkpoint.nextNodes,
        tasks: checkpoint.pendingTasks,
      },
    });
  }

  taskFinished(
    task: Task,
    step: number,
    { writes, cached, isState }: { writes: readonly Write[]; cached: boolean; isState(channel: string): boolean },
  ): Event {
    const updates = writes
      .filter(({ channel }) => isState(channel))
      .map(({ channel, cell, overwrite }) => ({ channel, value: cell.toValue(), overwrite }));
    return this.make({
      case: "taskFinished",
      value: { taskId: task.id, node: task.node, step: BigInt(step), updates, cached },
    });
  }

  taskFailed(task: Task, step: number, failure: RunFailure): Event {
    return this.make({
      case: "taskFailed",
      value: { taskId: task.id, node: task.node, step: BigInt(step), error: runError(failure) },
    });
  }

  interruptRaised(asked: OpenInterrupt, step: number, createdAt: string): Event {
    const { id, node, taskId, index, value } = asked;
    const interrupt = { id, index: BigInt(index), node, namespace: this.#namespace, value: value.toValue(), createdAt };
    return this.make({ case: "interruptRaised", value: { taskId, node, step: BigInt(step), interrupt } });
  }

  told(task: Task, told: Exclude<Told, { kind: "alive" }>): Event {
    const { id: taskId, node } = task;
    if (told.kind === "token") {
      const { messageId, text } = told;
      return this.make({ case: "messageToken", value: { taskId, node, messageId, text } });
    }
    const value = create(ValueSchema, {
      source: { case: "inline", value: { type: "msgpack", data: told.value } },
    });
    return this.make({ case: "custom", value: { taskId, node, value } });
  }

  runQueued(before: number): Event {
    return this.make({ case: "runQueued", value: { before } });
  }

  runStopped(status: RunStatus, failure: RunFailure | undefined, checkpointId: string, nextNodes: string[]): Event {
    const error = failure && runError(failure);
    return this.make({ case: "runStopped", value: { status, error, checkpointId, nextNodes } });
  }
}

/** The channels that users know. */
function stateValues({ channelValues }: Checkpoint): Checkpoint["channelValues"] {
  return Object.fromEntries(Object.entries(channelValues).filter(([name]) => !isControl(name)));
}

export function runError({ reason, message, node, channel, taskId, kind, nodeStack: stack }: RunFailure): RunError {
  return create(RunErrorSchema, { reason, message, node, channel, taskId, kind, stack });
}
