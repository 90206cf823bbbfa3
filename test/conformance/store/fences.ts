import { create, toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { CalledRunSchema, LeaseSchema, RecordSchema, TailSchema } from "../../../src/gen/cairn/store/v1/record_pb.ts";
import { InputSchema } from "../../../src/gen/cairn/v1/run_service_pb.ts";
import { ThreadStatus } from "../../../src/gen/cairn/v1/thread_service_pb.ts";
import type { Append, ThreadKey } from "../../../src/store/log.ts";
import { LAYOUT } from "../../../src/store/record-codec.ts";
import {
  type Context,
  checkpoint,
  commit,
  errorOf,
  FULL,
  inline,
  latest,
  put,
  reasonOf,
  savedEvent,
  write,
  writesOf,
} from "./support.ts";

const lease = (epoch: bigint, holder: string) => create(LeaseSchema, { epoch, holder, runId: "r" });

/** The rules of an append-only log that is commit, compare-and-set and fence in one, as far as they show here. */
export function fences(context: () => Context): void {
  describe("fences", () => {
    test("rule 1: whoever takes a thread over has the stale holder refused, again and again", async () => {
      const { store, other, space } = context();
      for (let round = 0; round < 20; round++) {
        const key = { space, thread: `t${round}` };
        let held = (await commit(store, key, { lease: lease(1n, "old") })).thread;
        const writing = async () => {
          for (let index = 0; ; index++) {
            // As a run's tasks do, which take their time.
            await new Promise((resolve) => setTimeout(resolve, Math.random() * 2));
            held = (await store.append(key, held, { checkpoint: checkpoint(`old${index}`), hasFreshId: true })).thread;
          }
        };
        // Heard of at once: it may be refused before the other's commit is answered.
        const refused = reasonOf(writing());
        const taken = await commit(other, key, { lease: lease(2n, "new") });
        expect(await refused).toBe("STALE_EPOCH");
        await other.append(key, taken.thread, { checkpoint: checkpoint("new") });
        const found = await latest(store, key);
        expect(found?.checkpoint).toMatchObject({ id: "new", seq: BigInt(taken.thread.n + 1) });
        expect(await reasonOf(store.append(key, held, { checkpoint: checkpoint("late") }))).toBe("STALE_EPOCH");
      }
    });

    test("rule 1: the holder goes on behind what leaves the lease alone, and not behind what changes the state", async () => {
      const { store, other, space } = context();
      const held = async (thread: string) => {
        const key = { space, thread };
        await put(store, key, "a", { runId: "made" });
        return { key, held: (await commit(store, key, { lease: lease(1n, "holder") })).thread };
      };
      const noted = await held("noted");
      await commit(other, noted.key, { events: [savedEvent("x")], threadMetadata: new TextEncoder().encode("{}") });
      const after = await store.append(noted.key, noted.held, {
        checkpoint: checkpoint("b"),
        lease: lease(1n, "holder"),
      });
      expect([after.thread.n, after.record.checkpoint?.seq]).toEqual([4, 4n]);
      const writes = [{ namespace: "", checkpointId: "a", writes: [write("t", 0, "x")] }];
      const changes: Record<string, (key: ThreadKey) => Promise<unknown>> = {
        checkpoint: (key) => put(other, key, "c"),
        writes: (key) => commit(other, key, { writes }),
        clearing: (key) => commit(other, key, { clearedWrites: [{ namespace: "", checkpointId: "a" }] }),
        deletion: () => other.deleteRuns(space, ["made"], () => {}),
      };
      for (const [name, change] of Object.entries(changes)) {
        const { key, held: before } = await held(name);
        await change(key);
        expect([name, await reasonOf(store.append(key, before, {}))]).toEqual([name, "STALE_EPOCH"]);
      }
    });

    test("calls wait in their order until they have ended, with what they were called with", async () => {
      const { store, other, space } = context();
      const key = { space, thread: "t" };
      const input = create(InputSchema, { values: { big: inline("x".repeat(300_000)), small: inline("y") } });
      const call = (runId: string) => create(CalledRunSchema, { runId, options: { recursionLimit: 3 }, input });
      const request = { id: "q", bodyHash: new Uint8Array(32) };
      await commit(store, key, { call: call("one"), request });
      await commit(other, key, { call: call("two") });
      const { thread } = await commit(store, key, {
        call: call("three"),
        endedCalls: ["one"],
        cancelRun: { runId: "zero", gracefully: false },
      });
      expect(thread.tail.calls.map(({ runId, n }) => [runId, Number(n)])).toEqual([
        ["two", 2],
        ["three", 3],
      ]);
      // Nobody drives it under that name.
      expect(thread.tail.cancelRunId).toBe("");
      const found = await other.calledRun(key, 1);
      expect([found.call.runId, found.call.options?.recursionLimit, found.request?.id]).toEqual(["one", 3, "q"]);
      expect(toBinary(InputSchema, found.call.input ?? create(InputSchema))).toEqual(toBinary(InputSchema, input));
      expect((await store.getThread(key))?.status).toBe(ThreadStatus.BUSY);
      expect((await commit(store, key, { endedCalls: ["two", "three"] })).thread.tail.calls).toEqual([]);
      expect((await store.getThread(key))?.status).toBe(ThreadStatus.IDLE);
    });

    test("rule 2: appends of one thread never run beside each other, those of others do", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      let running = 0;
      let most = 0;
      const change = async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 2));
        running--;
        return { events: [savedEvent("x")] };
      };
      await Promise.all(Array.from({ length: 10 }, () => store.update(key, change)));
      expect(most).toBe(1);
      await Promise.all(Array.from({ length: 10 }, (_, index) => store.update({ space, thread: `u${index}` }, change)));
      expect(most).toBeGreaterThan(1);
    });

    test("rule 3: an append sent again is the same append, another's at its position is refused", async () => {
      const { log, space } = context();
      const entry = appendAt(space, 1, "attempt 1");
      expect(await log.append(entry)).toBe("appended");
      expect(await log.append(entry)).toBe("appended");
      expect(await log.append(appendAt(space, 1, "attempt 2"))).toBe("taken");
      expect(await log.last(entry.key)).toMatchObject({ n: 1, attempt: "attempt 1" });
    });

    test("rule 3: a refused append takes none of its company along", async () => {
      const { log, space } = context();
      await log.append(appendAt(space, 1, "first", "a"));
      const threads = ["a", "b", "c"];
      const outcomes = await Promise.all(threads.map((thread) => log.append(appendAt(space, 1, "second", thread))));
      expect(outcomes).toEqual(["taken", "appended", "appended"]);
    });

    test("rule 4: a position stays taken after its checkpoint was deleted, and after its thread was", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      const first = await put(store, key, "a", { runId: "r" });
      await store.deleteRuns(space, ["r"], () => {});
      expect(await reasonOf(store.append(key, first.thread, {}))).toBe("STALE_EPOCH");
      const before = await store.tail(key);
      await store.deleteThread(key);
      expect(await reasonOf(store.append(key, before, {}))).toBe("STALE_EPOCH");
    });

    test("rule 4: who has not seen the end for a minute looks again before it appends", async () => {
      const { store, other, space, advance } = context();
      const key = { space, thread: "t" };
      const { thread } = await put(store, key, "a");
      advance(61_000);
      const { thread: next } = await store.append(key, thread, { checkpoint: checkpoint("b") });
      await put(other, key, "c");
      advance(61_000);
      expect(await reasonOf(store.append(key, next, { checkpoint: checkpoint("d") }))).toBe("STALE_EPOCH");
    });

    test("rule 5: writers without a lease queue up, and none of their writes is lost", async () => {
      const { store, other, space } = context();
      const key = { space, thread: "t" };
      const count = 40;
      await Promise.all(
        Array.from({ length: count }, (_, index) => put(index % 2 ? store : other, key, `c${index}`, {})),
      );
      const list = { thread: "t", filters: [], order: "seq" as const, pageSize: 100, pageToken: "" };
      const { entries } = await store.listCheckpoints(space, list, FULL);
      const seqs = entries.map(({ checkpoint }) => Number(checkpoint.seq));
      expect(seqs).toEqual(Array.from({ length: count }, (_, index) => count - index));
    });

    test("rule 6: the order of the log decides which write was first, for every reader", async () => {
      const { store, other, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a");
      const winners = await Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          const writes = [{ namespace: "", checkpointId: "a", writes: [write("t", 0, `${index}`)] }];
          return { index, n: (await commit(index % 2 ? store : other, key, { writes })).thread.n };
        }),
      );
      const first = winners.sort((left, right) => left.n - right.n)[0]?.index;
      for (const server of [store, other]) expect(writesOf(await latest(server, key))).toEqual([["t", 0, `${first}`]]);
    });

    test("records of a newer layout, and records that are none, are refused and not misread", async () => {
      const { store, log, space } = context();
      const newer = appendAt(space, 1, "x", "newer", 99);
      await log.append(newer);
      const error = await errorOf(store.tail(newer.key));
      expect(error).toMatchObject({
        reasonName: "LAYOUT_TOO_NEW",
        metadata: { layout: "99", known_layout: `${LAYOUT}` },
      });
      const broken = appendAt(space, 1, "x", "broken");
      broken.row.body = new Uint8Array([255, 255, 255]);
      await log.append(broken);
      expect(await reasonOf(store.tail(broken.key))).toBe("DATA_CORRUPT");
      expect(await reasonOf(put(store, broken.key, "a"))).toBe("DATA_CORRUPT");
    });

    test("stored bytes that differ from their checksum are never given out", async () => {
      const { store, log, space } = context();
      const key = { space, thread: "t" };
      const { record, thread } = await put(store, key, "a", { values: { x: "right" } });
      const [value] = record.values;
      if (value) value.storage = { case: "inline", value: new TextEncoder().encode("wrong") };
      const last = await log.last(key);
      if (!last) throw new Error("no row");
      const next = appendAt(space, thread.n + 1, "y", "t");
      await log.append({ ...next, rewrites: [{ ...last, body: toBinary(RecordSchema, record) }] });
      const error = await errorOf(latest(store, key));
      expect(error).toMatchObject({ reasonName: "VALUE_CHECKSUM", code: 15, metadata: { ref: "1.0" } });
    });
  });
}

function appendAt(space: string, n: number, attempt: string, thread = "t", layout = 1): Append {
  const record = create(RecordSchema, { layout, tail: create(TailSchema, { createdAtMs: 1n }) });
  return {
    key: { space, thread },
    row: { n, attempt, floor: false, keys: [], tags: [], body: toBinary(RecordSchema, record) },
    rewrites: [],
    summary: { n, deleted: false, createdAtMs: 1, status: 1, body: new Uint8Array() },
  };
}
