// NeoGraph's own service, on both stores: what its GrpcCheckpointStore puts and gets.
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { CairnClient } from "../../clients/typescript/src/index.ts";
import { Origin } from "../../src/gen/cairn/v1/checkpoint_pb.ts";
import { CheckpointService as Cairns } from "../../src/gen/cairn/v1/checkpoint_service_pb.ts";
import { CheckpointService } from "../../src/gen/neograph/v1/checkpoint_service_pb.ts";
import { type RunningServer, startServer } from "../../src/server/start.ts";
import { mongoStore, newStore, storeKinds, type TestStore } from "../support/stores.ts";
import { Caller, refusal } from "./harness.ts";

const { method } = CheckpointService;

/** A checkpoint as NeoGraph's engine writes it. */
function json(id: string, threadId: string, more: Record<string, unknown> = {}): string {
  return JSON.stringify({
    ...{
      id,
      thread_id: threadId,
      parent_id: "",
      current_node: "a",
      next_nodes: ["b", "c"],
      interrupt_phase: "completed",
    },
    channel_values: { channels: { n: { value: [1.5, null, "é\u0000😀"], version: 2 } }, global_version: 2 },
    ...{ channel_versions: null, metadata: null, barrier_state: { j: [] }, step: 0, timestamp: 1795289715830 },
    schema_version: 4,
    ...more,
  });
}

const blob = (id: string, threadId: string, more: Record<string, unknown> = {}) => ({
  checkpoint: { id, threadId, checkpointJson: json(id, threadId, more) },
});

describe.each(storeKinds)("NeoGraph's checkpoint service on %s", (kind) => {
  let store: TestStore;
  let server: RunningServer;
  let threads = 0;
  beforeAll(async () => {
    store = kind === "mongodb" ? mongoStore(inject("mongoUri")) : await newStore(kind);
    server = await startServer({ listen: "127.0.0.1:0", logLevel: "error", store: store.location });
  });
  afterAll(async () => {
    await server?.stop();
    await store?.remove();
  });

  const start = () => ({ caller: new Caller(server.address), thread: `subgraph/1:t${++threads}:s1:14:s1:s` });

  it("gives back what was saved, with its members and numbers as they were", async () => {
    const { caller, thread } = start();
    const document = json(`${thread} 1`, thread).replace("[1.5,", "[-0.0,1.0,18446744073709551615,1e300,");
    const checkpoint = { id: `${thread} 1`, threadId: thread, checkpointJson: document };
    expect(await caller.call(method.saveCheckpoint, { checkpoint })).toMatchObject({ ok: true, error: "" });
    const latest = await caller.call(method.loadLatestCheckpoint, { threadId: thread });
    const byId = await caller.call(method.loadCheckpointById, { id: `${thread} 1` });
    for (const { found, checkpoint: loaded } of [latest, byId]) {
      expect(found).toBe(true);
      expect(loaded).toMatchObject({ id: `${thread} 1`, threadId: thread });
      expect(JSON.parse(loaded?.checkpointJson ?? "")).toEqual(JSON.parse(document));
      expect(loaded?.checkpointJson).toContain("[-0.0,1.0,18446744073709551615,1e300,");
    }
  });

  it.each([
    ["none", { schema_version: undefined, next_nodes: undefined, next_node: "b" }],
    ["0", { schema_version: 0, next_nodes: undefined, next_node: "b" }],
    ["1", { schema_version: 1, barrier_state: undefined }],
    ["3", { schema_version: 3 }],
  ])("keeps layout %s as it was", async (_, more) => {
    const { caller, thread } = start();
    await caller.call(method.saveCheckpoint, blob(`${thread} 1`, thread, more));
    const { checkpoint } = await caller.call(method.loadLatestCheckpoint, { threadId: thread });
    expect(JSON.parse(checkpoint?.checkpointJson ?? "")).toEqual(JSON.parse(json(`${thread} 1`, thread, more)));
  });

  it("has as latest what was saved last, whatever its step and time; who saves again replaces", async () => {
    const { caller, thread } = start();
    const [one, two] = [`${thread} 1`, `${thread} 2`];
    await caller.call(method.saveCheckpoint, blob(one, thread, { step: 9, timestamp: 9 }));
    await caller.call(method.saveCheckpoint, blob(two, thread, { step: 0, timestamp: 1 }));
    const idsOf = async (limit: number) => {
      const { checkpoints } = await caller.call(method.listCheckpoints, { threadId: thread, limit });
      return checkpoints.map(({ id }) => id);
    };
    expect(await idsOf(0)).toEqual([two, one]);
    expect(await idsOf(1)).toEqual([two]);
    await caller.call(method.saveCheckpoint, blob(one, thread, { step: 3 }));
    expect(await idsOf(1000)).toEqual([one, two]);
    const { checkpoint } = await caller.call(method.loadLatestCheckpoint, { threadId: thread });
    expect(JSON.parse(checkpoint?.checkpointJson ?? "").step).toBe(3);
  });

  it("lists more than a page, at most as many as are asked for", async () => {
    const { caller, thread } = start();
    for (let n = 0; n < 103; n++) await caller.call(method.saveCheckpoint, blob(`${thread} ${n}`, thread));
    for (const [limit, count] of [
      [0, 100],
      [102, 102],
      [2_000_000_000, 103],
    ] as const) {
      const { checkpoints } = await caller.call(method.listCheckpoints, { threadId: thread, limit });
      expect(checkpoints.map(({ id }) => id)).toEqual(Array.from({ length: count }, (_, n) => `${thread} ${102 - n}`));
    }
  });

  it("finds nothing where there is nothing, and nothing after it was deleted", async () => {
    const { caller, thread } = start();
    const nothing = async () => {
      expect(await caller.call(method.loadLatestCheckpoint, { threadId: thread })).toMatchObject({ found: false });
      expect(await caller.call(method.loadCheckpointById, { id: `${thread} 1` })).toMatchObject({ found: false });
      expect((await caller.call(method.listCheckpoints, { threadId: thread })).checkpoints).toEqual([]);
    };
    await nothing();
    await caller.call(method.saveCheckpoint, blob(`${thread} 1`, thread));
    expect(await caller.call(method.deleteThreadCheckpoints, { threadId: thread })).toMatchObject({ ok: true });
    expect(await caller.call(method.deleteThreadCheckpoints, { threadId: thread })).toMatchObject({ ok: true });
    await nothing();
  });

  it("keeps fork and admin metadata, needs no managed budget, and is a thread like any other", async () => {
    const { caller, thread } = start();
    const metadata = {
      forked_from: { thread_id: "t", checkpoint_id: "c" },
      _neograph: { admin_resume_phase: "after" },
    };
    await caller.call(method.saveCheckpoint, blob(`${thread} 1`, thread, { metadata }));
    expect(await caller.call(method.requiresManagedBudget, { threadId: thread })).toMatchObject({ required: false });
    const { entry, values } = await caller.call(Cairns.method.getCheckpoint, { threadId: thread });
    expect(entry?.checkpoint).toMatchObject({ currentNode: "a", nextNodes: ["b", "c"], schemaVersion: 4 });
    expect(values.map(({ value }) => Buffer.from(value?.data ?? []).toString())).toEqual(['[1.5,null,"é\\u0000😀"]']);
    const client = CairnClient.connect({ address: server.address });
    expect(await client.thread(thread).info()).toMatchObject({ id: thread });
    client.close();
  });

  it.each([
    ["another id inside", { id: "other" }, "has another id than `id`"],
    ["another thread inside", { thread_id: "other" }, "has another thread_id than `thread_id`"],
    ["a member that no checkpoint has", { colour: 1 }, '"colour"'],
    ["a newer layout", { schema_version: 5 }, "schema_version 5; known are those up to 4"],
    ["no id inside", { id: undefined }, "checkpoint.id"],
  ])("refuses %s, and saves nothing", async (_, more, message) => {
    const { caller, thread } = start();
    const refused = await refusal(caller.call(method.saveCheckpoint, blob(`${thread} 1`, thread, more)));
    expect(refused.code).toBe("INVALID_ARGUMENT");
    expect(refused.message).toContain(message);
    expect(await caller.call(method.loadLatestCheckpoint, { threadId: thread })).toMatchObject({ found: false });
  });

  it("refuses what is empty or no JSON, and an id that two threads have", async () => {
    const { caller, thread } = start();
    for (const checkpoint of [
      { id: "", threadId: thread, checkpointJson: "{}" },
      { id: "c", threadId: "", checkpointJson: "{}" },
      { id: "c", threadId: thread, checkpointJson: "" },
      { id: "c", threadId: thread, checkpointJson: "{" },
      { id: "c", threadId: thread, checkpointJson: "[]" },
      undefined,
    ]) {
      const refused = await refusal(caller.call(method.saveCheckpoint, { checkpoint }));
      expect(refused.code, JSON.stringify(checkpoint)).toBe("INVALID_ARGUMENT");
    }
    expect((await refusal(caller.call(method.loadLatestCheckpoint, {}))).fields).toEqual(["thread_id"]);
    expect((await refusal(caller.call(method.listCheckpoints, { threadId: "t", limit: -1 }))).fields).toEqual([
      "limit",
    ]);
    await caller.call(method.saveCheckpoint, blob(`${thread} 1`, thread));
    await caller.call(method.saveCheckpoint, blob(`${thread} 1`, `${thread} too`));
    const twice = await refusal(caller.call(method.loadCheckpointById, { id: `${thread} 1` }));
    expect(twice).toMatchObject({ code: "FAILED_PRECONDITION", reason: "CHECKPOINT_AMBIGUOUS" });
  });

  it("does not pass off another framework's checkpoint as NeoGraph's", async () => {
    const { caller, thread } = start();
    const native = { id: `${thread} 1`, threadId: thread, origin: Origin.LANGGRAPH };
    await caller.call(Cairns.method.putCheckpoint, { checkpoint: native });
    const refused = await refusal(caller.call(method.loadLatestCheckpoint, { threadId: thread }));
    expect(refused).toMatchObject({ reason: "ORIGIN_MISMATCH", metadata: { origin: "langgraph" } });
  });
});
