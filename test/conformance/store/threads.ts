import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { LeaseSchema } from "../../../src/gen/cairn/store/v1/record_pb.ts";
import { ThreadStatus } from "../../../src/gen/cairn/v1/thread_service_pb.ts";
import type { Store } from "../../../src/store/store.ts";
import { allPages, bytes, type Context, commit, errorOf, filter, latest, put, write } from "./support.ts";

export function threads(context: () => Context): void {
  const ids = async (store: Store, space: string, query: Partial<Parameters<Store["listThreads"]>[1]> = {}) =>
    await allPages(async (pageToken) => {
      const page = await store.listThreads(space, { filters: [], pageSize: 2, ...query, pageToken });
      return { items: page.threads.map(({ id }) => id), nextPageToken: page.nextPageToken };
    });

  describe("threads", () => {
    test("say how they stand, in the list as by themselves", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await commit(store, key, { threadMetadata: bytes('{"user": 1}') });
      await put(store, key, "a", { step: 2n, graphName: "g" }, { status: ThreadStatus.INTERRUPTED });
      const lease = create(LeaseSchema, { epoch: 1n, holder: "s", runId: "r" });
      await commit(store, key, { lease });
      const thread = await store.getThread(key);
      expect(thread).toMatchObject({
        id: "t",
        status: ThreadStatus.INTERRUPTED,
        metadata: bytes('{"user": 1}'),
        graphName: "g",
        headCheckpointId: "a",
        headStep: 2n,
        runId: "r",
      });
      const { threads } = await store.listThreads(space, { filters: [], pageSize: 10, pageToken: "" });
      expect(threads).toEqual([thread]);
    });

    test("have empty metadata until some are set, and the last ones after", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a");
      expect((await store.getThread(key))?.metadata).toEqual(bytes("{}"));
      await commit(store, key, { threadMetadata: bytes('{"a":1}') });
      await commit(store, key, { threadMetadata: bytes('{"b":2}') });
      await put(store, key, "b");
      expect((await store.getThread(key))?.metadata).toEqual(bytes('{"b":2}'));
      expect(await ids(store, space, { filters: [filter("b", "2.0")] })).toEqual(["t"]);
      expect(await ids(store, space, { filters: [filter("a", "1")] })).toEqual([]);
    });

    test("are listed by creation, newest first, in pages, by status and metadata", async () => {
      const { store, space, advance } = context();
      for (const [index, thread] of ["c", "a", "b", "d"].entries()) {
        advance(10);
        const status = index % 2 ? ThreadStatus.FAILED : ThreadStatus.IDLE;
        await commit(store, { space, thread }, { threadMetadata: bytes(`{"even": ${index % 2 === 0}}`), status });
      }
      await put(store, { space, thread: "c" }, "later");
      expect(await ids(store, space)).toEqual(["d", "b", "a", "c"]);
      expect(await ids(store, space, { pageSize: 3 })).toEqual(["d", "b", "a", "c"]);
      expect(await ids(store, space, { status: ThreadStatus.FAILED, pageSize: 1 })).toEqual(["d", "a"]);
      expect(await ids(store, space, { filters: [filter("even", "true")] })).toEqual(["b", "c"]);
      const token = (await store.listThreads(space, { filters: [], pageSize: 1, pageToken: "" })).nextPageToken;
      const foreign = store.listThreads(space, { filters: [filter("a", "1")], pageSize: 1, pageToken: token });
      expect((await errorOf(foreign)).reasonName).toBe("PAGE_TOKEN_INVALID");
    });

    test("exist through writes alone, and change nothing when nothing is asked", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      expect(await store.update(key, async () => undefined)).toBeUndefined();
      expect(await store.getThread(key)).toBeUndefined();
      await commit(store, key, { writes: [{ namespace: "", checkpointId: "", writes: [write("t", 0, "x")] }] });
      expect(await store.getThread(key)).toMatchObject({ headCheckpointId: "" });
      expect(await latest(store, key)).toBeUndefined();
    });

    test("what a change throws is thrown, and the thread goes on", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      const failure = new Error("no");
      await expect(store.update(key, () => Promise.reject(failure))).rejects.toBe(failure);
      await put(store, key, "a");
      expect((await store.tail(key)).n).toBe(1);
    });
  });
}
