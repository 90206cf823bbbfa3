import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { ThreadStatus } from "../../../src/gen/cairn/v1/thread_service_pb.ts";
import { limits } from "../../../src/limits.ts";
import type { Append, Log, ThreadKey } from "../../../src/store/log.ts";
import { LogStore } from "../../../src/store/log-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { systemEnvironment } from "../../../src/system/environment.ts";
import {
  byRef,
  bytes,
  type Context,
  commit,
  errorOf,
  FULL,
  inline,
  latest,
  put,
  reasonOf,
  runStarted,
  savedEvent,
  textOf,
  write,
  writesOf,
} from "./support.ts";

const guard = () => {};

export function pruning(context: () => Context): void {
  describe("pruning", () => {
    test("keeps the newest in each namespace, with their values and writes", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", { values: { shared: "shared", own: "own" } });
      await writeTo(store, key, "a");
      await put(store, key, "s1", { namespace: "s", values: { x: "1" } });
      await put(store, key, "b", { parentId: "a", values: { shared: byRef("1.0") } });
      await put(store, key, "c", { parentId: "b", values: { shared: byRef("1.0"), x: "c" } });
      await writeTo(store, key, "c");
      expect(await store.pruneThread(key, { keep: 1, guard })).toBe(2);
      expect(await ids(store, key)).toEqual(["c", "s1"]);
      const found = await latest(store, key);
      expect([textOf(found, "shared"), textOf(found, "x")]).toEqual(["shared", "c"]);
      expect(writesOf(found)).toEqual([["t", 0, "of c"]]);
      expect(found?.checkpoint).toMatchObject({ parentId: "b", parentPruned: true });
      expect(textOf(await latest(store, key, "s"), "x")).toBe("1");
      expect(await reasonOf(store.loadValues(key, ["1.1"]))).toBe("VALUE_NOT_FOUND");
      // What takes the place of a pruned checkpoint has nothing of it.
      await put(store, key, "a");
      expect(writesOf(await latest(store, key))).toEqual([]);
      expect(await store.getThread(key)).toMatchObject({ headCheckpointId: "a" });
    });

    test("leaves what was put since a moment", async () => {
      const { store, space, advance } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a");
      advance(60_000);
      const olderThanMs = Date.now() + 30_000;
      await put(store, key, "b");
      await put(store, key, "c");
      expect(await store.pruneThread(key, { keep: 1, olderThanMs, guard })).toBe(1);
      expect(await ids(store, key)).toEqual(["c", "b"]);
    });

    test("removes the parts of large values that nobody uses any more", async () => {
      const { store, log, space } = context();
      const key = { space, thread: "t" };
      const [old, kept] = [randomBytes(1_500_000), randomBytes(1_500_000)];
      const { record } = await put(store, key, "a", { values: { old: inline(old), kept: inline(kept) } });
      const parts = record.values.flatMap(({ storage }) => (storage.case === "parts" ? [storage.value] : []));
      await put(store, key, "b", { values: { kept: record.checkpoint?.channelValues.kept ?? "" } });
      await store.pruneThread(key, { keep: 1, guard });
      const { parts: left } = await log.gather(key, { positions: [], parts, keys: [] });
      expect(left.size).toBe(1);
      const [value] = [...((await latest(store, key))?.values.values() ?? [])];
      expect(Buffer.compare(value?.value?.data ?? new Uint8Array(), kept)).toBe(0);
    });

    test("takes the events up to the last checkpoint that goes, and says where to begin", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", {}, { events: [savedEvent("a")] });
      await put(store, key, "b", {}, { events: [savedEvent("b")] });
      await put(store, key, "c", {}, { events: [savedEvent("c")] });
      await store.pruneThread(key, { keep: 1, guard });
      const { events } = await store.readEvents(key, 0, 10);
      expect(events.map(({ number, body }) => [Number(number), body.case])).toEqual([
        [30_000, "checkpointSaved"],
        [40_000, "checkpointsDeleted"],
      ]);
      const error = await errorOf(store.readEvents(key, 10_000, 10));
      expect(error).toMatchObject({ reasonName: "EVENTS_PRUNED", metadata: { oldest: "30000" } });
      expect((await store.readEvents(key, 29_999, 10)).events).toHaveLength(2);
      expect((await store.readEvents(key, 40_000, 10)).events).toEqual([]);
    });

    test("keeps the thread's metadata, its requests, and the runs of what is left", async () => {
      const { store, space, advance } = context();
      const key = { space, thread: "t" };
      await commit(store, key, { threadMetadata: bytes('{"a":1}'), status: ThreadStatus.IDLE });
      const request = { id: "q", bodyHash: bytes("h"), answer: bytes("answer") };
      await commit(store, key, { events: [runStarted("r1")], request });
      await put(store, key, "a", { runId: "r1" });
      await commit(store, key, { events: [runStarted("r2")] });
      await put(store, key, "b", { runId: "r2" });
      await commit(store, key, { events: [runStarted("r3")] });
      await put(store, key, "c", { runId: "r3" });
      await store.pruneThread(key, { keep: 1, guard });
      expect((await store.getThread(key))?.metadata).toEqual(bytes('{"a":1}'));
      expect(await store.findRequest(key, "q")).toMatchObject({ answer: bytes("answer") });
      const runs = async () =>
        (await store.runRecords(key, undefined, Number.POSITIVE_INFINITY, 9)).map(
          ({ record }) => record.events[0]?.runId,
        );
      // r1 was asked for a moment ago and may be asked for again.
      expect(await runs()).toEqual(["r3", "r1"]);
      advance(limits.requestKeptMs + 60_000);
      await store.pruneThread(key, { keep: 1, guard });
      expect(await runs()).toEqual(["r3"]);
    });

    test("done again writes nothing", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      for (const id of ["a", "b", "c"]) await put(store, key, id);
      expect(await store.pruneThread(key, { keep: 2, guard })).toBe(1);
      const { n } = await store.tail(key);
      expect(await store.pruneThread(key, { keep: 2, guard })).toBe(0);
      expect(await store.pruneThread(key, { keep: 9, guard })).toBe(0);
      expect(await store.tail(key)).toMatchObject({ n });
    });

    test("refuses a thread that is not there, and one that the guard refuses", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      expect(await reasonOf(store.pruneThread(key, { keep: 1, guard }))).toBe("THREAD_NOT_FOUND");
      await put(store, key, "a");
      await put(store, key, "b");
      const refusal = () => {
        throw new Error("busy");
      };
      await expect(store.pruneThread(key, { keep: 1, guard: refusal })).rejects.toThrow("busy");
      expect(await ids(store, key)).toEqual(["b", "a"]);
    });

    test("goes on where it was stopped, and reads each record a bounded number of times", async () => {
      const { store, log, space } = context();
      const key = { space, thread: "t" };
      for (let i = 0; i < 350; i++) await put(store, key, `c${i}`, { parentId: `c${i - 1}`, values: values(i) });
      const crash = { append: 2, read: 0 };
      const breaking = new LogStore(
        hooked(log, {
          append: async (entry) => {
            if (crash.append-- === 0) throw new Error("stopped");
            return await log.append(entry);
          },
        }),
        systemEnvironment,
      );
      await expect(breaking.pruneThread(key, { keep: 3, guard })).rejects.toThrow("stopped");
      const left = await ids(store, key);
      expect(left.length).toBeGreaterThan(3);
      for (const id of left) {
        const found = await store.getCheckpoint(key, "", { id }, FULL);
        expect(textOf(found, "old"), id).toBe("first");
      }
      const counting = new LogStore(
        hooked(log, {
          after: async (...args) => counted(crash, await log.after(...args)),
          gather: async (...args) => {
            const found = await log.gather(...args);
            counted(crash, found.rows);
            counted(crash, found.keyed);
            return found;
          },
        }),
        systemEnvironment,
      );
      expect(await counting.pruneThread(key, { keep: 3, guard })).toBe(left.length - 3);
      expect(crash.read).toBeLessThan(3 * 350);
      expect(await ids(store, key)).toEqual(["c349", "c348", "c347"]);
      expect(textOf(await latest(store, key), "old")).toBe("first");
      crash.read = 0;
      await put(store, key, "new", { parentId: "c349", values: { old: byRef("1.0") } });
      expect(await counting.pruneThread(key, { keep: 3, guard })).toBe(1);
      // Rows that are left for a while, so that their positions stay taken, are not looked at again.
      expect(crash.read).toBeLessThan(2 * 350);
      expect(textOf(await latest(store, key), "old")).toBe("first");
    });

    test("leaves what others begin to use while it goes on", async () => {
      const { store, other, log, space } = context();
      const key = { space, thread: "t" };
      for (let i = 0; i < 150; i++) await put(store, key, `c${i}`, { values: { x: `${i}` } });
      let batches = 0;
      const slow = new LogStore(
        hooked(log, {
          append: async (entry) => {
            // Between two batches, and once more in the middle of making one, which then begins anew.
            if (batches++ === 1) {
              await put(other, key, "fork", { parentId: "c20", values: { x: byRef("21.0") } });
              await writeTo(other, key, "c10");
            }
            return await log.append(entry);
          },
        }),
        systemEnvironment,
      );
      expect(await slow.pruneThread(key, { keep: 1, guard })).toBe(148);
      expect(batches).toBeGreaterThan(2);
      expect(await ids(store, key)).toEqual(["fork", "c149", "c10"]);
      const fork = await latest(store, key);
      expect(textOf(fork, "x")).toBe("20");
      expect(fork?.checkpoint.parentPruned).toBe(true);
      const written = await store.getCheckpoint(key, "", { id: "c10" }, FULL);
      expect([textOf(written, "x"), writesOf(written)]).toEqual(["10", [["t", 0, "of c10"]]]);
    });
  });

  describe("deleting runs", () => {
    test("marks those whose parent goes, and removes parts", async () => {
      const { store, log, space } = context();
      const key = { space, thread: "t" };
      const { record } = await put(store, key, "a", { runId: "r", values: { x: inline(randomBytes(300_000)) } });
      await put(store, key, "b", { parentId: "a", runId: "other" });
      await put(store, key, "c", { parentId: "b", runId: "other" });
      await store.deleteRuns(space, ["r"], guard);
      const marks = await Promise.all(["b", "c"].map((id) => store.getCheckpoint(key, "", { id }, FULL)));
      expect(marks.map((entry) => entry?.checkpoint.parentPruned)).toEqual([true, false]);
      const parts = record.values.flatMap(({ storage }) => (storage.case === "parts" ? [storage.value] : []));
      expect(parts).toHaveLength(1);
      expect((await log.gather(key, { positions: [], parts, keys: [] })).parts.size).toBe(0);
    });
  });
}

const values = (i: number) => (i === 0 ? { old: "first", x: "0" } : { old: byRef("1.0"), x: `${i}` });

function counted<Rows extends unknown[]>(count: { read: number }, rows: Rows): Rows {
  count.read += rows.length;
  return rows;
}

/** A log of which some methods are replaced. */
export function hooked(
  log: Log,
  hooks: Partial<Log> & { append?: (entry: Append) => Promise<"appended" | "taken"> },
): Log {
  return new Proxy(log, {
    get(target, name) {
      const value = name in hooks ? hooks[name as keyof Log] : Reflect.get(target, name, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

async function writeTo(store: Store, key: ThreadKey, id: string): Promise<void> {
  await commit(store, key, { writes: [{ namespace: "", checkpointId: id, writes: [write("t", 0, `of ${id}`)] }] });
}

/** Newest first. */
async function ids(store: Store, key: ThreadKey): Promise<string[]> {
  const list = { thread: key.thread, filters: [], order: "seq" as const, pageSize: 500, pageToken: "" };
  return (await store.listCheckpoints(key.space, list, FULL)).entries.map(({ checkpoint }) => checkpoint.id);
}
