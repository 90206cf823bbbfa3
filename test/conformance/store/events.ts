import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { EventSchema, WritesPutSchema } from "../../../src/gen/cairn/v1/event_pb.ts";
import { type Context, commit, errorOf, put, runStarted, savedEvent } from "./support.ts";

const note = () => create(EventSchema, { body: { case: "writesPut", value: create(WritesPutSchema, {}) } });

export function events(context: () => Context): void {
  describe("events", () => {
    test("are numbered by record and place, stamped, and told their checkpoint's seq", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", {}, { events: [savedEvent("a"), note()] });
      await put(store, key, "b", {}, { events: [note(), savedEvent("b")] });
      const page = await store.readEvents(key, 0, 10);
      expect(page.events.map(({ number }) => number)).toEqual([10_000n, 10_001n, 20_000n, 20_001n]);
      expect(page.events.every(({ at }) => at !== undefined)).toBe(true);
      expect(page).toMatchObject({ next: 20_001, last: 20_001 });
      const seqs = page.events.flatMap(({ body }) => (body.case === "checkpointSaved" ? [body.value.seq] : []));
      expect(seqs).toEqual([1n, 2n]);
      expect((await store.tail(key)).tail.lastEventNumber).toBe(20_001n);
    });

    test("can be read on from any number, page by page, without loss or repeat", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      for (let index = 0; index < 7; index++) {
        await commit(store, key, { events: index % 3 === 1 ? [] : [note(), note(), note()] });
      }
      const whole = (await store.readEvents(key, 0, 100)).events.map(({ number }) => Number(number));
      expect(whole).toHaveLength(15);
      for (const recordLimit of [1, 2, 5]) {
        for (const start of [0, ...whole]) {
          const found: number[] = [];
          for (let after = start; ; ) {
            const page = await store.readEvents(key, after, recordLimit);
            found.push(...page.events.map(({ number }) => Number(number)));
            if (page.next >= page.last) break;
            expect(page.next).toBeGreaterThan(after);
            after = page.next;
          }
          expect(found).toEqual(whole.filter((number) => number > start));
        }
      }
    });

    test("numbers not reached are refused with the last one", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", {}, { events: [savedEvent("a")] });
      const error = await errorOf(store.readEvents(key, 10_001, 10));
      expect(error).toMatchObject({ reasonName: "EVENTS_AHEAD", metadata: { last: "10000" } });
      expect(await store.readEvents(key, 10_000, 10)).toEqual({ events: [], next: 10_000, n: 1, last: 10_000 });
    });

    test("who reads a deleted thread from the beginning is at its end, and hears of what comes", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", {}, { events: [savedEvent("a"), note()] });
      await store.deleteThread(key);
      const page = await store.readEvents(key, 0, 10);
      expect([page.events, page.next]).toEqual([[], page.last]);
      const again = await put(store, key, "b", {}, { events: [savedEvent("b")] });
      expect((await store.readEvents(key, 0, 10)).events).toEqual(again.record.events);
    });

    test("numbers before a deletion are refused with where to begin; the numbers go on", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", {}, { events: [savedEvent("a")] });
      await store.deleteThread(key);
      await put(store, key, "b", {}, { events: [savedEvent("b")] });
      const error = await errorOf(store.readEvents(key, 10_000, 10));
      expect(error.reasonName).toBe("EVENTS_PRUNED");
      const oldest = Number(error.metadata.oldest);
      for (const after of [0, oldest - 1]) {
        const page = await store.readEvents(key, after, 10);
        expect(page.events.map(({ number }) => number)).toEqual([30_000n]);
      }
    });

    test("of a thread that is not there are none", async () => {
      const { store, space } = context();
      expect(await store.readEvents({ space, thread: "t" }, 0, 10)).toEqual({ events: [], next: 0, n: 0, last: 0 });
    });

    test("runs' records are found, newest first, of one run or of all", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      for (const runId of ["r1", "r2", "r1"]) await commit(store, key, { events: [runStarted(runId)] });
      await put(store, key, "a", { runId: "r1" });
      const positions = async (runId: string | undefined, beforeN: number, limit: number) =>
        (await store.runRecords(key, runId, beforeN, limit)).map(({ n }) => n);
      expect(await positions(undefined, Number.POSITIVE_INFINITY, 10)).toEqual([3, 2, 1]);
      expect(await positions("r1", Number.POSITIVE_INFINITY, 10)).toEqual([3, 1]);
      expect(await positions("r1", 3, 10)).toEqual([1]);
      expect(await positions(undefined, 3, 1)).toEqual([2]);
    });
  });
}
