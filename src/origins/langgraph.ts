// LangGraph's checkpoints (Python and JavaScript), as a saver stores them: the checkpoint as JSON without its values,
// and each value as the type and bytes that LangGraph's serializer gave it.
import { create } from "@bufbuild/protobuf";
import {
  type Checkpoint,
  CheckpointSchema,
  type DeltaCounters,
  DeltaCountersSchema,
  Origin,
  type PendingWrite,
  PendingWriteSchema,
  ValuesLayout,
} from "../gen/cairn/v1/checkpoint_pb.ts";
import {
  type TypedValue,
  TypedValueSchema,
  type Value,
  ValueSchema,
  VersionsSeenSchema,
} from "../gen/cairn/v1/value_pb.ts";
import { jsonDocument, sliceObject } from "../values/json-slices.ts";
import { type Converted, Export, Import } from "./document.ts";
import {
  mapOf,
  type Read,
  readInt64,
  readList,
  readMap,
  readNameList,
  readText,
  readUint32,
  readUint64,
  readVersionMap,
  sliceOfMap,
  sliceOfNameList,
  sliceOfVersionMap,
} from "./json-readers.ts";

/** What `dumps_typed` gives. */
export type Dumped = Pick<TypedValue, "type" | "data">;

export interface LanggraphWrite {
  taskId: string;
  taskPath: string;
  /** The place in the task's list; negative for `__error__`, `__scheduled__`, `__interrupt__` and `__resume__`. */
  idx: number;
  channel: string;
  value: Dumped;
}

export interface LanggraphTuple {
  threadId: string;
  namespace: string;
  /** The `checkpoint_id` of the config that came with a put. */
  parentId?: string;
  /** JSON: everything but `channel_values`. */
  checkpoint: Uint8Array;
  channelValues: { [channel: string]: Dumped };
  /** JSON. */
  metadata?: Uint8Array;
  writes: readonly LanggraphWrite[];
}

export function fromLanggraph({ threadId, namespace, parentId, ...given }: LanggraphTuple): Converted {
  const document = new Import(given.checkpoint, "checkpoint");
  const checkpoint = create(CheckpointSchema, {
    origin: Origin.LANGGRAPH,
    valuesLayout: ValuesLayout.CHANNELS,
    id: document.must("id", readText),
    threadId,
    namespace,
    parentId,
    createdAt: document.take("ts", readText),
    formatVersion: document.take("v", readUint32),
    channelVersions: document.take("channel_versions", readVersionMap),
    updatedChannels: document.take("updated_channels", readNameList),
  });
  const seen = document.take("versions_seen", readMap(readVersionMap));
  if (seen !== undefined) checkpoint.versionsSeen = { ...create(VersionsSeenSchema), nodes: seen };
  const values = Object.entries(given.channelValues);
  checkpoint.channelValues = mapOf(values.map(([channel, value]) => [channel, inline(value)]));
  checkpoint.extra = document.extra();
  if (given.metadata !== undefined) setMetadata(checkpoint, given.metadata);
  return { checkpoint, writes: given.writes.map(fromWrite) };
}

export function toLanggraph({ checkpoint, writes }: Converted): LanggraphTuple {
  const document = new Export(checkpoint);
  const { threadId, namespace, parentId, metadata, createdAt, versionsSeen, channelValues } = checkpoint;
  document.put("id", JSON.stringify(checkpoint.id));
  document.put("ts", createdAt === undefined ? undefined : JSON.stringify(createdAt));
  document.put("v", checkpoint.formatVersion?.toString());
  document.put("channel_versions", checkpoint.channelVersions && sliceOfVersionMap(checkpoint.channelVersions));
  document.put("versions_seen", versionsSeen && sliceOfMap(versionsSeen.nodes, sliceOfVersionMap));
  document.put("updated_channels", checkpoint.updatedChannels && sliceOfNameList(checkpoint.updatedChannels));
  return {
    threadId,
    namespace,
    parentId,
    checkpoint: document.document(),
    channelValues: mapOf(Object.entries(channelValues).map(([channel, value]) => [channel, dumped(value)])),
    metadata,
    writes: writes.map(toWrite),
  };
}

/** Kept byte for byte. What Cairn has fields for is read from it, for lists and filters, and is not exported. */
function setMetadata(checkpoint: Checkpoint, metadata: Uint8Array): void {
  const members = sliceObject(jsonDocument(metadata));
  checkpoint.metadata = metadata;
  const read = <T>(name: string, as: Read<T>) => as(members?.get(name) ?? "null");
  checkpoint.source = read("source", readText);
  checkpoint.step = read("step", readInt64);
  checkpoint.runId = read("run_id", readText);
  checkpoint.parents = read("parents", readMap(readText)) ?? mapOf([]);
  checkpoint.deltaCounters = read("counters_since_delta_snapshot", readMap(readCounters)) ?? mapOf([]);
}

/** `[updates, supersteps]` */
const readCounters: Read<DeltaCounters> = (slice) => {
  const [updates, supersteps, ...more] = readList(readUint64)(slice) ?? [];
  if (updates === undefined || supersteps === undefined || more.length > 0) return undefined;
  return create(DeltaCountersSchema, { updates, supersteps });
};

function inline({ type, data }: Dumped): Value {
  return create(ValueSchema, { source: { case: "inline", value: create(TypedValueSchema, { type, data }) } });
}

function dumped({ source }: Value): Dumped {
  if (source.case !== "inline") throw new TypeError("the values of a checkpoint to be exported must be inline");
  const { type, data } = source.value;
  return { type, data };
}

function fromWrite({ taskId, taskPath, idx, channel, value }: LanggraphWrite): PendingWrite {
  return create(PendingWriteSchema, { taskId, taskPath, idx, channel, value: inline(value) });
}

function toWrite({ taskId, taskPath, idx, channel, value }: PendingWrite): LanggraphWrite {
  if (value === undefined) throw new TypeError("a write to be exported must have a value");
  return { taskId, taskPath, idx, channel, value: dumped(value) };
}
