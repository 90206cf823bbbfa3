import { describe, expect, test } from "vitest";
import { type Context, commit, FULL, latest, put, write, writesOf } from "./support.ts";

export function writes(context: () => Context): void {
  const at = (checkpointId: string, ...list: ReturnType<typeof write>[]) => ({
    writes: [{ namespace: "", checkpointId, writes: list }],
  });

  describe("pending writes", () => {
    test("come back with their checkpoint, sorted by path, task and idx, by bytes", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a");
      await commit(store, key, at("a", write("t2", 0, "1"), write("t1", 1, "2"), write("t1", -1, "3")));
      await commit(
        store,
        key,
        at("a", write("😀", 0, "4", "p"), write("\uffee", 0, "5", "p"), write("z", 0, "6", "o")),
      );
      expect(writesOf(await latest(store, key)).map(([task, idx]) => [task, idx])).toEqual([
        ["t1", -1],
        ["t1", 1],
        ["t2", 0],
        ["z", 0],
        ["\uffee", 0],
        ["😀", 0],
      ]);
    });

    test("first write wins by log order at an ordinary idx, the last one at a negative, write by write", async () => {
      const { store, other, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a");
      await commit(store, key, at("a", write("t", 0, "first"), write("t", -1, "first")));
      await commit(other, key, at("a", write("t", 0, "second"), write("t", 1, "second"), write("t", -1, "second")));
      await commit(store, key, at("a", write("t", 1, "third"), write("t", 1, "fourth")));
      const expected = [
        ["t", -1, "second"],
        ["t", 0, "first"],
        ["t", 1, "second"],
      ];
      expect(writesOf(await latest(store, key))).toEqual(expected);
      expect(writesOf(await store.getCheckpoint(key, "", { id: "a" }, FULL))).toEqual(expected);
    });

    test("may come before their checkpoint, and before any", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await commit(store, key, at("", write("t", 0, "before any")));
      await commit(store, key, at("later", write("t", 0, "early")));
      await put(store, key, "later");
      expect(writesOf(await latest(store, key))).toEqual([["t", 0, "early"]]);
    });

    test("may ride with the checkpoint they belong to, and with another", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", {}, at("a", write("t", 0, "own")));
      await put(store, key, "b", {}, at("a", write("t", 1, "parent's")));
      expect(writesOf(await store.getCheckpoint(key, "", { id: "a" }, FULL))).toHaveLength(2);
      expect(writesOf(await latest(store, key))).toEqual([]);
    });

    test("are kept by namespace and checkpoint", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a");
      await put(store, key, "a", { namespace: "sub" });
      const one = { namespace: "sub", checkpointId: "a", writes: [write("t", 0, "sub")] };
      await commit(store, key, { writes: [one] });
      expect(writesOf(await latest(store, key))).toEqual([]);
      expect(writesOf(await latest(store, key, "sub"))).toEqual([["t", 0, "sub"]]);
    });

    test("clearing voids earlier writes, not later ones and not those beside it", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", {}, at("a", write("t", 0, "old")));
      const clearedWrites = [{ namespace: "", checkpointId: "a" }];
      await commit(store, key, { clearedWrites, ...at("a", write("t", 0, "beside")) });
      expect(writesOf(await latest(store, key))).toEqual([["t", 0, "beside"]]);
      await commit(store, key, { clearedWrites });
      expect(writesOf(await latest(store, key))).toEqual([]);
      await commit(store, key, at("a", write("t", 0, "new")));
      expect(writesOf(await latest(store, key))).toEqual([["t", 0, "new"]]);
    });

    test("stay when their checkpoint is replaced", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", {}, at("a", write("t", 0, "kept")));
      await put(store, key, "a");
      expect(writesOf(await latest(store, key))).toEqual([["t", 0, "kept"]]);
    });

    test("appear in lists", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      for (const id of ["a", "b"]) await put(store, key, id, {}, at(id, write("t", 0, id)));
      const list = { thread: "t", filters: [], order: "seq" as const, pageSize: 10, pageToken: "" };
      const { entries } = await store.listCheckpoints(space, list, FULL);
      expect(entries.map(writesOf)).toEqual([[["t", 0, "b"]], [["t", 0, "a"]]]);
    });
  });
}
