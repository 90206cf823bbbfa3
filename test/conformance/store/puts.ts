import { describe, expect, test } from "vitest";
import { bytes, type Context, checkpoint, commit, FULL, latest, ODD_IDS, put, reasonOf, textOf } from "./support.ts";

export function puts(context: () => Context): void {
  describe("puts", () => {
    test("a thread nobody wrote to has no end, and is not there", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      expect(await store.tail(key)).toMatchObject({ n: 0, exists: false });
      expect(await latest(store, key)).toBeUndefined();
      expect(await store.getThread(key)).toBeUndefined();
    });

    test("a checkpoint comes back whole, its values by reference", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      const fields = {
        parentId: "p",
        step: -1n,
        source: "input",
        metadata: bytes('{"a": 1}'),
        extra: { ["__proto__"]: bytes("x"), b: bytes("y") },
        parents: { "": "root", ["__proto__"]: "p" },
        nextNodes: ["n", "n"],
      };
      const { record, thread } = await put(store, key, "a", { ...fields, values: { x: "1", ["__proto__"]: "2" } });
      expect(thread).toMatchObject({ n: 1, exists: true });
      const found = await latest(store, key);
      expect(found?.checkpoint).toEqual(record.checkpoint);
      expect(found?.checkpoint).toMatchObject({ ...fields, id: "a", threadId: "t", seq: 1n });
      expect(Object.keys(found?.checkpoint.channelValues ?? {}).sort()).toEqual(["__proto__", "x"]);
      expect(textOf(found, "x")).toBe("1");
      expect(textOf(found, "__proto__")).toBe("2");
    });

    test("absent, null and empty stay apart", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "absent");
      await put(store, key, "empty", { metadata: bytes(""), parentId: "", source: "" });
      const absent = await store.getCheckpoint(key, "", { id: "absent" }, FULL);
      expect(absent?.checkpoint.metadata).toBeUndefined();
      expect(absent?.checkpoint.parentId).toBeUndefined();
      expect((await latest(store, key))?.checkpoint).toMatchObject({ parentId: "", source: "", metadata: bytes("") });
    });

    test.each(ODD_IDS)("the id %j is only a text", async (id) => {
      const { store, space } = context();
      const key = { space, thread: id };
      const metadata = bytes(JSON.stringify({ [id]: id }));
      await put(store, key, id, { namespace: id, runId: id, parentId: id, metadata, values: { [id]: id } });
      const found = await store.getCheckpoint(key, id, { id }, FULL);
      expect(found?.checkpoint).toMatchObject({ id, namespace: id, threadId: id, runId: id, parentId: id });
      expect(textOf(found, id)).toBe(id);
      expect(await store.getCheckpoint(key, "", { id }, FULL)).toBeUndefined();
      expect((await store.getThread(key))?.id).toBe(id);
    });

    test("replace keeps the place in the order, touch takes the latest, fail refuses", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", { values: { x: "1" } });
      await put(store, key, "b");
      await put(store, key, "a", { values: { x: "2" } }, { onConflict: "replace" });
      expect((await latest(store, key))?.checkpoint.id).toBe("b");
      const replaced = await store.getCheckpoint(key, "", { id: "a" }, FULL);
      expect(replaced?.checkpoint.seq).toBe(1n);
      expect(textOf(replaced, "x")).toBe("2");
      const refused = put(store, key, "a", {}, { onConflict: "fail" });
      expect(await reasonOf(refused)).toBe("CHECKPOINT_EXISTS");
      await put(store, key, "a", { values: { x: "3" } }, { onConflict: "touch" });
      expect((await latest(store, key))?.checkpoint).toMatchObject({ id: "a", seq: 4n });
      const { entries } = await store.listCheckpoints(space, list("t"), FULL);
      expect(entries.map(({ checkpoint }) => checkpoint.id)).toEqual(["a", "b"]);
    });

    test("the same id in two namespaces is two checkpoints", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", { values: { x: "root" } });
      await put(store, key, "a", { namespace: "sub", values: { x: "sub" } }, { onConflict: "fail" });
      expect(textOf(await latest(store, key), "x")).toBe("root");
      expect(textOf(await latest(store, key, "sub"), "x")).toBe("sub");
    });

    test("a checkpoint without an id is refused and leaves nothing", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      const error = await commit(store, key, { checkpoint: checkpoint("") }).catch((thrown) => thrown);
      expect(error).toMatchObject({ reasonName: "INVALID_FIELD", metadata: { field: "checkpoint.id" } });
      expect(await store.tail(key)).toMatchObject({ n: 0, exists: false });
    });

    test("spaces and threads are kept apart", async () => {
      const { store, space } = context();
      await put(store, { space, thread: "t" }, "a");
      expect(await latest(store, { space: `${space}2`, thread: "t" })).toBeUndefined();
      expect(await latest(store, { space, thread: "t2" })).toBeUndefined();
    });

    test("what another server wrote since is seen by whatever is refused or left alone", async () => {
      const { store, other, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a");
      await put(other, key, "b");
      expect(await reasonOf(put(store, key, "b", {}, { onConflict: "fail" }))).toBe("CHECKPOINT_EXISTS");
      await put(other, key, "c");
      expect(await reasonOf(put(store, key, "d", {}, { expectedHead: "b" }))).toBe("HEAD_MISMATCH");
      await put(other, key, "e");
      const seen: number[] = [];
      await store.update(key, async ({ n }) => {
        seen.push(n);
        return undefined;
      });
      expect(seen.at(-1)).toBe(4);
      await other.deleteThread(key);
      expect((await put(store, key, "b", {}, { onConflict: "fail" })).thread).toMatchObject({ n: 6, exists: true });
    });

    test("whoever listens hears of every commit, and of no more after ending it", async () => {
      const { store, space } = context();
      const heard: string[] = [];
      const end = store.onCommit((key, { thread }) => heard.push(`${key.thread} ${thread.n}`));
      await put(store, { space, thread: "t" }, "a");
      await put(store, { space, thread: "u" }, "a");
      end();
      await put(store, { space, thread: "t" }, "b");
      expect(heard).toEqual(["t 1", "u 1"]);
    });
  });
}

export function list(thread: string | undefined) {
  return { thread, filters: [], order: "seq" as const, pageSize: 0, pageToken: "" };
}
