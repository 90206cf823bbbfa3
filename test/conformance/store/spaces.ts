import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { GraphRecordSchema } from "../../../src/gen/cairn/store/v1/record_pb.ts";
import { GraphSpecSchema } from "../../../src/gen/cairn/v1/graph_pb.ts";
import { LAYOUT } from "../../../src/store/record-codec.ts";
import type { Store } from "../../../src/store/store.ts";
import { allPages, type Context, latest, put, reasonOf } from "./support.ts";

const graph = (name: string, hash: string) =>
  create(GraphRecordSchema, { spec: create(GraphSpecSchema, { name }), hash, registeredAtMs: 5n });

export function spaces(context: () => Context): void {
  const all = async (store: Store, prefix: string) =>
    (
      await allPages(async (token) => {
        const { spaces, nextPageToken } = await store.listSpaces(3, token);
        return { items: spaces, nextPageToken };
      })
    ).filter((name) => name.startsWith(prefix));

  describe("spaces", () => {
    test("are those that hold a thread or a graph", async () => {
      const { store, space } = context();
      await put(store, { space: `${space}/a`, thread: "t" }, "c");
      await put(store, { space: `${space}/a`, thread: "u" }, "c");
      await store.putGraph(`${space}/b`, graph("g", "h"));
      await put(store, { space: `${space}/c`, thread: "t" }, "c");
      await store.deleteThread({ space: `${space}/c`, thread: "t" });
      expect(await all(store, space)).toEqual([`${space}/a`, `${space}/b`]);
    });

    test("go with everything in them, and nothing else", async () => {
      const { store, space } = context();
      for (const thread of ["t", "u", "v"]) await put(store, { space, thread }, "c");
      await put(store, { space: `${space}2`, thread: "t" }, "c");
      await store.putGraph(space, graph("g", "h"));
      expect(await store.deleteSpace(space)).toBe(3);
      expect(await store.deleteSpace(space)).toBe(0);
      expect(await latest(store, { space, thread: "u" })).toBeUndefined();
      expect(await store.getGraph(space, "g")).toBeUndefined();
      expect(await latest(store, { space: `${space}2`, thread: "t" })).toBeDefined();
    });
  });
}

export function graphs(context: () => Context): void {
  describe("graphs", () => {
    test("the same graph is put once, another becomes the latest, an old one can be it again", async () => {
      const { store, space } = context();
      expect(await store.putGraph(space, graph("g", "h1"))).toEqual({ revision: 1, created: true });
      expect(await store.putGraph(space, graph("g", "h1"))).toEqual({ revision: 1, created: false });
      expect(await store.putGraph(space, graph("g", "h2"))).toEqual({ revision: 2, created: true });
      expect((await store.getGraph(space, "g"))?.graph).toMatchObject({
        hash: "h2",
        layout: LAYOUT,
        registeredAtMs: 5n,
      });
      expect((await store.getGraph(space, "g", "h1"))?.graph.spec?.name).toBe("g");
      expect(await store.putGraph(space, graph("g", "h1"))).toEqual({ revision: 3, created: true });
      expect((await store.getGraph(space, "g"))?.graph.hash).toBe("h1");
      expect(await store.getGraph(space, "g", "h3")).toBeUndefined();
      expect(await store.getGraph(`${space}2`, "g")).toBeUndefined();
    });

    test("of many that are put at once, each gets a revision of its own", async () => {
      const { store, other, space } = context();
      const put = (index: number) => (index % 2 ? store : other).putGraph(space, graph("g", `h${index}`));
      const outcomes = await Promise.all(Array.from({ length: 12 }, (_, index) => put(index)));
      expect(new Set(outcomes.map(({ revision }) => revision)).size).toBe(12);
    });

    test("are listed by name, the latest of each", async () => {
      const { store, space } = context();
      for (const name of ["b", "a", "😀", "a.b"]) await store.putGraph(space, graph(name, "old"));
      await store.putGraph(space, graph("a", "new"));
      const found = await allPages(async (token) => {
        const { graphs, nextPageToken } = await store.listGraphs(space, 2, token);
        return { items: graphs.map(({ graph: { spec, hash } }) => `${spec?.name} ${hash}`), nextPageToken };
      });
      expect(found).toEqual(["a new", "a.b old", "b old", "😀 old"]);
      expect(await reasonOf(store.listGraphs(space, 2, "?"))).toBe("PAGE_TOKEN_INVALID");
    });
  });
}
