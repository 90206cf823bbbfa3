import { describe, expect, test } from "vitest";
import { type Context, checkpoint, commit, errorOf, FULL, latest, put } from "./support.ts";

export function heads(context: () => Context): void {
  describe("heads", () => {
    test("the head is the highest seq, whatever the ids", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "z", { step: 1n, graphName: "g1" });
      await put(store, key, "a", { step: 2n, graphName: "g2" });
      expect((await latest(store, key))?.checkpoint.id).toBe("a");
      const byId = await store.getCheckpoint(key, "", { latestBy: "id" }, FULL);
      expect(byId?.checkpoint.id).toBe("z");
      const thread = await store.getThread(key);
      expect(thread).toMatchObject({ headCheckpointId: "a", headStep: 2n, graphName: "g2" });
    });

    test("checkpoints of other namespaces leave the thread's head alone", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "root");
      await put(store, key, "inner", { namespace: "sub" });
      expect(await store.getThread(key)).toMatchObject({ headCheckpointId: "root" });
    });

    test("replacing the head in place refreshes what the thread says of it", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", { step: 1n });
      await put(store, key, "a", { step: 7n });
      expect(await store.getThread(key)).toMatchObject({ headCheckpointId: "a", headStep: 7n });
    });

    test.each(["", "sub"])("expectedHead lets one of two writers win, namespace %j", async (namespace) => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", { namespace }, { expectedHead: null });
      await put(store, key, "b", { namespace }, { expectedHead: "a" });
      const late = await errorOf(put(store, key, "c", { namespace }, { expectedHead: "a" }));
      expect(late).toMatchObject({ reasonName: "HEAD_MISMATCH", metadata: { head: "b" } });
      const first = await errorOf(put(store, key, "c", { namespace }, { expectedHead: null }));
      expect(first.metadata).toEqual({ head: "b" });
      const empty = await errorOf(put(store, { space, thread: "u" }, "c", { namespace }, { expectedHead: "a" }));
      expect(empty.metadata).toEqual({ head: "" });
      expect((await latest(store, key, namespace))?.checkpoint.id).toBe("b");
    });

    test("of many writers of two servers that expect the same head, exactly one wins", async () => {
      const { store, other, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "base");
      const outcomes = await Promise.allSettled(
        Array.from({ length: 16 }, (_, index) =>
          put(index % 2 ? store : other, key, `w${index}`, {}, { expectedHead: "base" }),
        ),
      );
      expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    });

    test("forks name another parent and stay possible", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a");
      await put(store, key, "b", { parentId: "a" });
      await commit(store, key, { checkpoint: checkpoint("fork", { parentId: "a" }), expectedHead: "b" });
      expect((await latest(store, key))?.checkpoint).toMatchObject({ id: "fork", parentId: "a" });
    });
  });
}
