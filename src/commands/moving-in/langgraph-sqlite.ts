import { fromLanggraph, type LanggraphWrite } from "../../origins/langgraph.ts";
import { takeApart } from "./langgraph-document.ts";
import { bytesOf, type Row, textOf } from "./sqlite-file.ts";
import type { SqliteLayout } from "./sqlite-source.ts";

const writesOf = `SELECT * FROM writes WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id = ? ORDER BY task_id, idx`;

/** LangGraph's SqliteSaver (Python, langgraph-checkpoint-sqlite 1 to 3). */
export const langgraphSqlite: SqliteLayout = {
  checkpoints: "checkpoints",
  beside: ["writes"],
  // Their ids are UUIDs of version 6: in the order of time.
  order: "checkpoint_ns, checkpoint_id",
  convert(file, row) {
    const [threadId, namespace] = [textOf(row.thread_id), textOf(row.checkpoint_ns)];
    const whole = takeApart({ type: textOf(row.type), data: bytesOf(row.checkpoint) ?? new Uint8Array() });
    const parentId = row.parent_checkpoint_id === null ? undefined : textOf(row.parent_checkpoint_id);
    const writes = [...file.all(writesOf, threadId, namespace, textOf(row.checkpoint_id))].map(toWrite);
    return fromLanggraph({ threadId, namespace, parentId, metadata: bytesOf(row.metadata), writes, ...whole });
  },
};

function toWrite(row: Row): LanggraphWrite {
  return {
    taskId: textOf(row.task_id),
    taskPath: textOf(row.task_path),
    idx: Number(row.idx),
    channel: textOf(row.channel),
    value: { type: textOf(row.type), data: bytesOf(row.value) ?? new Uint8Array() },
  };
}
