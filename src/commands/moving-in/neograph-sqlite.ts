import { sliceOfMembers } from "../../origins/json-readers.ts";
import { fromNeograph } from "../../origins/neograph.ts";
import { type JsonSlice, jsonDocument, sliceArray, sliceObject } from "../../values/json-slices.ts";
import { encodeUtf8 } from "../../values/utf8.ts";
import { type Row, type SqliteFile, textOf } from "./sqlite-file.ts";
import type { SqliteLayout } from "./sqlite-source.ts";

const blobOf = "SELECT blob_data FROM neograph_checkpoint_blobs WHERE thread_id = ? AND channel = ? AND version = ?";
const recordsOf =
  "SELECT * FROM neograph_checkpoint_writes WHERE thread_id = ? AND parent_checkpoint_id = ? ORDER BY seq";

/** NeoGraph's SqliteCheckpointStore (0.12 to 0.16). What it gives is what that store itself would load. */
export const neographSqlite: SqliteLayout = {
  checkpoints: "neograph_checkpoints",
  beside: ["neograph_checkpoint_blobs", "neograph_checkpoint_writes"],
  order: "save_seq, timestamp_ms, step, rowid",
  convert(file, row) {
    const [threadId, id] = [textOf(row.thread_id), textOf(row.checkpoint_id)];
    const shape = row.checkpoint_shape === null ? shapeOf(row) : members(textOf(row.checkpoint_shape));
    const document = sliceOfMembers([
      ["id", JSON.stringify(id)],
      ["thread_id", JSON.stringify(threadId)],
      ["channel_values", valuesOf(file, threadId, shape)],
      ["channel_versions", shape.get("channel_versions") ?? "null"],
      ["parent_id", JSON.stringify(textOf(row.parent_id))],
      ["current_node", JSON.stringify(textOf(row.current_node))],
      ["next_nodes", textOf(row.next_nodes)],
      ["interrupt_phase", JSON.stringify(textOf(row.interrupt_phase))],
      ["barrier_state", textOf(row.barrier_state)],
      ["metadata", textOf(row.metadata)],
      ["step", textOf(row.step)],
      ["timestamp", textOf(row.timestamp_ms)],
      ["schema_version", textOf(row.schema_version)],
    ]);
    return fromNeograph(encodeUtf8(document), [...file.all(recordsOf, threadId, id)].map(recordOf));
  },
};

/** The state, with the values of its channels, which stand by themselves under their versions. */
function valuesOf(file: SqliteFile, threadId: string, shape: Map<string, JsonSlice>): JsonSlice {
  const whole = shape.get("channel_values") ?? "{}";
  const stored = (sliceArray(shape.get("blob_channels") ?? "[]") ?? []).map((name) => String(JSON.parse(name)));
  if (stored.length === 0) return whole;
  const state = members(whole);
  const channels = members(state.get("channels") ?? "{}");
  for (const name of stored) {
    const channel = members(channels.get(name) ?? "{}");
    const version = channel.get("version") ?? "0";
    const blob = file.get(blobOf, threadId, name, BigInt(version));
    if (blob === undefined) throw new Error(`channel ${JSON.stringify(name)} has no value of version ${version}`);
    channels.set(name, sliceOfMembers([["value", textOf(blob.blob_data)], ...channel]));
  }
  state.set("channels", sliceOfMembers(channels));
  return sliceOfMembers(state);
}

function recordOf(row: Row): Uint8Array {
  return encodeUtf8(
    sliceOfMembers([
      ["task_id", JSON.stringify(textOf(row.task_id))],
      ["task_path", JSON.stringify(textOf(row.task_path))],
      ["node_name", JSON.stringify(textOf(row.node_name))],
      ["writes", textOf(row.writes_json)],
      ["command", textOf(row.command_json)],
      ["sends", textOf(row.sends_json)],
      ["step", textOf(row.step)],
      ["timestamp", textOf(row.timestamp_ms)],
    ]),
  );
}

/** Of a row that was written before there were shapes: its versions say which values it has. */
function shapeOf(row: Row): Map<string, JsonSlice> {
  const versions = [...members(textOf(row.channel_versions))];
  const channels = versions.map(([name, version]): [string, JsonSlice] => [
    name,
    sliceOfMembers([["version", version]]),
  ]);
  const values: [string, JsonSlice][] = [
    ["global_version", textOf(row.global_version)],
    ["channels", sliceOfMembers(channels)],
  ];
  return new Map([
    ["channel_values", sliceOfMembers(values)],
    ["blob_channels", JSON.stringify(versions.map(([name]) => name))],
  ]);
}

function members(text: JsonSlice): Map<string, JsonSlice> {
  const found = sliceObject(jsonDocument(encodeUtf8(text)));
  if (found === undefined) throw new Error(`${text.slice(0, 100)} is no JSON object`);
  return found;
}
