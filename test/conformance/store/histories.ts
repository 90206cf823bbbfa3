import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { DeltaCountersSchema } from "../../../src/gen/cairn/v1/checkpoint_pb.ts";
import { VersionMapSchema } from "../../../src/gen/cairn/v1/value_pb.ts";
import type { StoredHistory } from "../../../src/store/channel-history.ts";
import type { Store, ThreadKey } from "../../../src/store/store.ts";
import { type Context, commit, FULL, put, write } from "./support.ts";

const text = (data: Uint8Array | undefined) => data && new TextDecoder().decode(data);

/** What a channel is rebuilt from, as texts. */
function rebuilt(history: StoredHistory | undefined, channel: string) {
  const found = history?.channels.get(channel);
  const dataOf = (ref: unknown) => text(history?.values.get(String(ref))?.value?.data);
  return {
    seed: dataOf(found?.seed?.source.value),
    writes: found?.writes.map(({ value }) => dataOf(value?.source.value)),
  };
}

export function histories(context: () => Context): void {
  const writeTo = async (store: Store, key: ThreadKey, checkpointId: string, ...writes: ReturnType<typeof write>[]) =>
    await commit(store, key, { writes: [{ namespace: "", checkpointId, writes }] });

  const historyOf = async (store: Store, key: ThreadKey, id: string | undefined, ...channels: string[]) =>
    await store.getChannelHistory(key, { namespace: "", id, channels }, FULL);

  describe("histories of channels", () => {
    test("begin with the nearest value, go on with what was written there and since, and leave out the checkpoint's own", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", { values: { c: "too old" } });
      await writeTo(store, key, "a", write("t", 0, "too old"));
      await put(store, key, "b", { parentId: "a", values: { c: "seed" } });
      await writeTo(store, key, "b", write("t", 0, "1"), write("t", 1, "of another", "", "other"));
      await put(store, key, "c", { parentId: "b", values: { other: "other's" } });
      await writeTo(store, key, "c", write("t", 0, "2"));
      await put(store, key, "d", { parentId: "c" });
      await writeTo(store, key, "d", write("t", 0, "its own"));
      const history = await historyOf(store, key, "d", "c", "other", "nothing");
      expect(rebuilt(history, "c")).toEqual({ seed: "seed", writes: ["1", "2"] });
      expect(rebuilt(history, "other")).toEqual({ seed: "other's", writes: [] });
      expect(rebuilt(history, "nothing")).toEqual({ seed: undefined, writes: [] });
      expect([...(history?.channels.keys() ?? [])]).toEqual(["c", "other", "nothing"]);
      expect(rebuilt(await historyOf(store, key, undefined, "c"), "c").writes).toEqual(["1", "2"]);
      expect(rebuilt(await historyOf(store, key, "a", "c"), "c")).toEqual({ seed: undefined, writes: [] });
    });

    test("order one step's writes by path, task and index, whatever the order of putting", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a");
      await writeTo(store, key, "a", write("task 1", 0, "4", "~b"), write("task 1", 1, "5", "~b"));
      await writeTo(store, key, "a", write("task 9", 0, "3", "~a"));
      await writeTo(store, key, "a", write("task 3", 0, "2"), write("task 2", 0, "1"));
      await put(store, key, "b", { parentId: "a" });
      const { writes } = rebuilt(await historyOf(store, key, "b", "c"), "c");
      expect(writes).toEqual(["1", "2", "3", "4", "5"]);
    });

    test("follow the line of parents past siblings, for more steps than are read at once", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "c0", { values: { c: "seed" } });
      const wanted: string[] = [];
      for (let index = 1; index <= 150; index++) {
        const parentId = `c${index - 1}`;
        await writeTo(store, key, parentId, write("t", 0, `${index}`));
        await put(store, key, `sibling${index}`, { parentId, values: { c: "of a sibling" } });
        await put(store, key, `c${index}`, { parentId });
        wanted.push(`${index}`);
      }
      expect(rebuilt(await historyOf(store, key, "c150", "c"), "c")).toEqual({ seed: "seed", writes: wanted });
    });

    test("are of one namespace, and of no checkpoint that is not there", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", { namespace: "s", values: { c: "of s" } });
      await put(store, key, "b", { parentId: "a" });
      expect(rebuilt(await historyOf(store, key, "b", "c"), "c")).toEqual({ seed: undefined, writes: [] });
      expect(await historyOf(store, key, "a", "c")).toBeUndefined();
      expect(await historyOf(store, { space, thread: "u" }, undefined, "c")).toBeUndefined();
    });

    test("are whole after the thread was pruned", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      const channelVersions = create(VersionMapSchema, {
        versions: { c: { number: { case: "int64Value", value: 1n } } },
      });
      const deltaCounters = { c: create(DeltaCountersSchema, { updates: 1n, supersteps: 1n }) };
      const counted = { deltaCounters, channelVersions };
      await put(store, key, "a", counted);
      await put(store, key, "b", { ...counted, parentId: "a", values: { c: "seed" } });
      await writeTo(store, key, "b", write("t", 0, "1"));
      await put(store, key, "c", { ...counted, parentId: "b" });
      await writeTo(store, key, "c", write("t", 0, "2"));
      await put(store, key, "d", { ...counted, parentId: "c" });
      expect(await store.pruneThread(key, { keep: 1, guard: () => {} })).toBe(1);
      expect(rebuilt(await historyOf(store, key, "d", "c"), "c")).toEqual({ seed: "seed", writes: ["1", "2"] });
    });
  });
}
