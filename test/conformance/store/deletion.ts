import { randomBytes } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { LeaseSchema } from "../../../src/gen/cairn/store/v1/record_pb.ts";
import type { Store } from "../../../src/store/store.ts";
import {
  byRef,
  bytes,
  type Context,
  commit,
  FULL,
  inline,
  latest,
  put,
  reasonOf,
  savedEvent,
  textOf,
  write,
  writesOf,
} from "./support.ts";

const anyone = () => {};

export function deletion(context: () => Context): void {
  describe("deleting a thread", () => {
    test("takes everything, and tells whether there was any", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      const big = inline(randomBytes(300_000));
      const writes = [{ namespace: "", checkpointId: "a", writes: [write("t", 0, "w")] }];
      await put(store, key, "a", { runId: "r", values: { big } }, { writes, threadMetadata: bytes('{"a":1}') });
      expect(await store.deleteThread(key)).toBe(true);
      expect(await store.deleteThread(key)).toBe(false);
      expect(await latest(store, key)).toBeUndefined();
      expect(await store.getThread(key)).toBeUndefined();
      expect(await store.findCheckpoint(space, "a", FULL)).toBeUndefined();
      expect(await reasonOf(store.loadValues(key, ["1.0"]))).toBe("VALUE_NOT_FOUND");
      expect((await store.listThreads(space, { filters: [], pageSize: 9, pageToken: "" })).threads).toEqual([]);
      expect(await store.deleteRuns(space, ["r"], anyone)).toBe(0);
      expect(await store.tail(key)).toMatchObject({ exists: false });
    });

    test("leaves a new thread of the same id nothing of the old one", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      const writes = [{ namespace: "", checkpointId: "a", writes: [write("t", 0, "old")] }];
      await put(store, key, "a", { values: { x: "old" } }, { writes, threadMetadata: bytes('{"old":1}') });
      await store.deleteThread(key);
      await put(store, key, "a", { values: { x: inline("new ".repeat(100_000)) } }, { onConflict: "fail" });
      expect(writesOf(await latest(store, key))).toEqual([]);
      expect((await store.getThread(key))?.metadata).toEqual(bytes("{}"));
      expect(await reasonOf(put(store, key, "b", { values: { x: byRef("1.0") } }))).toBe("VALUE_NOT_FOUND");
      expect((await store.listThreads(space, { filters: [], pageSize: 9, pageToken: "" })).threads).toHaveLength(1);
      expect(textOf(await latest(store, key), "x")).toHaveLength(400_000);
    });

    test("can be finished again later without harm to the new thread", async () => {
      const { store, log, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", { values: { x: inline(randomBytes(300_000)) } });
      await store.deleteThread(key);
      await put(store, key, "b", { values: { x: inline(randomBytes(300_000)) } });
      await log.truncate(key, 2);
      await log.sweep();
      expect((await latest(store, key))?.checkpoint.id).toBe("b");
    });

    test("does not wait for the lease's holder, who is refused from then on", async () => {
      const { store, other, space } = context();
      const key = { space, thread: "t" };
      const lease = create(LeaseSchema, { epoch: 4n, holder: "server", runId: "r" });
      const { thread } = await put(store, key, "a", {}, { lease });
      expect(await other.deleteThread(key)).toBe(true);
      expect(await reasonOf(store.append(key, thread, { events: [savedEvent("x")] }))).toBe("STALE_EPOCH");
      const { tail } = await store.tail(key);
      expect(tail.lease).toMatchObject({ epoch: 4n, holder: "" });
    });
  });

  describe("deleting runs", () => {
    test("takes their checkpoints, writes and events in every thread, and keeps what others use", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      const big = randomBytes(300_000);
      await put(store, key, "keep1", { runId: "other" }, { events: [savedEvent("keep1")] });
      const shared = { shared: "shared", own: "own", big: inline(big) };
      const gone = await put(store, key, "gone", { runId: "r", values: shared }, { events: [savedEvent("gone")] });
      const writes = [{ namespace: "", checkpointId: "gone", writes: [write("t", 0, "w")] }];
      await commit(store, key, { writes });
      const kept = { shared: byRef("2.0"), big: byRef(valueRef(gone, "big")) };
      await put(store, key, "keep2", { runId: "other", parentId: "gone", values: kept });
      await put(store, { space, thread: "u" }, "x", { runId: "r" });
      expect(await store.deleteRuns(space, ["r", "nobody's"], anyone)).toBe(2);

      expect(await store.getCheckpoint(key, "", { id: "gone" }, FULL)).toBeUndefined();
      expect(await latest(store, { space, thread: "u" })).toBeUndefined();
      expect(await store.getThread({ space, thread: "u" })).toMatchObject({ headCheckpointId: "" });
      const found = await latest(store, key);
      expect(textOf(found, "shared")).toBe("shared");
      expect(found?.values.get(valueRef(gone, "big"))?.value?.data).toHaveLength(big.length);
      expect(await reasonOf(store.loadValues(key, [valueRef(gone, "own")]))).toBe("VALUE_NOT_FOUND");
      const act = put(store, key, "new", { values: { x: byRef(valueRef(gone, "own")) } });
      expect(await reasonOf(act)).toBe("VALUE_NOT_FOUND");
      await put(store, key, "gone");
      expect(writesOf(await latest(store, key))).toEqual([]);
      expect(await store.deleteRuns(space, ["r"], anyone)).toBe(0);
    });

    test("tells of it in the thread's events, and moves the head back", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", { step: 1n, runId: "r1", graphName: "g" }, { events: [savedEvent("a")] });
      await put(store, key, "b", { step: 2n, runId: "r2" }, { events: [savedEvent("b")] });
      await put(store, key, "b", { runId: "r2", namespace: "sub" }, { events: [savedEvent("b", "sub")] });
      await store.deleteRuns(space, ["r2"], anyone);
      expect(await store.getThread(key)).toMatchObject({ headCheckpointId: "a", headStep: 1n, graphName: "g" });
      const { events, last } = await store.readEvents(key, 0, 10);
      expect(events.map(({ body }) => body.case)).toEqual([
        "checkpointSaved",
        "checkpointsDeleted",
        "checkpointsDeleted",
      ]);
      expect(last).toBe(40_001);
    });

    test("goes through any number of checkpoints", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      for (let index = 0; index < 230; index++) await put(store, key, `c${index}`, { runId: "r", values: { x: "1" } });
      expect(await store.deleteRuns(space, ["r"], anyone)).toBe(230);
      expect(await listed(store, space, "t")).toEqual([]);
    });

    test("asks the guard about each thread, and leaves a refused one as it was", async () => {
      const { store, space } = context();
      await put(store, { space, thread: "busy" }, "a", { runId: "r" });
      const guard = () => {
        throw new Error("busy");
      };
      await expect(store.deleteRuns(space, ["r"], guard)).rejects.toThrow("busy");
      expect(await latest(store, { space, thread: "busy" })).toBeDefined();
    });
  });

  describe("finding by id alone", () => {
    test("works in any thread and namespace, unless two threads own the id", async () => {
      const { store, space } = context();
      await put(store, { space, thread: "t" }, "a", { namespace: "sub", values: { x: "1" } });
      expect(textOf(await store.findCheckpoint(space, "a", FULL), "x")).toBe("1");
      expect(await store.findCheckpoint(space, "b", FULL)).toBeUndefined();
      await put(store, { space, thread: "u" }, "a");
      expect(await reasonOf(store.findCheckpoint(space, "a", FULL))).toBe("CHECKPOINT_AMBIGUOUS");
      await store.deleteThread({ space, thread: "t" });
      expect((await store.findCheckpoint(space, "a", FULL))?.checkpoint.threadId).toBe("u");
    });
  });
}

function valueRef(committed: Awaited<ReturnType<typeof put>>, channel: string): string {
  return committed.record.checkpoint?.channelValues[channel]?.source.value as string;
}

async function listed(store: Store, space: string, thread: string): Promise<string[]> {
  const list = { thread, filters: [], order: "seq" as const, pageSize: 500, pageToken: "" };
  return (await store.listCheckpoints(space, list, FULL)).entries.map(({ checkpoint }) => checkpoint.id);
}
