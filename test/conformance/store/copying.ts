import { randomBytes } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { CalledRunSchema, LeaseSchema } from "../../../src/gen/cairn/store/v1/record_pb.ts";
import { ThreadStatus } from "../../../src/gen/cairn/v1/thread_service_pb.ts";
import { LogStore } from "../../../src/store/log-store.ts";
import type { Store, ThreadKey } from "../../../src/store/store.ts";
import { systemEnvironment } from "../../../src/system/environment.ts";
import { hooked } from "./pruning.ts";
import {
  byRef,
  bytes,
  type Context,
  commit,
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
const request = async () => undefined;

export function copying(context: () => Context): void {
  describe("copying a thread", () => {
    test("takes its whole history along, at the same places", async () => {
      const { store, space } = context();
      const [from, to] = [key(space, "t"), key(space, "u")];
      await history(store, from);
      await store.copyThread({ from, to, request });
      expect(await seenOf(store, to)).toEqual(await seenOf(store, from));
      const { tail } = await store.tail(from);
      const head = await latest(store, to);
      expect([head?.checkpoint.threadId, Number(head?.checkpoint.seq)]).toEqual(["u", 4]);
      expect(await store.getThread(to)).toMatchObject({
        id: "u",
        metadata: bytes('{"a":1}'),
        headCheckpointId: tail.headCheckpointId,
        status: ThreadStatus.INTERRUPTED,
      });
      const events = async (of: ThreadKey) =>
        (await store.readEvents(of, 0, 100)).events.map(({ number, body }) => [Number(number), body.case]);
      expect(await events(to)).toEqual([...(await events(from)), [70_000, "threadUpdated"]]);
      const listed = await store.listThreads(space, { filters: [], pageSize: 9, pageToken: "" });
      expect(listed.threads.map(({ id }) => id).sort()).toEqual(["t", "u"]);
      expect(await reasonOf(store.findCheckpoint(space, "a", FULL))).toBe("CHECKPOINT_AMBIGUOUS");
    });

    test("shares nothing with it", async () => {
      const { store, space } = context();
      const [from, to] = [key(space, "t"), key(space, "u")];
      await history(store, from);
      const seen = await seenOf(store, from);
      await store.copyThread({ from, to, request });
      await store.pruneThread(from, { keep: 1, guard });
      await put(store, from, "more");
      expect(await seenOf(store, to)).toEqual(seen);
      await store.deleteThread(from);
      expect(await seenOf(store, to)).toEqual(seen);
      // And the other way round: back to the old place, which has had positions of its own.
      await store.copyThread({ from: to, to: from, request });
      await store.deleteThread(to);
      expect((await seenOf(store, from)).map(({ seq: _, ...rest }) => rest)).toEqual(
        seen.map(({ seq: _, ...rest }) => rest),
      );
      const head = await latest(store, from);
      await put(store, from, "next", { values: { old: byRef(refOf(head?.checkpoint.channelValues.big)) } });
      expect(await store.pruneThread(from, { keep: 1, guard })).toBe(3);
      expect((await latest(store, from))?.values.size).toBe(1);
    });

    test("refuses what is not there, and what is", async () => {
      const { store, space } = context();
      const [from, to] = [key(space, "t"), key(space, "u")];
      expect(await reasonOf(store.copyThread({ from, to, request }))).toBe("THREAD_NOT_FOUND");
      await put(store, from, "a");
      await put(store, to, "b");
      expect(await reasonOf(store.copyThread({ from, to, request }))).toBe("THREAD_EXISTS");
      expect(await reasonOf(store.copyThread({ from, to: from, request }))).toBe("THREAD_EXISTS");
      expect((await latest(store, to))?.checkpoint.id).toBe("b");
    });

    test("leaves behind who drives it, who waits for it, and what was asked of it", async () => {
      const { store, space } = context();
      const [from, to] = [key(space, "t"), key(space, "u")];
      const asked = { id: "q", bodyHash: bytes("h"), answer: bytes("answer") };
      const lease = create(LeaseSchema, { epoch: 4n, holder: "server", runId: "r", expiresAtMs: 1n });
      const call = create(CalledRunSchema, { runId: "r" });
      await commit(store, from, {
        ...{ lease, call, request: asked, status: ThreadStatus.BUSY },
        events: [runStarted("r")],
      });
      await store.copyThread({ from, to, request });
      const { tail } = await store.tail(to);
      expect(tail).toMatchObject({ calls: [], status: ThreadStatus.IDLE });
      expect(tail.lease).toMatchObject({ epoch: 4n, holder: "", runId: "r" });
      expect(await store.findRequest(to, "q")).toBeUndefined();
      expect((await store.tail(from)).tail.lease?.holder).toBe("server");
    });

    test("is not there before all of it is", async () => {
      const { store, other, log, space } = context();
      const [from, to] = [key(space, "t"), key(space, "u")];
      await history(store, from);
      let looks = 0;
      const look = async () => {
        looks++;
        expect(await other.tail(to)).toMatchObject({ exists: false });
        expect(await other.getThread(to)).toBeUndefined();
        expect(await latest(other, to)).toBeUndefined();
        expect(await other.getCheckpoint(to, "", { id: "a" }, FULL)).toBeUndefined();
        expect((await other.findCheckpoint(space, "a", FULL))?.checkpoint.threadId).toBe("t");
        expect(await reasonOf(other.loadValues(to, ["1.0"]))).toBe("VALUE_NOT_FOUND");
      };
      const watched = hooked(log, {
        putRows: async (...args) => {
          await log.putRows(...args);
          await look();
        },
        append: async (entry) => {
          if (entry.rewrites.length > 0) await look();
          return await log.append(entry);
        },
      });
      await new LogStore(watched, systemEnvironment).copyThread({ from, to, request });
      expect(looks).toBeGreaterThan(1);
      expect(await seenOf(store, to)).toEqual(await seenOf(store, from));
    });

    test("gives way to whoever makes the thread meanwhile, and can be made again after it was stopped", async () => {
      const { store, other, log, space } = context();
      const [from, to] = [key(space, "t"), key(space, "u")];
      await history(store, from);
      const racing = hooked(log, {
        putRows: async (...args) => {
          await log.putRows(...args);
          await put(other, to, "theirs");
        },
      });
      const lost = new LogStore(racing, systemEnvironment).copyThread({ from, to, request });
      expect(await reasonOf(lost)).toBe("THREAD_EXISTS");
      expect(await ids(store, to)).toEqual(["theirs"]);
      await store.deleteThread(to);

      const stopping = hooked(log, {
        putRows: async () => {
          throw new Error("stopped");
        },
        // So is the process.
        truncate: async () => {},
      });
      await expect(new LogStore(stopping, systemEnvironment).copyThread({ from, to, request })).rejects.toThrow(
        "stopped",
      );
      await log.sweep();
      await store.copyThread({ from, to, request });
      expect(await ids(store, to)).toEqual(await ids(store, from));
      await store.deleteThread(to);
      await put(store, to, "new");
      expect(await ids(store, to)).toEqual(["new"]);
    });

    test("begins anew when what it reads is changed", async () => {
      const { store, other, log, space } = context();
      const [from, to] = [key(space, "t"), key(space, "u")];
      await history(store, from);
      let times = 0;
      const changing = hooked(log, {
        putRows: async (...args) => {
          await log.putRows(...args);
          if (times++ === 0) await other.pruneThread(from, { keep: 1, guard });
        },
      });
      await new LogStore(changing, systemEnvironment).copyThread({ from, to, request });
      expect(times).toBe(2);
      expect((await seenOf(store, to)).map(({ seq: _, ...rest }) => rest)).toEqual(
        (await seenOf(store, from)).map(({ seq: _, ...rest }) => rest),
      );
    });
  });
}

const key = (space: string, thread: string): ThreadKey => ({ space, thread });
const refOf = (value: Parameters<typeof byRef>[0] | { source: { value?: unknown } } | undefined): string =>
  typeof value === "object" ? String(value.source.value) : "";

/** Three checkpoints, of which one is a fork, with a large value, writes and metadata. */
async function history(store: Store, of: ThreadKey): Promise<void> {
  const big = inline(randomBytes(300_000));
  const { record } = await put(store, of, "a", { values: { x: "1", big } }, { events: [savedEvent("a")] });
  const kept = { big: record.checkpoint?.channelValues.big ?? "", x: byRef("1.0") };
  await put(store, of, "b", { parentId: "a", values: { ...kept, y: "2" } }, { events: [savedEvent("b")] });
  await put(store, of, "s", { namespace: "sub", values: { x: byRef("2.0") } });
  await put(store, of, "c", { parentId: "a", values: kept, runId: "r" });
  const writes = [{ namespace: "", checkpointId: "c", writes: [write("t", 0, "w")] }];
  await commit(store, of, { writes, threadMetadata: bytes('{"a":1}'), status: ThreadStatus.INTERRUPTED });
}

/** All checkpoints as they read, but for the thread they are in. */
async function seenOf(store: Store, of: ThreadKey) {
  const list = { thread: of.thread, filters: [], order: "seq" as const, pageSize: 500, pageToken: "" };
  const { entries } = await store.listCheckpoints(of.space, list, FULL);
  return entries.map((entry) => ({
    id: entry.checkpoint.id,
    seq: entry.checkpoint.seq,
    parent: entry.checkpoint.parentId,
    texts: ["x", "y", "big"].map((channel) => textOf(entry, channel)),
    writes: writesOf(entry),
  }));
}

async function ids(store: Store, of: ThreadKey): Promise<string[]> {
  return (await seenOf(store, of)).map(({ id }) => id);
}
