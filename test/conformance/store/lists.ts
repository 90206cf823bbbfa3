import { describe, expect, test } from "vitest";
import type { CheckpointList, Store } from "../../../src/store/store.ts";
import { allPages, bytes, type Context, errorOf, FULL, filter, put, reasonOf } from "./support.ts";

type Query = Partial<CheckpointList>;

export function lists(context: () => Context): void {
  const ids = async (store: Store, space: string, query: Query) =>
    await allPages(async (pageToken) => {
      const list = { filters: [], order: "seq" as const, pageSize: 2, ...query, pageToken };
      const { entries, nextPageToken } = await store.listCheckpoints(space, list, FULL);
      expect(entries.length).toBeLessThanOrEqual(list.pageSize || 50);
      return { items: entries.map(({ checkpoint }) => checkpoint.id), nextPageToken };
    });

  describe("lists of checkpoints", () => {
    test("go newest first by seq, or by id by its bytes, in pages of any size", async () => {
      const { store, space } = context();
      for (const id of ["b", "\u{10000}", "a", "\ue000", "c"]) await put(store, { space, thread: "t" }, id);
      for (const pageSize of [0, 1, 2, 3, 5]) {
        expect(await ids(store, space, { thread: "t", pageSize })).toEqual(["c", "\ue000", "a", "\u{10000}", "b"]);
        const byId = await ids(store, space, { thread: "t", pageSize, order: "id" });
        expect(byId).toEqual(["\u{10000}", "\ue000", "c", "b", "a"]);
      }
      expect(await ids(store, space, { thread: "u" })).toEqual([]);
    });

    test("a page takes the same three calls whatever its size", async () => {
      const { store, log, space } = context();
      const key = { space, thread: "t" };
      for (let index = 0; index < 60; index++) await put(store, key, `c${index}`, { values: { x: `${index}` } });
      const calls: string[] = [];
      const { LogStore } = await import("../../../src/store/log-store.ts");
      const { systemEnvironment } = await import("../../../src/system/environment.ts");
      const counting = new Proxy(log, {
        get: (target, name) => {
          const member: unknown = Reflect.get(target, name);
          if (typeof member !== "function") return member;
          calls.push(String(name));
          return member.bind(target);
        },
      });
      const counted = new LogStore(counting, systemEnvironment);
      const list = { thread: "t", filters: [], order: "seq" as const, pageSize: 50, pageToken: "" };
      expect((await counted.listCheckpoints(space, list, FULL)).entries).toHaveLength(50);
      expect(calls.length).toBeLessThanOrEqual(3);
      calls.length = 0;
      await counted.getCheckpoint(key, "", { latestBy: "seq" }, FULL);
      expect(calls).toEqual(["checkpoints", "gather"]);
    });

    test("of one namespace or of all", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a");
      await put(store, key, "a", { namespace: "sub" });
      await put(store, key, "b", { namespace: "sub" });
      await put(store, key, "a", { namespace: "sub2" });
      expect(await ids(store, space, { thread: "t" })).toEqual(["a", "b", "a", "a"]);
      expect(await ids(store, space, { thread: "t", namespace: "sub" })).toEqual(["b", "a"]);
      expect((await ids(store, space, { thread: "t", order: "id", pageSize: 3 })).sort()).toEqual(["a", "a", "a", "b"]);
    });

    test("before a checkpoint, by seq and by id", async () => {
      const { store, space } = context();
      for (const id of ["m", "z", "a"]) await put(store, { space, thread: "t" }, id);
      expect(await ids(store, space, { thread: "t", before: "z" })).toEqual(["m"]);
      expect(await ids(store, space, { thread: "t", before: "z", order: "id" })).toEqual(["m", "a"]);
      expect(await reasonOf(ids(store, space, { thread: "t", before: "?" }))).toBe("CHECKPOINT_NOT_FOUND");
    });

    test("of the line of parents alone", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "root");
      for (let index = 1; index <= 150; index++) {
        await put(store, key, `c${index}`, { parentId: index === 1 ? "root" : `c${index - 1}` });
      }
      await put(store, key, "fork", { parentId: "c100" });
      await put(store, key, "orphan", { parentId: "gone" });
      const line = ["fork", ...Array.from({ length: 100 }, (_, index) => `c${100 - index}`), "root"];
      const query = { thread: "t", namespace: "", ancestorsOf: "fork" };
      expect(await ids(store, space, { ...query, pageSize: 7 })).toEqual(line);
      expect(await ids(store, space, { ...query, before: "c2" })).toEqual(["c1", "root"]);
      expect(await ids(store, space, { ...query, ancestorsOf: "orphan" })).toEqual(["orphan"]);
      expect(await reasonOf(ids(store, space, { ...query, ancestorsOf: "?" }))).toBe("CHECKPOINT_NOT_FOUND");
    });

    test("a line of parents that bites its tail ends there", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", { parentId: "b" });
      await put(store, key, "b", { parentId: "a" });
      const query = { thread: "t", namespace: "", ancestorsOf: "b", pageSize: 10 };
      expect(await ids(store, space, query)).toEqual(["b", "a"]);
    });

    test("over all threads of the space, by thread and then newest first", async () => {
      const { store, space } = context();
      for (const thread of ["t2", "t1", "😀"]) {
        for (const id of ["a", "b"]) await put(store, { space, thread }, `${thread}${id}`);
      }
      await store.deleteThread({ space, thread: "t2" });
      for (const pageSize of [1, 2, 3, 10]) {
        expect(await ids(store, space, { pageSize })).toEqual(["t1b", "t1a", "😀b", "😀a"]);
      }
      expect(await ids(store, `${space} other`, {})).toEqual([]);
    });

    test("a token of another list, or one that is none, is refused", async () => {
      const { store, space } = context();
      for (const id of ["a", "b", "c"]) await put(store, { space, thread: "t" }, id);
      const list = { thread: "t", filters: [], order: "seq" as const, pageSize: 1, pageToken: "" };
      const { nextPageToken } = await store.listCheckpoints(space, list, FULL);
      expect(nextPageToken).not.toBe("");
      const forged = Buffer.from('["x",{"seq":1}]').toString("base64url");
      const wrong: Query[] = [
        { thread: "u", pageToken: nextPageToken },
        { order: "id", pageToken: nextPageToken },
        { filters: [filter("a", "1")], pageToken: nextPageToken },
        { pageToken: "?" },
        { pageToken: forged },
        { pageToken: nextPageToken.slice(1) },
      ];
      for (const query of wrong) {
        const error = await errorOf(store.listCheckpoints(space, { ...list, ...query }, FULL));
        expect(error.reasonName).toBe("PAGE_TOKEN_INVALID");
      }
    });
  });
}

export function filters(context: () => Context): void {
  const find = async ({ store, space }: Context, ...conditions: [key: string, json: string][]) => {
    const filters = conditions.map(([key, json]) => filter(key, json));
    const list = { thread: "t", filters, order: "seq" as const, pageSize: 50, pageToken: "" };
    const { entries } = await store.listCheckpoints(space, list, FULL);
    return entries.map(({ checkpoint }) => checkpoint.id).sort();
  };
  const metadata = (json: string) => ({ metadata: bytes(json) });

  describe("metadata filters", () => {
    test("compare numbers by value and without loss", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "one", metadata('{"n": 1.0}'));
      await put(store, key, "big", metadata('{"n": 9007199254740993}'));
      await put(store, key, "text", metadata('{"n": "1"}'));
      for (const json of ["1", "1.00", "1e0", "10E-1", " 1 "])
        expect(await find(context(), ["n", json])).toEqual(["one"]);
      expect(await find(context(), ["n", "9007199254740992"])).toEqual([]);
      expect(await find(context(), ["n", "9007199254740993"])).toEqual(["big"]);
      expect(await find(context(), ["n", '"1"'])).toEqual(["text"]);
    });

    test("compare objects without regard to order, and lists with it", async () => {
      const { store, space } = context();
      await put(store, { space, thread: "t" }, "a", metadata('{"o": {"x": [1, 2], "y": null}}'));
      expect(await find(context(), ["o", '{"y":null,"x":[1.0,2]}'])).toEqual(["a"]);
      expect(await find(context(), ["o", '{"y":null,"x":[2,1]}'])).toEqual([]);
      expect(await find(context(), ["o", '{"x":[1,2]}'])).toEqual([]);
    });

    test("take keys and values literally: no operator, path or prototype gets through", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "plain", metadata('{"a": {"b": 1}, "n": 5}'));
      await put(store, key, "odd", metadata('{"a.b": 1, "$gt": 0, "__proto__": 2, "a=1": 3}'));
      expect(await find(context(), ["a.b", "1"])).toEqual(["odd"]);
      expect(await find(context(), ["$gt", "0"])).toEqual(["odd"]);
      expect(await find(context(), ["__proto__", "2"])).toEqual(["odd"]);
      expect(await find(context(), ["a=1", "3"])).toEqual(["odd"]);
      expect(await find(context(), ["n", '{"$gt": 0}'])).toEqual([]);
      expect(await find(context(), ["n", '{"$exists": true}'])).toEqual([]);
      expect(await find(context(), ["constructor", "null"])).toEqual([]);
      expect(await find(context(), ["toString", "{}"])).toEqual([]);
    });

    test("find the checkpoint's own fields, and what must all hold", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", { source: "loop", step: 3n, runId: "r", graphName: "g", sourceNode: "n" });
      await put(store, key, "b", { source: "loop", step: 4n });
      expect(await find(context(), ["source", '"loop"'])).toEqual(["a", "b"]);
      expect(await find(context(), ["source", '"loop"'], ["step", "3"])).toEqual(["a"]);
      expect(await find(context(), ["run_id", '"r"'], ["graph_name", '"g"'], ["node", '"n"'])).toEqual(["a"]);
    });

    test("find long texts, and don't mind metadata that are no object", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      const long = "x".repeat(3_000);
      await put(store, key, "a", metadata(JSON.stringify({ long })));
      await put(store, key, "b", metadata("null"));
      await put(store, key, "c", metadata("not JSON \xff"));
      expect(await find(context(), ["long", JSON.stringify(long)])).toEqual(["a"]);
      expect(await find(context(), ["long", JSON.stringify(`${long}y`)])).toEqual([]);
      expect(await find(context())).toEqual(["a", "b", "c"]);
    });

    test.each(["", "{", "1 2", "undefined", "01", "'x'", "\ufeff1"])(
      "the JSON %j is refused with its path",
      async (json) => {
        const act = find(context(), ["ok", "1"], ["n", json]);
        expect(await errorOf(act)).toMatchObject({
          reasonName: "INVALID_FIELD",
          metadata: { field: "filters[1].equals_json" },
        });
      },
    );
  });
}
