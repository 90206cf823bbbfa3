import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { type Record, StoredValueSchema } from "../../../src/gen/cairn/store/v1/record_pb.ts";
import type { StoreFinding } from "../../../src/store/doctor/check-store.ts";
import { columnsOf } from "../../../src/store/draft.ts";
import type { Log, Row, ThreadKey } from "../../../src/store/log.ts";
import { decodeRow, encodeRecord, LAYOUT } from "../../../src/store/record-codec.ts";
import type { Store } from "../../../src/store/store.ts";
import { noise } from "../../support/noise.ts";
import { type Context, commit, FULL, inline, latest, put, reasonOf, savedEvent, write } from "./support.ts";

async function findings(store: Store, space: string | undefined, repair = false): Promise<StoreFinding[]> {
  const found: StoreFinding[] = [];
  const { signal } = new AbortController();
  for await (const checkup of store.check({ repair, space, signal })) found.push(...checkup.findings);
  return found;
}

async function rowAt(log: Log, key: ThreadKey, n: number): Promise<Row> {
  const { rows } = await log.gather(key, { positions: [n], parts: [], keys: [] });
  return rows[0] as Row;
}

/** Changes what is stored behind the store's back; the returned function undoes it. */
async function spoil(
  log: Log,
  key: ThreadKey,
  n: number,
  change: (record: Record) => void,
): Promise<() => Promise<void>> {
  const row = await rowAt(log, key, n);
  const record = decodeRow(key, row);
  change(record);
  return await spoilBody(log, key, row, encodeRecord({ thread: key.thread, n }, record));
}

async function spoilBody(log: Log, key: ThreadKey, row: Row, to: Uint8Array): Promise<() => Promise<void>> {
  const there = { key, n: row.n, layout: LAYOUT };
  expect(await log.recode([{ ...there, from: row.body, to }])).toBe(0);
  return async () => void (await log.recode([{ ...there, from: to, to: row.body }]));
}

function flipByte(record: Record, index: number): void {
  const stored = record.values[index];
  if (stored?.storage.case !== "inline") throw new Error("it is not stored in the record");
  const bytes = Uint8Array.from(stored.storage.value);
  bytes[bytes.length - 1] = (bytes.at(-1) as number) ^ 1;
  stored.storage.value = bytes;
}

/** Ten versions of a document, each a patch of one before, with writes and events. */
async function document(store: Store, key: ThreadKey): Promise<void> {
  let text = Buffer.from(noise(4_000, "a")).toString("hex");
  for (let step = 0; step < 10; step++) {
    text += `step ${step}`;
    const id = `c${step}`;
    const values = { text: inline(text), own: inline(`own ${step}`) };
    await put(
      store,
      key,
      id,
      { values, parentId: step === 0 ? undefined : `c${step - 1}` },
      { events: [savedEvent(id)] },
    );
    await commit(store, key, { writes: [{ namespace: "", checkpointId: id, writes: [write("task", 0, `w${step}`)] }] });
  }
}

export function doctor(context: () => Context): void {
  describe("doctor", () => {
    test("finds nothing in what is sound: patches, parts, prunes, copies and deletions", async () => {
      const { store, log, space } = context();
      const key = { space, thread: "t" };
      await document(store, key);
      await put(store, key, "large", { values: { large: inline(noise(600_000, "a")) }, parentId: "c9" });
      await store.copyThread({ from: key, to: { space, thread: "copy" }, request: async () => undefined });
      await store.pruneThread(key, { keep: 2, guard: () => {} });
      await put(store, { space, thread: "gone" }, "a", { values: { large: inline(noise(600_000, "a")) } });
      await store.deleteThread({ space, thread: "gone" });
      expect(await log.keptUploads(key)).toEqual([]);
      expect(await findings(store, space)).toEqual([]);
    });

    test("finds bytes that changed, and all that is made of them", async () => {
      const { store, log, space } = context();
      const key = { space, thread: "t" };
      await document(store, key);
      const undo = await spoil(log, key, 1, (record) => flipByte(record, 0));
      const found = await findings(store, space, true);
      expect(new Set(found.map(({ fault }) => fault))).toEqual(new Set(["damaged-value"]));
      expect(found.find(({ ref }) => ref === "1.0")).toMatchObject({ thread: "t", n: 1, isRepaired: false });
      expect(found.length).toBe(10);
      await undo();
      expect(await findings(store, space)).toEqual([]);
    });

    test("finds parts that are gone", async () => {
      const { store, log, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", { values: { large: inline(noise(600_000, "a")) } });
      const { values } = decodeRow(key, await rowAt(log, key, 1));
      const storage = values[0]?.storage;
      if (storage?.case !== "parts") throw new Error("it is not stored in parts");
      await log.removeParts(key, storage.value.upload);
      expect(await findings(store, space, true)).toMatchObject([
        { fault: "damaged-value", ref: "1.0", isRepaired: false },
      ]);
      await store.deleteThread(key);
    });

    test("finds references to what is not there", async () => {
      const { store, log, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", { values: { x: "one", y: "two" } });
      const undo = await spoil(log, key, 1, ({ values }) => {
        values[1] = create(StoredValueSchema);
      });
      expect(await findings(store, space, true)).toMatchObject([{ fault: "missing-value", n: 1, ref: "1.1" }]);
      await undo();
    });

    test("removes what nothing needs, and nothing else", async () => {
      const { store, other, log, space } = context();
      const key = { space, thread: "t" };
      await document(store, key);
      const before = await store.listCheckpoints(space, { ...LIST, thread: "t" }, FULL);
      // It may be waited for still.
      await log.putParts(key, { upload: "lost", parts: [noise(10, "a"), noise(10, "b")] });
      expect(await findings(store, space)).toEqual([]);
      await spoil(log, key, 3, ({ values }) => {
        const [first] = values;
        if (first) values.push({ ...first });
      });
      await log.keepParts(key, "lost");
      const expected = [
        { fault: "orphaned-value", n: 3, ref: "3.2" },
        { fault: "orphaned-parts", ref: "lost" },
      ];
      expect(await findings(store, space)).toMatchObject(expected.map((one) => ({ ...one, isRepaired: false })));
      expect(await findings(store, space, true)).toMatchObject(expected.map((one) => ({ ...one, isRepaired: true })));
      expect(await findings(store, space)).toEqual([]);
      expect(await log.keptUploads(key)).toEqual([]);
      expect(decodeRow(key, await rowAt(log, key, 3)).values[2]?.storage.case).toBeUndefined();
      expect(await other.listCheckpoints(space, { ...LIST, thread: "t" }, FULL)).toEqual(before);
      await put(store, key, "after", { values: { x: "1" }, parentId: "c9" });
      expect(await findings(other, space)).toEqual([]);
    });

    test("marks parents that are not there; those put since are left alone", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "b", { parentId: "a" });
      await put(store, key, "c", { parentId: "a" });
      await put(store, key, "d", { parentId: "late" });
      await put(store, key, "late", { parentId: "c" });
      const expected = ["c", "b"].map((id) => ({ fault: "broken-parent", checkpoint: { namespace: "", id } }));
      expect(await findings(store, space)).toMatchObject(expected);
      expect((await findings(store, space, true)).every(({ isRepaired }) => isRepaired)).toBe(true);
      expect(await findings(store, space)).toEqual([]);
      const found = await store.getCheckpoint(key, "", { id: "b" }, FULL);
      expect(found?.checkpoint).toMatchObject({ parentId: "a", parentPruned: true });
    });

    test("finds records that look-ups miss, and writes their keys anew", async () => {
      const { store, log, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", { values: { x: "1" }, runId: "r" });
      await put(store, key, "b", { values: { x: "2" }, parentId: "a" });
      await spoil(log, key, 1, ({ checkpoint }) => {
        if (checkpoint) checkpoint.runId = "another";
      });
      expect(await findings(store, space)).toMatchObject([{ fault: "wrong-keys", n: 1, isRepaired: false }]);
      expect(await findings(store, space, true)).toMatchObject([{ fault: "wrong-keys", n: 1, isRepaired: true }]);
      expect(await findings(store, space)).toEqual([]);
      const row = await rowAt(log, key, 1);
      expect(row.keys.toSorted()).toEqual(columnsOf(decodeRow(key, row)).keys.toSorted());
      expect(await store.deleteRuns(space, ["another"], () => {})).toBe(1);
    });

    test("leaves a thread alone of which it can't read everything", async () => {
      const { store, log, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", { values: { x: "1" } });
      const kept = (await latest(store, key))?.checkpoint.channelValues.x;
      if (!kept) throw new Error("it has no value");
      await put(store, key, "b", { values: { x: kept }, parentId: "a" });
      await put(store, key, "c", { parentId: "b" });
      const undoFirst = await spoil(log, key, 1, ({ checkpoint }) => {
        if (checkpoint) checkpoint.channelValues = {};
      });
      const row = await rowAt(log, key, 2);
      const undo = await spoilBody(log, key, row, new Uint8Array([255]));
      const found = await findings(store, space, true);
      // What the second record needs is not known, so that nothing is taken for needless.
      expect(found).toMatchObject([{ fault: "unreadable-record", n: 2, isRepaired: false }]);
      await undo();
      expect(await findings(store, space)).toEqual([]);
      await undoFirst();
    });

    test("finds nothing while others put, prune, copy and delete", async () => {
      const { store, other, space } = context();
      const key = { space, thread: "t" };
      await document(store, key);
      let isOver = false;
      const changing = async () => {
        for (let round = 0; round < 6; round++) {
          for (let step = 0; step < 5; step++) {
            await put(other, key, `${round} ${step}`, { values: { text: inline(noise(2_000, `${round} ${step}`)) } });
          }
          const to = { space, thread: `copy ${round}` };
          await other.copyThread({ from: key, to, request: async () => undefined });
          await other.pruneThread(key, { keep: 3, guard: () => {} });
          if (round % 2 === 0) await other.deleteThread(to);
        }
        isOver = true;
      };
      const looking = async () => {
        const found: StoreFinding[] = [];
        while (!isOver) found.push(...(await findings(store, space, true)));
        return found;
      };
      const [, found] = await Promise.all([changing(), looking()]);
      expect(found).toEqual([]);
      expect(await findings(store, space)).toEqual([]);
    });

    test("a graph that can't be read", async () => {
      const { store, log, space } = context();
      const graph = { name: "g", hash: "h", revision: 1, layout: LAYOUT, body: new Uint8Array([255]) };
      await log.putGraph(space, graph);
      const found = (await findings(store, undefined)).filter((finding) => finding.space === space);
      expect(found).toMatchObject([{ fault: "unreadable-graph", graph: "g", n: 1 }]);
      expect(await reasonOf(store.getGraph(space, "g"))).toBe("DATA_CORRUPT");
      await log.deleteGraphs(space);
    });
  });
}

const LIST = { filters: [], order: "seq" as const, pageSize: 100, pageToken: "" };
