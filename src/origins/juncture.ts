// juncture's checkpoints: the JSON that serde makes of `Checkpoint`, `CheckpointMetadata` and `PendingWrite`.
import { create } from "@bufbuild/protobuf";
import {
  type Checkpoint,
  CheckpointSchema,
  type DeltaCounters,
  DeltaCountersSchema,
  type InterruptSignal,
  InterruptSignalSchema,
  Origin,
  type PendingTask,
  PendingTaskSchema,
  type PendingWrite,
  PendingWriteSchema,
  type Send,
  SendSchema,
  ValuesLayout,
} from "../gen/cairn/v1/checkpoint_pb.ts";
import { type VersionMap, VersionMapSchema, VersionSchema, VersionsSeenSchema } from "../gen/cairn/v1/value_pb.ts";
import { type JsonSlice, jsonDocument, sliceObject } from "../values/json-slices.ts";
import { encodeUtf8 } from "../values/utf8.ts";
import { type Converted, Export, Import, malformed } from "./document.ts";
import {
  jsonSliceValue,
  mapOf,
  type Read,
  readInt64,
  readList,
  readMap,
  readMembers,
  readText,
  readUint32,
  readUint64,
  sliceOfList,
  sliceOfMap,
  sliceOfMembers,
  sliceOfValue,
  sliceOfVersionMap,
} from "./json-readers.ts";

/** What juncture's savers are given and give back. All bytes are JSON. */
export interface JunctureTuple {
  threadId: string;
  namespace: string;
  /** The `checkpoint_id` of the config that came with a put. */
  parentId?: string;
  checkpoint: Uint8Array;
  metadata?: Uint8Array;
  writes: readonly Uint8Array[];
}

export function fromJuncture({ threadId, namespace, parentId, ...given }: JunctureTuple): Converted {
  const document = new Import(given.checkpoint, "checkpoint");
  const checkpoint = create(CheckpointSchema, {
    origin: Origin.JUNCTURE,
    id: document.must("id", readText),
    threadId,
    namespace,
    parentId,
    createdAt: document.take("created_at", readText),
    formatVersion: document.take("v", readUint32),
    schemaVersion: document.take("schema_version", readUint32),
    channelVersions: document.take("channel_versions", readVersions),
    newVersions: document.take("new_versions", readVersions),
    pendingTasks: document.takeAll("pending_tasks", readList(readTask)),
    pendingSends: document.takeAll("pending_sends", readList(readSend)),
    pendingInterrupts: document.takeAll("pending_interrupts", readList(readInterrupt)),
  });
  const seen = document.take("versions_seen", readMap(readVersions));
  if (seen !== undefined) checkpoint.versionsSeen = { ...create(VersionsSeenSchema), nodes: seen };
  checkpoint.deltaCounters =
    document.takeAll("counters_since_delta_snapshot", readMap(readCounters)) ?? mapOf<DeltaCounters>([]);
  takeValues(document, checkpoint);
  checkpoint.extra = document.extra();
  if (given.metadata !== undefined) setMetadata(checkpoint, given.metadata);
  return { checkpoint, writes: fromWrites(given.writes) };
}

export function toJuncture({ checkpoint, writes }: Converted): JunctureTuple {
  const document = new Export(checkpoint);
  const { threadId, namespace, parentId, metadata, createdAt, versionsSeen } = checkpoint;
  document.put("id", JSON.stringify(checkpoint.id));
  document.put("created_at", createdAt === undefined ? undefined : JSON.stringify(createdAt));
  document.put("v", checkpoint.formatVersion?.toString());
  document.put("schema_version", checkpoint.schemaVersion?.toString());
  document.put("channel_versions", checkpoint.channelVersions && sliceOfVersionMap(checkpoint.channelVersions));
  document.put("new_versions", checkpoint.newVersions && sliceOfVersionMap(checkpoint.newVersions));
  document.put("versions_seen", versionsSeen && sliceOfMap(versionsSeen.nodes, sliceOfVersionMap));
  document.put("pending_tasks", sliceOfList(checkpoint.pendingTasks, sliceOfTask));
  document.put("pending_sends", sliceOfList(checkpoint.pendingSends, sliceOfSend));
  document.put("pending_interrupts", sliceOfList(checkpoint.pendingInterrupts, sliceOfInterrupt));
  document.put("counters_since_delta_snapshot", sliceOfMap(checkpoint.deltaCounters, sliceOfCounters));
  document.put("channel_values", valuesOf(checkpoint));
  return { threadId, namespace, parentId, checkpoint: document.document(), metadata, writes: writes.map(toWrite) };
}

/** One object is split into its members, so that they can be read and shared one by one. */
function takeValues(document: Import, checkpoint: Checkpoint): void {
  const whole = document.take("channel_values", (slice) => slice);
  if (whole === undefined) return;
  const values = readMap(jsonSliceValue)(whole);
  checkpoint.valuesLayout = values === undefined ? ValuesLayout.WHOLE : ValuesLayout.JSON_OBJECT;
  checkpoint.channelValues = values ?? mapOf([["", jsonSliceValue(whole)]]);
}

function valuesOf({ valuesLayout, channelValues }: Checkpoint): JsonSlice | undefined {
  if (valuesLayout === ValuesLayout.WHOLE) return sliceOfValue(channelValues[""]);
  return valuesLayout === ValuesLayout.JSON_OBJECT ? sliceOfMap(channelValues, sliceOfValue) : undefined;
}

/** Kept byte for byte. What Cairn has fields for is read from it, for lists and filters, and is not exported. */
function setMetadata(checkpoint: Checkpoint, metadata: Uint8Array): void {
  const members = sliceObject(jsonDocument(metadata));
  checkpoint.metadata = metadata;
  const read = <T>(name: string, as: Read<T>) => as(members?.get(name) ?? "null");
  checkpoint.step = read("step", readInt64);
  checkpoint.runId = read("run_id", readText);
  checkpoint.parents = read("parents", readMap(readText)) ?? mapOf([]);
  checkpoint.source = read("source", readText)?.toLowerCase();
  const interrupt = read("source", readMembers("Interrupt"));
  if (interrupt === undefined) return;
  checkpoint.source = "interrupt";
  checkpoint.sourceNode = readText(readMembers("node")(interrupt.Interrupt)?.node ?? "null");
}

const readVersions: Read<VersionMap> = (slice) => {
  const numbers = readMap(readUint64)(slice);
  if (numbers === undefined) return undefined;
  const version = (value: bigint) => create(VersionSchema, { number: { case: "uint64Value", value } });
  const versions = mapOf(Object.entries(numbers).map(([name, value]) => [name, version(value)]));
  return { ...create(VersionMapSchema), versions };
};

const readTask: Read<PendingTask> = (slice) => {
  const members = readMembers("id", "node", "triggers", "state_override")(slice);
  const [id, node] = [readText(members?.id ?? ""), readText(members?.node ?? "")];
  const triggers = readList(readText)(members?.triggers ?? "null");
  if (members === undefined || id === undefined || node === undefined || triggers === undefined) return undefined;
  return create(PendingTaskSchema, { id, node, triggers, stateOverride: option(members.state_override) });
};

function sliceOfTask({ id, node, triggers, stateOverride }: PendingTask): JsonSlice {
  return sliceOfMembers([
    ["id", JSON.stringify(id)],
    ["node", JSON.stringify(node)],
    ["triggers", sliceOfList(triggers, JSON.stringify)],
    ["state_override", stateOverride ? sliceOfValue(stateOverride) : "null"],
  ]);
}

/** Rust's `None` is null, and so is `Some` of null: one of them is enough. */
function option(slice: JsonSlice) {
  return slice === "null" ? undefined : jsonSliceValue(slice);
}

const readSend: Read<Send> = (slice) => {
  const members = readMembers("node", "state")(slice);
  const node = readText(members?.node ?? "");
  return members && node !== undefined ? create(SendSchema, { node, value: jsonSliceValue(members.state) }) : undefined;
};

function sliceOfSend({ node, value }: Send): JsonSlice {
  return sliceOfMembers([
    ["node", JSON.stringify(node)],
    ["state", sliceOfValue(value)],
  ]);
}

const readInterrupt: Read<InterruptSignal> = (slice) => {
  const members = readMembers("index", "id", "payload", "timestamp")(slice);
  const index = readUint64(members?.index ?? "");
  const createdAt = readText(members?.timestamp ?? "");
  if (members === undefined || index === undefined || createdAt === undefined) return undefined;
  const id = readText(members.id);
  if (id === undefined && members.id !== "null") return undefined;
  return create(InterruptSignalSchema, { index, id, createdAt, value: jsonSliceValue(members.payload) });
};

function sliceOfInterrupt({ index, id, value, createdAt }: InterruptSignal): JsonSlice {
  return sliceOfMembers([
    ["index", String(index ?? 0n)],
    ["id", id === undefined ? "null" : JSON.stringify(id)],
    ["payload", sliceOfValue(value)],
    ["timestamp", JSON.stringify(createdAt ?? "")],
  ]);
}

const readCounters: Read<DeltaCounters> = (slice) => {
  const members = readMembers("updates", "supersteps")(slice);
  const [updates, supersteps] = [readUint64(members?.updates ?? ""), readUint64(members?.supersteps ?? "")];
  return updates === undefined || supersteps === undefined
    ? undefined
    : create(DeltaCountersSchema, { updates, supersteps });
};

function sliceOfCounters({ updates, supersteps }: DeltaCounters): JsonSlice {
  return sliceOfMembers([
    ["updates", String(updates)],
    ["supersteps", String(supersteps)],
  ]);
}

/** One write a record, in its place among its task's. They come back by task: within one, in their order. */
function fromWrites(records: readonly Uint8Array[]): PendingWrite[] {
  const counts = new Map<string, number>();
  return records.map((bytes, i) => {
    const members = readMembers("task_id", "channel", "value")(jsonDocument(bytes));
    const [taskId, channel] = [readText(members?.task_id ?? ""), readText(members?.channel ?? "")];
    if (members === undefined || taskId === undefined || channel === undefined) {
      throw malformed(`writes[${i}]`, "must have a task_id, a channel and a value");
    }
    const idx = counts.get(taskId) ?? 0;
    counts.set(taskId, idx + 1);
    return create(PendingWriteSchema, { taskId, idx, channel, value: jsonSliceValue(members.value) });
  });
}

function toWrite({ taskId, channel, value }: PendingWrite): Uint8Array {
  const slice = sliceOfMembers([
    ["task_id", JSON.stringify(taskId)],
    ["channel", JSON.stringify(channel)],
    ["value", sliceOfValue(value)],
  ]);
  return encodeUtf8(slice);
}
