import { describe, expect, test } from "vitest";
import { type Context, put } from "./support.ts";

/** Where a store can name what a thread holds. */
export function versions(context: () => Context): void {
  describe("versions", () => {
    test("a thread's version is another one after every change, for every server, and the same in between", async () => {
      const { store, other, space } = context();
      const key = { space, thread: "t" };
      const seen = [await store.version(key)];
      const note = async (): Promise<void> => {
        const before = other.versionSeen(key);
        const now = await store.version(key);
        expect(seen).not.toContain(now);
        expect(store.versionSeen(key)).toBe(now);
        // Where servers share a store, one may trail; on an exclusive one none does.
        if (store.exclusive) expect(before).toBe(now);
        expect(await other.version(key)).toBe(now);
        expect(other.versionSeen(key)).toBe(now);
        seen.push(now);
      };
      const changes = [
        () => put(store, key, "a", { runId: "r1" }),
        // In place of an older one, which changes that one's row.
        () => put(store, key, "a", { runId: "r2", step: 2n }),
        () => put(other, key, "b", { runId: "r3" }),
        () => store.deleteRuns(space, ["r2"], () => {}),
        () => store.deleteThread(key),
        () => put(store, key, "a", { runId: "r1" }),
      ];
      for (const change of changes) {
        await change();
        await note();
      }
      await put(store, { space, thread: "u" }, "a");
      expect(await store.version(key)).toBe(seen.at(-1));
      // A server that has never seen the thread.
      const unseen = { space, thread: "never" };
      expect([undefined, ""]).toContain(store.versionSeen(unseen));
      expect(await store.version(unseen)).toBe("");
    });
  });
}
