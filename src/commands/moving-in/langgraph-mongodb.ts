import { type Binary, type Collection, type Document, MongoClient } from "mongodb";
import type { Converted } from "../../origins/document.ts";
import { sliceOfMembers } from "../../origins/json-readers.ts";
import { fromLanggraph, type LanggraphWrite } from "../../origins/langgraph.ts";
import { jsonText } from "../../values/json-encode.ts";
import type { JsonSlice } from "../../values/json-slices.ts";
import { decodeMsgpack } from "../../values/msgpack-decode.ts";
import { encodeUtf8 } from "../../values/utf8.ts";
import { takeApart } from "./langgraph-document.ts";
import type { Source } from "./source.ts";
import { checkpointName, unreadable } from "./unreadable.ts";

/** MongoDBSaver's own, when the address names no database. */
const DATABASE = "checkpointing_db";

/** How long a MongoDB may take to answer, unless its address says. */
const PATIENCE_MS = 10_000;

/** The collections of LangGraph's MongoDBSaver (Python), under the names that it gives them. */
export class LanggraphMongodb implements Source {
  readonly #client: MongoClient;
  readonly #checkpoints: Collection;
  readonly #writes: Collection;

  private constructor(client: MongoClient, database: string) {
    this.#client = client;
    this.#checkpoints = client.db(database).collection("checkpoints");
    this.#writes = client.db(database).collection("checkpoint_writes");
  }

  /** Throws when no MongoDB answers, or it has no checkpoints there. */
  static async open(uri: string): Promise<LanggraphMongodb> {
    let client: MongoClient | undefined;
    try {
      client = new MongoClient(
        uri,
        /serverSelectionTimeoutMS=/i.test(uri) ? {} : { serverSelectionTimeoutMS: PATIENCE_MS },
      );
      const named = client.options.dbName;
      const source = new LanggraphMongodb(client, named === "test" ? DATABASE : named);
      if ((await source.count()) === 0) throw new Error("it has no checkpoints");
      return source;
    } catch (error) {
      await client?.close();
      throw unreadable("the MongoDB", error);
    }
  }

  count(): Promise<number> {
    return this.#checkpoints.countDocuments();
  }

  async *threads(): AsyncGenerator<string> {
    const threads = this.#checkpoints.aggregate([{ $group: { _id: "$thread_id" } }, { $sort: { _id: 1 } }]);
    for await (const { _id } of threads) yield String(_id);
  }

  /** Their ids are UUIDs of version 6: in the order of time. */
  async *checkpoints(threadId: string): AsyncGenerator<Converted> {
    const order = { checkpoint_ns: 1, checkpoint_id: 1 } as const;
    for await (const found of this.#checkpoints.find({ thread_id: threadId }).sort(order))
      yield await this.#convert(found);
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  async #convert(found: Document): Promise<Converted> {
    const { thread_id, checkpoint_ns, checkpoint_id } = found;
    try {
      const beside = this.#writes.find({ thread_id, checkpoint_ns, checkpoint_id }).sort({ task_id: 1, idx: 1 });
      return fromLanggraph({
        threadId: thread_id,
        namespace: checkpoint_ns,
        parentId: found.parent_checkpoint_id ?? undefined,
        metadata: encodeUtf8(metadataText(found.metadata)),
        writes: (await beside.toArray()).map(toWrite),
        ...takeApart({ type: found.type, data: bytesOf(found.checkpoint) }),
      });
    } catch (error) {
      throw unreadable(checkpointName(thread_id, checkpoint_id), error);
    }
  }
}

function toWrite(found: Document): LanggraphWrite {
  return {
    taskId: found.task_id,
    taskPath: found.task_path ?? "",
    idx: found.idx,
    channel: found.channel,
    value: { type: found.type, data: bytesOf(found.value) },
  };
}

/** Documents are kept as such; each value in them is a pair of a type and bytes. */
function metadataText(metadata: Document): JsonSlice {
  if (!Array.isArray(metadata)) {
    const members = Object.entries(metadata).map(([name, value]): [string, JsonSlice] => [name, metadataText(value)]);
    return sliceOfMembers(members);
  }
  const [type, data] = metadata;
  if (type === "null") return "null";
  if (type === "json") return new TextDecoder().decode(bytesOf(data));
  if (type !== "msgpack") throw new Error(`a value of its metadata has the type ${JSON.stringify(type)}`);
  return jsonText(decodeMsgpack(bytesOf(data)));
}

function bytesOf(value: Binary | null): Uint8Array {
  return value === null ? new Uint8Array() : new Uint8Array(value.buffer.subarray(0, value.length()));
}
