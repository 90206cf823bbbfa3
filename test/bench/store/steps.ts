// What is committed: one superstep of a small graph, about 2 KB as a record.
import { randomBytes } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import { RecordSchema } from "../../../src/gen/cairn/store/v1/record_pb.ts";
import {
  CheckpointSchema,
  Origin,
  PendingTaskSchema,
  PendingWriteSchema,
} from "../../../src/gen/cairn/v1/checkpoint_pb.ts";
import {
  ChannelUpdateSchema,
  CheckpointSavedSchema,
  type Event,
  EventSchema,
  TaskFinishedSchema,
} from "../../../src/gen/cairn/v1/event_pb.ts";
import { TypedValueSchema, type Value, ValueSchema } from "../../../src/gen/cairn/v1/value_pb.ts";
import type { Committed, Draft, Store, ThreadKey, ThreadTail } from "../../../src/store/store.ts";
import { systemEnvironment } from "../../../src/system/environment.ts";
import { Uuid6Minter } from "../../../src/system/uuid.ts";

/** The size that the bare drivers write. */
export const BARE_BYTES = 2048;

const minter = new Uuid6Minter(systemEnvironment);
const metadata = Buffer.from('{"source":"loop","step":7,"writes":null,"user":"u-4711","thread":"support"}');

/** The next superstep after what was committed last: one channel's value is new, another's small, a third's kept. */
export function nextStep(last: Committed | undefined): Draft {
  const before = last?.record.checkpoint;
  const step = (before?.step ?? -1n) + 1n;
  const message = inline(randomBytes(600));
  const checkpoint = create(CheckpointSchema, {
    id: minter.mint(),
    parentId: before?.id,
    step,
    source: "loop",
    runId: "0193d6f4-7a42-7000-8000-000000000001",
    graphName: "bench",
    graphHash: "3b5d".repeat(16),
    origin: Origin.NATIVE,
    createdAt: new Date().toISOString(),
    channelValues: {
      message,
      count: inline(Buffer.from(String(step))),
      settings: before?.channelValues.settings ?? inline(randomBytes(200)),
    },
    channelVersions: { versions: versions(step) },
    versionsSeen: { nodes: { work: { versions: versions(step) }, check: { versions: versions(step) } } },
    newVersions: { versions: versions(step) },
    updatedChannels: { names: ["count", "message"] },
    nextNodes: ["work"],
    pendingTasks: [create(PendingTaskSchema, { id: crypto.randomUUID(), node: "work", triggers: ["message"] })],
    metadata,
  });
  const taskId = crypto.randomUUID();
  const write = create(PendingWriteSchema, { taskId, taskPath: "~pull, work", channel: "message", value: message });
  return {
    checkpoint,
    hasFreshId: true,
    writes: before ? [{ namespace: "", checkpointId: before.id, writes: [write] }] : [],
    events: [finished(taskId, step, message), saved(checkpoint)],
  };
}

function finished(taskId: string, step: bigint, value: Value): Event {
  const update = create(ChannelUpdateSchema, { channel: "message", value });
  const event = create(TaskFinishedSchema, { taskId, node: "work", step, updates: [update] });
  return create(EventSchema, { body: { case: "taskFinished", value: event } });
}

function saved({
  id,
  parentId,
  step,
  channelValues,
  nextNodes,
  pendingTasks,
}: NonNullable<Draft["checkpoint"]>): Event {
  const value = create(CheckpointSavedSchema, { checkpointId: id, parentId, step, source: "loop", nextNodes });
  value.values = channelValues;
  value.tasks = pendingTasks;
  return create(EventSchema, { body: { case: "checkpointSaved", value } });
}

function versions(step: bigint) {
  const version = { number: { case: "int64Value" as const, value: step } };
  return { message: version, count: version, settings: version };
}

export function inline(data: Uint8Array): Value {
  const value = create(TypedValueSchema, { type: "msgpack", data });
  return create(ValueSchema, { source: { case: "inline", value } });
}

/** One caller that steps one thread, as the holder of its lease does. */
export class Holder {
  readonly #store: Store;
  readonly #key: ThreadKey;
  #thread: ThreadTail | undefined;
  #last: Committed | undefined;

  constructor(store: Store, thread: string) {
    this.#store = store;
    this.#key = { space: "bench", thread };
  }

  async step(): Promise<void> {
    this.#thread ??= await this.#store.tail(this.#key);
    this.#last = await this.#store.append(this.#key, this.#thread, nextStep(this.#last));
    this.#thread = this.#last.thread;
  }

  /** Bytes of the last record. */
  get bytes(): number {
    return this.#last ? toBinary(RecordSchema, this.#last.record).length : 0;
  }
}

/** One caller that puts checkpoints to one thread, as an adapter does: it holds no lease, and its ids may exist. */
export class Putter {
  readonly #store: Store;
  readonly #key: ThreadKey;
  #last: Committed | undefined;

  constructor(store: Store, thread: string) {
    this.#store = store;
    this.#key = { space: "bench", thread };
  }

  async step(): Promise<void> {
    this.#last = await this.#store.update(this.#key, async () => ({ ...nextStep(this.#last), hasFreshId: false }));
  }
}
