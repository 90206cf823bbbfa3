import type { Converted } from "../../origins/document.ts";
import { sliceOfMembers } from "../../origins/json-readers.ts";
import { fromNeograph } from "../../origins/neograph.ts";
import { type JsonSlice, jsonDocument, sliceArray, sliceObject } from "../../values/json-slices.ts";
import { utf8 } from "./langgraph-document.ts";
import type { Source } from "./source.ts";
import { type Row, SqliteFile, textOf } from "./sqlite-file.ts";
import { unreadable } from "./unreadable.ts";

/** The file of NeoGraph's SqliteCheckpointStore (0.12 to 0.16). What it gives is what that store itself would load. */
export class NeographSqlite implements Source {
  readonly #file: SqliteFile;

  constructor(file: string) {
    this.#file = new SqliteFile(file, [
      "neograph_checkpoints",
      "neograph_checkpoint_blobs",
      "neograph_checkpoint_writes",
    ]);
  }

  async count(): Promise<number> {
    return Number(this.#file.get("SELECT count(*) AS count FROM neograph_checkpoints")?.count);
  }

  async *threads(): AsyncGenerator<string> {
    yield* this.#file.texts("SELECT DISTINCT thread_id FROM neograph_checkpoints ORDER BY thread_id");
  }

  async *checkpoints(threadId: string): AsyncGenerator<Converted> {
    const sql = "SELECT * FROM neograph_checkpoints WHERE thread_id = ? ORDER BY save_seq, timestamp_ms, step, rowid";
    for (const row of this.#file.all(sql, threadId)) yield this.#convert(threadId, row);
  }

  async close(): Promise<void> {
    this.#file.close();
  }

  #convert(threadId: string, row: Row): Converted {
    const id = textOf(row.checkpoint_id);
    try {
      const shape = row.checkpoint_shape === null ? shapeOf(row) : members(textOf(row.checkpoint_shape));
      const document = sliceOfMembers([
        ["id", JSON.stringify(id)],
        ["thread_id", JSON.stringify(threadId)],
        ["channel_values", this.#values(threadId, shape)],
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
      return fromNeograph(utf8(document), this.#records(threadId, id));
    } catch (error) {
      throw unreadable(`thread ${JSON.stringify(threadId)}, checkpoint ${JSON.stringify(id)}`, error);
    }
  }

  /** The state, with the values of its channels, which stand by themselves under their versions. */
  #values(threadId: string, shape: Map<string, JsonSlice>): JsonSlice {
    const whole = shape.get("channel_values") ?? "{}";
    const stored = (sliceArray(shape.get("blob_channels") ?? "[]") ?? []).map((name) => String(JSON.parse(name)));
    if (stored.length === 0) return whole;
    const state = members(whole);
    const channels = members(state.get("channels") ?? "{}");
    for (const name of stored) {
      const channel = members(channels.get(name) ?? "{}");
      const version = channel.get("version") ?? "0";
      const sql = "SELECT blob_data FROM neograph_checkpoint_blobs WHERE thread_id = ? AND channel = ? AND version = ?";
      const blob = this.#file.get(sql, threadId, name, BigInt(version));
      if (blob === undefined) throw new Error(`channel ${JSON.stringify(name)} has no value of version ${version}`);
      channels.set(name, sliceOfMembers([["value", textOf(blob.blob_data)], ...channel]));
    }
    state.set("channels", sliceOfMembers(channels));
    return sliceOfMembers(state);
  }

  #records(threadId: string, id: string): Uint8Array[] {
    const sql =
      "SELECT * FROM neograph_checkpoint_writes WHERE thread_id = ? AND parent_checkpoint_id = ? ORDER BY seq";
    return [...this.#file.all(sql, threadId, id)].map((row) =>
      utf8(
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
      ),
    );
  }
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
  const found = sliceObject(jsonDocument(utf8(text)));
  if (found === undefined) throw new Error(`${text.slice(0, 100)} is no JSON object`);
  return found;
}
