import pg from "pg";
import type { Converted } from "../../origins/document.ts";
import { mapOf } from "../../origins/json-readers.ts";
import { type Dumped, fromLanggraph, type LanggraphWrite } from "../../origins/langgraph.ts";
import { decodeJson } from "../../values/json-decode.ts";
import { type JsonSlice, jsonDocument, sliceObject } from "../../values/json-slices.ts";
import { encodeMsgpack } from "../../values/msgpack-encode.ts";
import { encodeUtf8 } from "../../values/utf8.ts";
import type { Source } from "./source.ts";
import { checkpointName, unreadable } from "./unreadable.ts";

const PATIENCE_MS = 10_000;

/** JSON is asked for as text: its numbers are not to be read as JavaScript's. */
const checkpointSql = `SELECT parent_checkpoint_id, (checkpoint - 'channel_values')::text AS document,
  (checkpoint -> 'channel_values')::text AS inline, metadata::text AS metadata
  FROM checkpoints WHERE thread_id = $1 AND checkpoint_ns = $2 AND checkpoint_id = $3`;

/** Values that stand by themselves, under their channels' versions. */
const blobsSql = `SELECT b.channel, b.type, b.blob FROM checkpoints c,
  jsonb_each_text(c.checkpoint -> 'channel_versions') v, checkpoint_blobs b
  WHERE c.thread_id = $1 AND c.checkpoint_ns = $2 AND c.checkpoint_id = $3 AND b.thread_id = $1 AND b.checkpoint_ns = $2
  AND b.channel = v.key AND b.version = v.value AND b.type <> 'empty'`;

const writesSql = `SELECT * FROM checkpoint_writes
  WHERE thread_id = $1 AND checkpoint_ns = $2 AND checkpoint_id = $3 ORDER BY task_id, idx`;

/** The tables of LangGraph's PostgresSaver (Python and JavaScript). */
export class LanggraphPostgres implements Source {
  readonly #client: pg.Client;

  private constructor(client: pg.Client) {
    this.#client = client;
  }

  /** Throws when no PostgreSQL answers, or it has no such tables. */
  static async open(uri: string): Promise<LanggraphPostgres> {
    const client = new pg.Client({ connectionString: uri, connectionTimeoutMillis: PATIENCE_MS });
    // A connection that breaks is told by the query that needs it.
    client.on("error", () => {});
    try {
      await client.connect();
      const source = new LanggraphPostgres(client);
      await source.count();
      return source;
    } catch (error) {
      await client.end().catch(() => {});
      throw unreadable("the PostgreSQL", error);
    }
  }

  async count(): Promise<number> {
    const [row] = await this.#rows("SELECT count(*) AS count FROM checkpoints");
    return Number(row?.count);
  }

  async *threads(): AsyncGenerator<string> {
    const found = await this.#rows(`SELECT DISTINCT thread_id COLLATE "C" AS thread_id FROM checkpoints ORDER BY 1`);
    for (const { thread_id } of found) yield thread_id;
  }

  /** Their ids are UUIDs of version 6: in the order of time. */
  async *checkpoints(threadId: string): AsyncGenerator<Converted> {
    const sql = `SELECT checkpoint_ns, checkpoint_id FROM checkpoints WHERE thread_id = $1
      ORDER BY checkpoint_ns COLLATE "C", checkpoint_id COLLATE "C"`;
    for (const { checkpoint_ns, checkpoint_id } of await this.#rows(sql, threadId)) {
      yield await this.#convert(threadId, checkpoint_ns, checkpoint_id);
    }
  }

  close(): Promise<void> {
    return this.#client.end();
  }

  async #convert(threadId: string, namespace: string, id: string): Promise<Converted> {
    try {
      const [row] = await this.#rows(checkpointSql, threadId, namespace, id);
      if (row === undefined) throw new Error("it was deleted meanwhile");
      const channelValues = inlineValues(row.inline ?? "{}");
      // Where both are, what is inline only says that the other is there.
      for (const { channel, type, blob } of await this.#rows(blobsSql, threadId, namespace, id)) {
        channelValues[channel] = { type, data: bytesOf(blob) };
      }
      return fromLanggraph({
        threadId,
        namespace,
        parentId: row.parent_checkpoint_id ?? undefined,
        checkpoint: encodeUtf8(row.document),
        channelValues,
        metadata: encodeUtf8(row.metadata),
        writes: (await this.#rows(writesSql, threadId, namespace, id)).map(toWrite),
      });
    } catch (error) {
      throw unreadable(checkpointName(threadId, id), error);
    }
  }

  async #rows(sql: string, ...values: string[]): Promise<pg.QueryResultRow[]> {
    return (await this.#client.query(sql, values)).rows;
  }
}

/** Texts, numbers, truth values and nulls stand in the document itself. */
function inlineValues(json: string): Record<string, Dumped> {
  const members = sliceObject(jsonDocument(encodeUtf8(json))) ?? [];
  const dumped = (slice: JsonSlice): Dumped => {
    const plain = decodeJson(encodeUtf8(slice));
    return plain === null ? { type: "null", data: new Uint8Array() } : { type: "msgpack", data: encodeMsgpack(plain) };
  };
  return mapOf([...members].map(([name, slice]) => [name, dumped(slice)]));
}

function toWrite(row: pg.QueryResultRow): LanggraphWrite {
  const { task_id: taskId, task_path: taskPath = "", idx, channel, type, blob } = row;
  return { taskId, taskPath, idx, channel, value: { type, data: bytesOf(blob) } };
}

function bytesOf(blob: Buffer | null): Uint8Array {
  return new Uint8Array(blob ?? Buffer.alloc(0));
}
