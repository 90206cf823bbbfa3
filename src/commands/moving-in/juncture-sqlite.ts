import { sliceOfMembers } from "../../origins/json-readers.ts";
import { fromJuncture } from "../../origins/juncture.ts";
import { decodeJson } from "../../values/json-decode.ts";
import { jsonText } from "../../values/json-encode.ts";
import type { JsonSlice } from "../../values/json-slices.ts";
import { decodeMsgpack } from "../../values/msgpack-decode.ts";
import { encodeUtf8 } from "../../values/utf8.ts";
import { isPlainMap, type Plain } from "../../values/value.ts";
import { bytesOf, type Row, textOf } from "./sqlite-file.ts";
import type { SqliteLayout } from "./sqlite-source.ts";

/** The members of juncture's structs, which MessagePack has by their places. */
const taskMembers = ["id", "node", "triggers", "state_override"];
const sendMembers = ["node", "state"];
const interruptMembers = ["index", "id", "payload", "timestamp"];
const metadataMembers = ["source", "step", "writes", "parents", "run_id", "return_value"];

const writesOf = `SELECT * FROM checkpoint_writes WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ?
  ORDER BY task_id, idx`;

/** juncture's SqliteSaver (0.4), whose values are MessagePack or JSON. */
export const junctureSqlite: SqliteLayout = {
  checkpoints: "checkpoints",
  beside: ["checkpoint_writes"],
  // Its own, by which it finds the latest.
  order: "checkpoint_ns, created_at, rowid",
  convert(file, row) {
    const [threadId, namespace, id] = [textOf(row.thread_id), textOf(row.checkpoint_ns), textOf(row.checkpoint_id)];
    return fromJuncture({
      threadId,
      namespace,
      parentId: row.parent_checkpoint_id === null ? undefined : textOf(row.parent_checkpoint_id),
      checkpoint: checkpointOf(id, row),
      metadata: encodeUtf8(jsonText(metadataOf(row))),
      writes: [...file.all(writesOf, threadId, namespace, id)].map(writeOf),
    });
  },
};

/** What the file does not keep is what juncture puts in its place when it reads it. */
function checkpointOf(id: string, row: Row): Uint8Array {
  return encodeUtf8(
    sliceOfMembers([
      ["id", JSON.stringify(id)],
      ["channel_values", textFrom(row.channel_values)],
      ["channel_versions", textFrom(row.channel_versions)],
      ["versions_seen", textFrom(row.versions_seen)],
      ["pending_tasks", listFrom(row.pending_tasks, taskMembers)],
      ["pending_sends", listFrom(row.pending_sends, sendMembers)],
      ["pending_interrupts", listFrom(row.pending_interrupts, interruptMembers)],
      ["schema_version", textOf(row.schema_version)],
      ["created_at", JSON.stringify(textOf(row.created_at))],
      ["v", "1"],
      ["new_versions", "{}"],
      ["counters_since_delta_snapshot", "{}"],
    ]),
  );
}

function metadataOf(row: Row): Plain {
  const metadata = named(read(row.metadata), metadataMembers);
  if (!isPlainMap(metadata) || !isPlainMap(metadata.source)) return metadata;
  // The one source that has a member: the node that stopped.
  const { Interrupt: interrupt = null } = metadata.source;
  return { ...metadata, source: { Interrupt: named(interrupt, ["node"]) } };
}

function writeOf(row: Row): Uint8Array {
  return encodeUtf8(
    sliceOfMembers([
      ["task_id", JSON.stringify(textOf(row.task_id))],
      ["channel", JSON.stringify(textOf(row.channel))],
      ["value", textOf(row.value)],
    ]),
  );
}

function textFrom(column: unknown): JsonSlice {
  return jsonText(read(column));
}

function listFrom(column: unknown, names: string[]): JsonSlice {
  const list = column === null ? [] : read(column);
  if (!Array.isArray(list)) throw new Error("what should be a list is none");
  return jsonText(list.map((item) => named(item, names)));
}

/** A struct, whose members stand by their places, by name. */
function named(value: Plain, names: string[]): Plain {
  if (!Array.isArray(value)) return value;
  return Object.fromEntries(names.map((name, i) => [name, value[i] ?? null]));
}

/** juncture's JSON begins as text does, which its MessagePack of maps and lists never does. */
function read(column: unknown): Plain {
  const bytes = bytesOf(column) ?? new Uint8Array();
  const isJson = bytes[0] === 0x7b || bytes[0] === 0x5b;
  return isJson ? decodeJson(bytes) : decodeMsgpack(bytes);
}
