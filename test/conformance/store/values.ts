import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { LogStore } from "../../../src/store/log-store.ts";
import type { Store, ThreadKey } from "../../../src/store/store.ts";
import { systemEnvironment } from "../../../src/system/environment.ts";
import {
  byRef,
  bytes,
  type Context,
  commit,
  dataOf,
  errorOf,
  FULL,
  inline,
  latest,
  put,
  reasonOf,
  savedEvent,
  textOf,
  typed,
  write,
  writesOf,
} from "./support.ts";

const SAMPLES: [name: string, data: Uint8Array, type: string][] = [
  ["the largest u64 as MessagePack", new Uint8Array([0xcf, ...new Array(8).fill(0xff)]), "msgpack"],
  ["the largest u64 as JSON", bytes("18446744073709551615"), "json"],
  ["minus zero", new Uint8Array([0xcb, 0x80, 0, 0, 0, 0, 0, 0, 0]), "msgpack"],
  ["NUL", new Uint8Array([0]), "bytes"],
  ["nothing", new Uint8Array(), "null"],
  ["256 KiB", randomBytes(256 * 1024), "bytes"],
  ["300 KB", randomBytes(300_000), "bytes"],
  ["3 MB", randomBytes(3_000_000), "a framework's own"],
];

export function values(context: () => Context): void {
  describe("values", () => {
    test.each(SAMPLES)("%s comes back byte for byte", async (_, data, type) => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", { values: { x: inline(typed(data, type)) } });
      const [entry] = [...((await latest(store, key))?.values.values() ?? [])];
      expect(entry?.value?.type).toBe(type);
      expect(Buffer.compare(entry?.value?.data ?? bytes("?"), data)).toBe(0);
      expect(entry?.sizeBytes).toBe(BigInt(data.length));
    });

    test("the same object is stored once, wherever it stands", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      const value = inline(randomBytes(400_000));
      const { record } = await put(
        store,
        key,
        "a",
        { values: { x: value, y: value } },
        {
          writes: [{ namespace: "", checkpointId: "a", writes: [write("t", 0, value)] }],
          events: [savedEvent("a", "", { x: value })],
        },
      );
      expect(record.values).toHaveLength(1);
      const found = await latest(store, key);
      expect(found?.values.size).toBe(1);
      expect(dataOf(found, found?.writes[0]?.value)).toBe(dataOf(found, found?.checkpoint.channelValues.y));
    });

    test("values are named by reference, also those of a replaced checkpoint", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      const first = await put(store, key, "a", { values: { x: "kept", big: inline(randomBytes(300_000)) } });
      const refs = refsOf(first.record.checkpoint?.channelValues ?? {});
      await put(store, key, "a", { values: {} });
      await put(store, key, "b", { values: { x: byRef(refs.x ?? ""), big: byRef(refs.big ?? "") } });
      expect(textOf(await latest(store, key), "x")).toBe("kept");
      const loaded = await store.loadValues(key, [refs.x ?? "", refs.big ?? ""]);
      expect(loaded.get(refs.big ?? "")?.data).toHaveLength(300_000);
    });

    test.each(["9.0", "1.1", "0.0", "1", "x", "1.0.0", "01.0", "-1.0", "1e0.0"])(
      "the reference %j is refused",
      async (ref) => {
        const { store, other, space } = context();
        const key = { space, thread: "t" };
        await put(store, key, "a", { values: { x: "1" } });
        for (const server of [store, other]) {
          expect(await reasonOf(put(server, key, "b", { values: { y: byRef(ref) } }))).toBe("VALUE_NOT_FOUND");
          expect(await reasonOf(server.loadValues(key, [ref]))).toBe("VALUE_NOT_FOUND");
        }
        expect((await latest(store, key))?.checkpoint.id).toBe("a");
      },
    );

    test("references don't cross threads", async () => {
      const { store, space } = context();
      await put(store, { space, thread: "t" }, "a", { values: { x: "1" } });
      const act = put(store, { space, thread: "u" }, "a", { values: { x: byRef("1.0") } });
      expect(await reasonOf(act)).toBe("VALUE_NOT_FOUND");
    });

    test("a value over the limit is refused with channel and sizes", async () => {
      const { log, space } = context();
      const store = new LogStore(log, systemEnvironment, { valueBytesMax: 2_000 });
      const key = { space, thread: "t" };
      await put(store, key, "fits", { values: { big: inline(new Uint8Array(2_000)) } });
      const error = await errorOf(put(store, key, "a", { values: { big: inline(new Uint8Array(2_001)) } }));
      expect(error.reasonName).toBe("VALUE_TOO_LARGE");
      expect(error.metadata).toEqual({ channel: "big", size_bytes: "2001", limit_bytes: "2000" });
      expect((await store.tail(key)).n).toBe(1);
    });

    test("many small values that make a record too large go out in parts", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      const values = Object.fromEntries(
        Array.from({ length: 60 }, (_, index) => [`c${index}`, inline(randomBytes(250_000))]),
      );
      const { record } = await put(store, key, "a", { values });
      const cases = new Set(record.values.map(({ storage }) => storage.case));
      expect(cases).toEqual(new Set(["inline", "parts"]));
      expect((await latest(store, key))?.values.size).toBe(60);
    });

    test("held references and the refs view come without bytes, but with size and checksum", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", { values: { x: "12", big: inline(randomBytes(300_000)) } });
      const refs = await store.getCheckpoint(key, "", { latestBy: "seq" }, { view: "refs" });
      expect([...(refs?.values.values() ?? [])].map(({ value, sizeBytes }) => [value, sizeBytes]).sort()).toEqual([
        [undefined, 2n],
        [undefined, 300_000n],
      ]);
      const ref = refs?.checkpoint.channelValues.x?.source.value as string;
      const held = await store.getCheckpoint(key, "", { id: "a" }, { view: "full", heldRefs: new Set([ref]) });
      expect(held?.values.get(ref)?.value).toBeUndefined();
      expect(held?.values.get(ref)?.crc32).toBe(refs?.values.get(ref)?.crc32);
      expect([...(held?.values.values() ?? [])].filter(({ value }) => value)).toHaveLength(1);
    });

    test("a write may refer to a large value of an older record", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      const big = "x".repeat(300_000);
      const { record } = await put(store, key, "a", { values: { big } });
      await put(store, key, "b");
      const ref = record.checkpoint?.channelValues.big?.source.value as string;
      await commit(store, key, { writes: [{ namespace: "", checkpointId: "b", writes: [write("t", 0, byRef(ref))] }] });
      expect(writesOf(await latest(store, key))).toEqual([["t", 0, big]]);
      expect(writesOf(await store.getCheckpoint(key, "", { id: "b" }, FULL))).toEqual([["t", 0, big]]);
    });

    test("an unchanged channel costs nothing to keep", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "c0", { values: { big: inline(randomBytes(200_000)) } });
      for (let step = 1; step <= 5; step++) {
        const { record } = await put(store, key, `c${step}`, { values: { big: byRef("1.0"), step: `${step}` } });
        expect(record.values).toHaveLength(1);
      }
      expect(await sizeOf(store, key)).toBe(200_000);
    });
  });
}

async function sizeOf(store: Store, key: ThreadKey): Promise<number | undefined> {
  const found = await latest(store, key);
  return dataOf(found, found?.checkpoint.channelValues.big)?.length;
}

function refsOf(values: { [channel: string]: { source: { value?: unknown } } }): { [channel: string]: string } {
  return Object.fromEntries(Object.entries(values).map(([channel, { source }]) => [channel, source.value as string]));
}
