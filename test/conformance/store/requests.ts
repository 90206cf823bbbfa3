import { describe, expect, test } from "vitest";
import { limits } from "../../../src/limits.ts";
import type { Store } from "../../../src/store/store.ts";
import { bytes, type Context, commit, put, runStarted } from "./support.ts";

export function requests(context: () => Context): void {
  const hash = bytes("hash");

  describe("requests", () => {
    test("are found with their answer, and only by their id", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", {}, { request: { id: "q", bodyHash: hash, answer: bytes("answer") } });
      expect(await store.findRequest(key, "q")).toMatchObject({ bodyHash: hash, answer: bytes("answer") });
      expect((await store.findRequest(key, "q"))?.runId).toBeUndefined();
      expect(await store.findRequest(key, "Q")).toBeUndefined();
      expect(await store.findRequest({ space, thread: "u" }, "q")).toBeUndefined();
    });

    test("are found behind the end that they stand before, whoever wrote them", async () => {
      const { store, other, space } = context();
      const key = { space, thread: "t" };
      const asked = async (by: Store, id: string) => {
        const seen: (number | undefined)[] = [];
        await by.update(key, async (thread) => {
          const known = await by.findRequest(key, id, thread);
          seen.push(known?.n);
          return known ? undefined : { request: { id, bodyHash: bytes("hash"), answer: bytes("answer") } };
        });
        return seen.at(-1);
      };
      expect(await asked(store, "one")).toBeUndefined();
      expect(await asked(store, "one")).toBe(1);
      expect(await asked(other, "two")).toBeUndefined();
      expect(await asked(store, "two")).toBe(2);
      expect(await asked(other, "one")).toBe(1);
      expect((await store.tail(key)).n).toBe(2);
    });

    test("stay without an answer while going on, and say which run they began", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await commit(store, key, { request: { id: "q", bodyHash: hash }, events: [runStarted("run 1")] });
      const going = await store.findRequest(key, "q");
      expect(going).toMatchObject({ runId: "run 1" });
      expect(going?.answer).toBeUndefined();
      await put(store, key, "a", {}, { request: { id: "q", bodyHash: hash, answer: bytes("") } });
      expect(await store.findRequest(key, "q")).toMatchObject({ runId: "run 1", answer: bytes("") });
    });

    test("an answered record counts, whatever is written after it", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await commit(store, key, { request: { id: "q", bodyHash: hash, answer: bytes("1") } });
      await commit(store, key, { request: { id: "q", bodyHash: hash } });
      expect((await store.findRequest(key, "q"))?.answer).toEqual(bytes("1"));
    });

    test("are forgotten after a day", async () => {
      const { store, space, advance } = context();
      const key = { space, thread: "t" };
      await commit(store, key, { request: { id: "q", bodyHash: hash } });
      advance(limits.requestKeptMs - 60_000);
      expect(await store.findRequest(key, "q")).toBeDefined();
      advance(120_000);
      expect(await store.findRequest(key, "q")).toBeUndefined();
    });

    test("deleting a thread can be retried", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", {}, { request: { id: "old", bodyHash: hash } });
      expect(await store.deleteThread(key, async () => ({ id: "q", bodyHash: hash, answer: bytes("gone") }))).toBe(
        true,
      );
      expect((await store.findRequest(key, "q"))?.answer).toEqual(bytes("gone"));
      expect(await store.findRequest(key, "old")).toBeUndefined();
    });
  });
}
