// NeoGraph's checkpoints: the JSON of their 13 members, of the layouts 0 to 4, and its records of pending writes.
import { create } from "@bufbuild/protobuf";
import {
  type Checkpoint,
  CheckpointSchema,
  Origin,
  type PendingWrite,
  PendingWriteSchema,
  Phase,
  ValuesLayout,
} from "../gen/cairn/v1/checkpoint_pb.ts";
import { type NameSet, NameSetSchema, TypedValueSchema, ValueSchema } from "../gen/cairn/v1/value_pb.ts";
import { type JsonSlice, jsonDocument, sliceObject } from "../values/json-slices.ts";
import { compareBytes } from "../values/order.ts";
import { encodeUtf8 } from "../values/utf8.ts";
import { type Converted, Export, Import, malformed, membersLeft } from "./document.ts";
import {
  jsonSliceValue,
  mapOf,
  readInt64,
  readList,
  readMap,
  readText,
  readUint32,
  readVersionMap,
  sliceOfList,
  sliceOfMap,
  sliceOfMembers,
  sliceOfValue,
  sliceOfVersionMap,
} from "./json-readers.ts";

/** A record of pending writes is kept as it is, in a value of this type. */
export const neographWriteType = "neograph.pending_write";

const phases: Record<string, Phase> = {
  before: Phase.BEFORE,
  after: Phase.AFTER,
  completed: Phase.COMPLETED,
  node_interrupt: Phase.NODE_INTERRUPT,
  updated: Phase.UPDATED,
};

/** The newest layout of checkpoints that is known. */
export const schemaVersionMax = 4;

const members = new Set([
  "id",
  "thread_id",
  "channel_values",
  "channel_versions",
  "parent_id",
  "current_node",
  "next_nodes",
  "interrupt_phase",
  "barrier_state",
  "metadata",
  "step",
  "timestamp",
  "schema_version",
  // Of layout 0.
  "next_node",
]);

/** Members that the checkpoint's JSON had and that no layout has. */
export function unknownMembers(checkpoint: Checkpoint): string[] {
  return membersLeft(checkpoint).filter((name) => !members.has(name));
}

/** `json` is a checkpoint, each of `writes` a record of pending writes, as NeoGraph writes them. */
export function fromNeograph(json: Uint8Array, writes: readonly Uint8Array[] = []): Converted {
  const document = new Import(json, "checkpoint");
  const checkpoint = create(CheckpointSchema, {
    origin: Origin.NEOGRAPH,
    id: document.must("id", readText),
    threadId: document.must("thread_id", readText),
    parentId: document.take("parent_id", readText),
    currentNode: document.take("current_node", readText),
    step: document.take("step", readInt64),
    createdAtMs: document.take("timestamp", readInt64),
    schemaVersion: document.take("schema_version", readUint32),
    channelVersions: document.take("channel_versions", readVersionMap),
    nextNodes: document.takeAll("next_nodes", readList(readText)) ?? nextNodeOf(document),
    phase: document.take("interrupt_phase", (slice) => phases[readText(slice) ?? ""]),
    metadata: document.take("metadata", (slice) => encodeUtf8(slice)),
  });
  checkpoint.barrierState = document.takeAll("barrier_state", readMap(readNameSet)) ?? mapOf([]);
  takeChannels(document, checkpoint);
  checkpoint.extra = document.extra();
  return { checkpoint, writes: fromRecords(writes) };
}

export function toNeograph({ checkpoint, writes }: Converted): { json: Uint8Array; writes: Uint8Array[] } {
  const document = new Export(checkpoint);
  const { phase, barrierState, channelVersions, metadata, nextNodes } = checkpoint;
  document.put("id", JSON.stringify(checkpoint.id));
  document.put("thread_id", JSON.stringify(checkpoint.threadId));
  document.put("parent_id", checkpoint.parentId === undefined ? undefined : JSON.stringify(checkpoint.parentId));
  document.put(
    "current_node",
    checkpoint.currentNode === undefined ? undefined : JSON.stringify(checkpoint.currentNode),
  );
  document.put("step", checkpoint.step?.toString());
  document.put("timestamp", checkpoint.createdAtMs?.toString());
  document.put("schema_version", checkpoint.schemaVersion?.toString());
  document.put("channel_versions", channelVersions && sliceOfVersionMap(channelVersions));
  document.put("next_nodes", sliceOfList(nextNodes, JSON.stringify));
  const word = Object.keys(phases).find((name) => phases[name] === phase);
  document.put("interrupt_phase", word && JSON.stringify(word));
  document.put("metadata", metadata && new TextDecoder("utf-8", { ignoreBOM: true }).decode(metadata));
  document.put(
    "barrier_state",
    sliceOfMap(barrierState, ({ names }) => sliceOfList(names, JSON.stringify)),
  );
  document.put("channel_values", channelsOf(document, checkpoint));
  const records = writes.map(({ value }) => encodeUtf8(sliceOfValue(value)));
  return { json: document.document("channel_values"), writes: records };
}

/** Layout 0 has the one member `next_node` in place of the list; it stays in `extra`, so that it is exported again. */
function nextNodeOf(document: Import): string[] {
  const node = document.take("next_node", readText);
  if (node === undefined) return [];
  document.leave("next_node", JSON.stringify(node));
  return node === "" ? [] : [node];
}

/** Names sorted by their bytes, each once, as NeoGraph's sets are. */
function readNameSet(slice: JsonSlice): NameSet | undefined {
  const names = readList(readText)(slice);
  const isSorted = names?.every((name, i) => i === 0 || compareBytes(names[i - 1] as string, name) < 0);
  return isSorted ? create(NameSetSchema, { names }) : undefined;
}

/**
 * `{channels: {name: {value, version}}, global_version}`: the values become the checkpoint's, and everything around
 * them stays in `extra`. What is of no such form is kept whole.
 */
function takeChannels(document: Import, checkpoint: Checkpoint): void {
  const whole = document.take("channel_values", (slice) => slice);
  if (whole === undefined) return;
  const state = sliceObject(whole);
  const channels = sliceObject(state?.get("channels") ?? "null");
  if (state === undefined || channels === undefined) {
    checkpoint.valuesLayout = ValuesLayout.WHOLE;
    checkpoint.channelValues = mapOf([["", jsonSliceValue(whole)]]);
    return;
  }
  checkpoint.valuesLayout = ValuesLayout.NEOGRAPH;
  checkpoint.channelValues = mapOf([]);
  for (const [name, entry] of channels) {
    const members = sliceObject(entry);
    const value = members?.get("value");
    if (members === undefined || value === undefined || !name.isWellFormed()) continue;
    checkpoint.channelValues[name] = jsonSliceValue(value);
    members.delete("value");
    channels.set(name, sliceOfMembers(members));
  }
  state.set("channels", sliceOfMembers(channels));
  document.leave("channel_values", sliceOfMembers(state));
}

function channelsOf(document: Export, { valuesLayout, channelValues }: Checkpoint): JsonSlice | undefined {
  if (valuesLayout === ValuesLayout.WHOLE) return sliceOfValue(channelValues[""]);
  const around = document.left("channel_values");
  if (around === undefined) return undefined;
  const state = sliceObject(around) ?? new Map<string, JsonSlice>();
  const channels = sliceObject(state.get("channels") ?? "{}") ?? new Map<string, JsonSlice>();
  for (const [name, value] of Object.entries(channelValues)) {
    const members = sliceObject(channels.get(name) ?? "{}") ?? new Map<string, JsonSlice>();
    channels.set(name, sliceOfMembers([...members, ["value", sliceOfValue(value)]]));
  }
  state.set("channels", sliceOfMembers(channels));
  return sliceOfMembers(state);
}

/** One write a record. They come back in the order of their tasks' paths, as all pending writes do. */
function fromRecords(records: readonly Uint8Array[]): PendingWrite[] {
  const counts = new Map<string, number>();
  return records.map((bytes, i) => {
    const slice = jsonDocument(bytes).trim();
    const members = sliceObject(slice);
    const taskId = readText(members?.get("task_id") ?? "");
    if (taskId === undefined) throw malformed(`writes[${i}].task_id`, "is missing or no text");
    const idx = counts.get(taskId) ?? 0;
    counts.set(taskId, idx + 1);
    const typed = create(TypedValueSchema, { type: neographWriteType, data: encodeUtf8(slice) });
    return create(PendingWriteSchema, {
      taskId,
      taskPath: readText(members?.get("task_path") ?? "") ?? "",
      idx,
      channel: "",
      value: create(ValueSchema, { source: { case: "inline", value: typed } }),
    });
  });
}
