import type { Converted } from "../../origins/document.ts";
import type { Source } from "./source.ts";
import { type Row, SqliteFile, textOf } from "./sqlite-file.ts";
import { checkpointName, unreadable } from "./unreadable.ts";

/** How a framework keeps its checkpoints in SQLite: as rows of a table with a `thread_id` and a `checkpoint_id`. */
export interface SqliteLayout {
  checkpoints: string;
  /** The other tables that are needed. */
  beside: string[];
  /** Columns by which each checkpoint stands behind those that it follows. */
  order: string;
  /** A checkpoint with its writes. What it throws is told with the checkpoint's name. */
  convert(file: SqliteFile, row: Row): Converted;
}

/** A file of a framework's, read by its layout. */
export class SqliteSource implements Source {
  readonly #file: SqliteFile;
  readonly #layout: SqliteLayout;

  constructor(file: string, layout: SqliteLayout) {
    this.#file = new SqliteFile(file, [layout.checkpoints, ...layout.beside]);
    this.#layout = layout;
  }

  async count(): Promise<number> {
    return Number(this.#file.get(`SELECT count(*) AS count FROM ${this.#layout.checkpoints}`)?.count);
  }

  async *threads(): AsyncGenerator<string> {
    yield* this.#file.texts(`SELECT DISTINCT thread_id FROM ${this.#layout.checkpoints} ORDER BY thread_id`);
  }

  async *checkpoints(threadId: string): AsyncGenerator<Converted> {
    const { checkpoints, order } = this.#layout;
    const sql = `SELECT * FROM ${checkpoints} WHERE thread_id = ? ORDER BY ${order}`;
    for (const row of this.#file.all(sql, threadId)) yield this.#convert(row);
  }

  async close(): Promise<void> {
    this.#file.close();
  }

  #convert(row: Row): Converted {
    try {
      return this.#layout.convert(this.#file, row);
    } catch (error) {
      throw unreadable(checkpointName(textOf(row.thread_id), textOf(row.checkpoint_id)), error);
    }
  }
}
