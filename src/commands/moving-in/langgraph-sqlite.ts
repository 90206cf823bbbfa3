import type { Converted } from "../../origins/document.ts";
import { fromLanggraph, type LanggraphWrite } from "../../origins/langgraph.ts";
import { takeApart } from "./langgraph-document.ts";
import type { Source } from "./source.ts";
import { bytesOf, type Row, SqliteFile, textOf } from "./sqlite-file.ts";
import { unreadable } from "./unreadable.ts";

const writesOf = `SELECT * FROM writes WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ? ORDER BY task_id, idx`;

/** The file of LangGraph's SqliteSaver (Python, langgraph-checkpoint-sqlite 1 to 3). */
export class LanggraphSqlite implements Source {
  readonly #file: SqliteFile;

  constructor(file: string) {
    this.#file = new SqliteFile(file, ["checkpoints", "writes"]);
  }

  async count(): Promise<number> {
    return Number(this.#file.get("SELECT count(*) AS count FROM checkpoints")?.count);
  }

  async *threads(): AsyncGenerator<string> {
    yield* this.#file.texts("SELECT DISTINCT thread_id FROM checkpoints ORDER BY thread_id");
  }

  /** Their ids are UUIDs of version 6: in the order of time. */
  async *checkpoints(threadId: string): AsyncGenerator<Converted> {
    const sql = "SELECT * FROM checkpoints WHERE thread_id = ? ORDER BY checkpoint_ns, checkpoint_id";
    for (const row of this.#file.all(sql, threadId)) yield this.#convert(threadId, row);
  }

  async close(): Promise<void> {
    this.#file.close();
  }

  #convert(threadId: string, row: Row): Converted {
    const [namespace, id] = [textOf(row.checkpoint_ns), textOf(row.checkpoint_id)];
    try {
      const whole = takeApart({ type: textOf(row.type), data: bytesOf(row.checkpoint) ?? new Uint8Array() });
      const parentId = row.parent_checkpoint_id === null ? undefined : textOf(row.parent_checkpoint_id);
      const writes = [...this.#file.all(writesOf, threadId, namespace, id)].map(toWrite);
      return fromLanggraph({ threadId, namespace, parentId, metadata: bytesOf(row.metadata), writes, ...whole });
    } catch (error) {
      throw unreadable(`thread ${JSON.stringify(threadId)}, checkpoint ${JSON.stringify(id)}`, error);
    }
  }
}

function toWrite(row: Row): LanggraphWrite {
  return {
    taskId: textOf(row.task_id),
    taskPath: textOf(row.task_path),
    idx: Number(row.idx),
    channel: textOf(row.channel),
    value: { type: textOf(row.type), data: bytesOf(row.value) ?? new Uint8Array() },
  };
}
