import { describe, expect, test } from "vitest";
import { type Context, put } from "./support.ts";

/** Where a store can name what a thread holds. */
export function versions(context: () => Context): void {
  describe("versions", () => {
    test("a thread's version is another one after every change, for every server, and the same in between", async () => {
      const { store, other, space, log } = context();
      const { version } = store;
      // Absent where asking costs as much as reading.
      if (version === undefined) return expect(log.end).toBeUndefined();
      const key = { space, thread: "t" };
      const seen = [version(key)];
      const note = (): void => {
        const now = version(key);
        expect(seen).not.toContain(now);
        expect(other.version?.(key)).toBe(now);
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
        note();
      }
      await put(store, { space, thread: "u" }, "a");
      expect(version(key)).toBe(seen.at(-1));
    });
  });
}
