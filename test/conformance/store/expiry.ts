import { durationMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, test } from "vitest";
import { CairnError } from "../../../src/errors.ts";
import { LogStore } from "../../../src/store/log-store.ts";
import type { Store, ThreadKey } from "../../../src/store/store.ts";
import { systemEnvironment } from "../../../src/system/environment.ts";
import { hooked } from "./pruning.ts";
import { bytes, type Context, commit, ErrorReason, put } from "./support.ts";

const anyone = () => {};
const { signal } = new AbortController();
const HOUR = 3_600_000;

export function expiry(context: () => Context): void {
  describe("a thread's time to live", () => {
    test("takes all of it once it is over, and leaves others", async () => {
      const { store, other, space, advance } = context();
      const [short, long, ever] = ["short", "long", "ever"].map((thread) => ({ space, thread })) as [Key, Key, Key];
      await put(store, short, "a", {}, { ttlMs: HOUR });
      await put(store, long, "a", {}, { ttlMs: 3 * HOUR });
      await put(store, ever, "a");
      const ttl = (await store.getThread(short))?.ttl;
      expect(ttl && durationMs(ttl)).toBe(HOUR);
      expect((await store.getThread(ever))?.ttl).toBeUndefined();
      await store.deleteExpired(anyone, signal);
      expect(await existing(store, short, long, ever)).toEqual(["short", "long", "ever"]);
      advance(2 * HOUR);
      // Several servers may look at the same time.
      await Promise.all([store.deleteExpired(anyone, signal), other.deleteExpired(anyone, signal)]);
      expect(await existing(store, short, long, ever)).toEqual(["long", "ever"]);
      const listed = await store.listThreads(space, { filters: [], pageSize: 9, pageToken: "" });
      expect(listed.threads.map(({ id }) => id).sort()).toEqual(["ever", "long"]);
      // A new thread of the name inherits nothing.
      await put(store, short, "a");
      expect((await store.getThread(short))?.ttl).toBeUndefined();
      advance(2 * HOUR);
      await store.deleteExpired(anyone, signal);
      expect(await existing(store, short, long, ever)).toEqual(["short", "ever"]);
    });

    test("begins anew with every change, but not because of a prune", async () => {
      const { store, space, advance } = context();
      const [changed, pruned] = [
        { space, thread: "changed" },
        { space, thread: "pruned" },
      ];
      for (const key of [changed, pruned]) {
        await put(store, key, "a", {}, { ttlMs: HOUR });
        await put(store, key, "b");
      }
      advance(0.75 * HOUR);
      await commit(store, changed, { threadMetadata: bytes("{}") });
      expect(await store.pruneThread(pruned, { keep: 1, guard: anyone })).toBe(1);
      advance(0.5 * HOUR);
      await store.deleteExpired(anyone, signal);
      expect(await existing(store, changed, pruned)).toEqual(["changed"]);
    });

    test("can be taken away, and goes along with a copy", async () => {
      const { store, space, advance } = context();
      const [from, to] = [
        { space, thread: "t" },
        { space, thread: "u" },
      ];
      await put(store, from, "a", {}, { ttlMs: HOUR });
      await store.copyThread({ from, to, request: async () => undefined });
      await commit(store, from, { ttlMs: 0 });
      expect((await store.getThread(from))?.ttl).toBeUndefined();
      advance(2 * HOUR);
      await store.deleteExpired(anyone, signal);
      expect(await existing(store, from, to)).toEqual(["t"]);
    });

    test("waits for who is at work on the thread", async () => {
      const { store, space, advance } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", {}, { ttlMs: HOUR });
      advance(2 * HOUR);
      const busy = () => {
        throw new CairnError(ErrorReason.THREAD_BUSY, "busy");
      };
      await store.deleteExpired(busy, signal);
      expect(await existing(store, key)).toEqual(["t"]);
      await store.deleteExpired(anyone, signal);
      expect(await existing(store, key)).toEqual([]);
    });

    test("is saved by a change in the last moment", async () => {
      const { store, other, log, space, advance } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", {}, { ttlMs: HOUR });
      advance(2 * HOUR);
      let appends = 0;
      const changing = hooked(log, {
        append: async (entry) => {
          if (entry.key.space === space && appends++ === 0) await put(other, key, "b");
          return await log.append(entry);
        },
      });
      const clock = { ...systemEnvironment.clock, nowMs: () => systemEnvironment.clock.nowMs() + 2 * HOUR };
      await new LogStore(changing, { ...systemEnvironment, clock }).deleteExpired(anyone, signal);
      expect(appends).toBe(1);
      expect(await existing(store, key)).toEqual(["t"]);
    });

    test("finds any number of them", async () => {
      const { store, space, advance } = context();
      const keys = Array.from({ length: 110 }, (_, i) => ({ space, thread: `t${i}` }));
      await Promise.all(keys.map((key) => put(store, key, "a", {}, { ttlMs: HOUR })));
      advance(2 * HOUR);
      await store.deleteExpired(anyone, signal);
      expect(await existing(store, ...keys)).toEqual([]);
    });
  });
}

type Key = ThreadKey;

async function existing(store: Store, ...keys: Key[]): Promise<string[]> {
  const found = await Promise.all(keys.map(async (key) => ((await store.tail(key)).exists ? [key.thread] : [])));
  return found.flat();
}
