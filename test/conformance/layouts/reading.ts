// All that a store tells of the fixture's space, as JSON.
import { createHash } from "node:crypto";
import { type DescMessage, type JsonValue, type MessageShape, toJson } from "@bufbuild/protobuf";
import { GraphRecordSchema } from "../../../src/gen/cairn/store/v1/record_pb.ts";
import { CheckpointSchema, PendingWriteSchema } from "../../../src/gen/cairn/v1/checkpoint_pb.ts";
import { EventSchema } from "../../../src/gen/cairn/v1/event_pb.ts";
import { ThreadSchema } from "../../../src/gen/cairn/v1/thread_service_pb.ts";
import type { ValueEntry } from "../../../src/gen/cairn/v1/value_pb.ts";
import type { Store, ThreadKey } from "../../../src/store/store.ts";
import { REQUESTS } from "./story.ts";

export const SPACE = "default";

export async function readAll(store: Store): Promise<JsonValue> {
  const { threads } = await store.listThreads(SPACE, { filters: [], pageSize: 100, pageToken: "" });
  const { graphs } = await store.listGraphs(SPACE, 100, "");
  const told: { [thread: string]: JsonValue } = {};
  for (const { id } of threads.toSorted((one, other) => (one.id < other.id ? -1 : 1))) {
    told[id] = await readThread(store, { space: SPACE, thread: id });
  }
  const requests: JsonValue[] = [];
  for (const [thread, id] of REQUESTS) {
    const found = await store.findRequest({ space: SPACE, thread }, id);
    if (!found) throw new Error(`request ${id} of ${thread} is not known`);
    const { bodyHash, answer = new Uint8Array(), ...rest } = found;
    requests.push({ thread, id, bodyHash: base64(bodyHash), answer: base64(answer), ...rest });
  }
  return {
    threads: told,
    requests,
    graphs: graphs.map(({ revision, graph }) => ({
      revision,
      ...(messageJson(GraphRecordSchema, graph) as object),
      layout: 0,
    })),
  };
}

async function readThread(store: Store, key: ThreadKey): Promise<JsonValue> {
  const list = { thread: key.thread, filters: [], order: "seq" as const, pageSize: 500, pageToken: "" };
  const { entries } = await store.listCheckpoints(key.space, list, { view: "full" });
  const { events } = await store.readEvents(key, 0, 10_000);
  const runs = await store.runRecords(key, undefined, Number.POSITIVE_INFINITY, 500);
  const thread = await store.getThread(key);
  if (!thread) throw new Error(`thread ${key.thread} is gone`);
  return {
    thread: messageJson(ThreadSchema, thread),
    checkpoints: entries.map(({ checkpoint, writes, values }) => ({
      checkpoint: messageJson(CheckpointSchema, checkpoint),
      writes: writes.map((write) => messageJson(PendingWriteSchema, write)),
      values: Object.fromEntries([...values].toSorted().map(([ref, entry]) => [ref, valueJson(entry)])),
    })),
    events: events.map((event) => messageJson(EventSchema, event)),
    runs: runs.map(({ n, record }) => ({ n, atMs: Number(record.atMs) })),
  };
}

/** Maps in an order of their own, so that two readings compare as texts do. */
function messageJson<Desc extends DescMessage>(schema: Desc, message: MessageShape<Desc>): JsonValue {
  return sorted(toJson(schema, message, { alwaysEmitImplicit: false }));
}

function sorted(json: JsonValue): JsonValue {
  if (Array.isArray(json)) return json.map(sorted);
  if (typeof json !== "object" || json === null) return json;
  return Object.fromEntries(
    Object.entries(json)
      .toSorted(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, value]) => [name, sorted(value)]),
  );
}

function valueJson({ value, sizeBytes, crc32 }: ValueEntry): JsonValue {
  const { type = "", data = new Uint8Array() } = value ?? {};
  const told = data.length > 1000 ? createHash("sha256").update(data).digest("hex") : Buffer.from(data).toString();
  return { type, told, sizeBytes: Number(sizeBytes), crc32 };
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64");
}
