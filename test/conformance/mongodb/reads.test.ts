// What reads show, and what they cost.
import { afterAll, beforeAll, beforeEach, expect, inject, test } from "vitest";
import type { Row, ThreadKey } from "../../../src/store/log.ts";
import {
  appendAll,
  checkpointEntry,
  entryOf,
  floorEntry,
  newThread,
  onLog,
  openTestLog,
  rowOf,
  type TestLog,
} from "./support.ts";

let test1: TestLog;
let key: ThreadKey;

beforeAll(async () => {
  test1 = await openTestLog(inject("mongoUri"));
}, 180_000);
afterAll(() => test1.end());
beforeEach(() => {
  key = newThread();
});

const positions = (rows: Row[]) => rows.map(({ n }) => n);

test("rows come back as they were, in order", async () => {
  const { log } = test1;
  const full = checkpointEntry(key, 1, {
    namespace: "sub:é|\u{1f600}",
    tags: ['"a"=1', "$b"],
    keys: ["F", "w:\0x"],
    body: new Uint8Array([0, 255, 7]),
    expiresAtMs: Date.now() + 3_600_000,
  });
  await appendAll(log, [full, entryOf(key, 2), floorEntry(newThread(), 1)]);
  expect(await log.after(key, 0, 10)).toEqual([full.row, (await log.last(key)) as Row]);
  expect(positions(await log.after(key, 1, 10))).toEqual([2]);
  expect(await log.last(newThread())).toBeUndefined();
});

test("checkpoints are ordered by seq or by the bytes of their ids", async () => {
  const { log } = test1;
  const ids = ["b", "\u{ffff}", "a", "\u{1f600}", "aa", "B"];
  await appendAll(
    log,
    ids.map((id, index) => checkpointEntry(key, index + 1, { id, namespace: index % 2 ? "x" : "" })),
  );
  // A checkpoint that took the place of position 2.
  await appendAll(log, [checkpointEntry(key, 7, { id: "\u{ffff}", namespace: "x", seq: 2, rewrites: [rowOf(2)] })]);
  const bySeq = { order: "seq" as const, tags: [], limit: 10 };
  expect(positions(await log.checkpoints(key, bySeq))).toEqual([6, 5, 4, 3, 7, 1]);
  expect(positions(await log.checkpoints(key, { ...bySeq, namespace: "x" }))).toEqual([6, 4, 7]);
  expect(positions(await log.checkpoints(key, { ...bySeq, before: { seq: 3 } }))).toEqual([7, 1]);
  const byId = { order: "id" as const, tags: [], limit: 10 };
  const inOrder = [...ids].sort((one, other) => Buffer.compare(Buffer.from(other), Buffer.from(one)));
  expect((await log.checkpoints(key, byId)).map(({ checkpoint }) => checkpoint?.id)).toEqual(inOrder);
  expect(
    (await log.checkpoints(key, { ...byId, before: { id: "b" }, limit: 2 })).map((row) => row.checkpoint?.id),
  ).toEqual(["aa", "a"]);
  expect(positions(await log.checkpoints(key, { ...byId, namespace: "x" }))).toEqual([4, 7, 6]);
});

test("the same id in several namespaces: the one put last comes first", async () => {
  const { log } = test1;
  await appendAll(
    log,
    ["b", "a", "c"].map((namespace, index) => checkpointEntry(key, index + 1, { id: "same", namespace })),
  );
  expect(positions(await log.checkpoints(key, { order: "id", tags: [], limit: 9 }))).toEqual([3, 2, 1]);
});

test("a filter is a set of tags that must all be there", async () => {
  const { log } = test1;
  await appendAll(
    log,
    [1, 2, 3, 4, 5, 6].map((n) =>
      checkpointEntry(key, n, { tags: n % 2 ? ["odd"] : n % 3 ? ["even"] : ["even", "three"] }),
    ),
  );
  for (const order of ["seq", "id"] as const) {
    expect(positions(await log.checkpoints(key, { order, namespace: "", tags: ["even"], limit: 2 }))).toEqual([6, 4]);
    expect(positions(await log.checkpoints(key, { order, tags: ["three", "even"], limit: 9 }))).toEqual([6]);
  }
});

test("what is below a floor is seen by no read, removed or not", async () => {
  const { log } = test1;
  const keys = ["k"];
  for (const n of [1, 2, 3]) await appendAll(log, [checkpointEntry(key, n, { keys, tags: ["t"] })]);
  await appendAll(log, [
    floorEntry(key, 4, { keys }),
    checkpointEntry(key, 5, { id: "a", keys, tags: ["t"] }),
    floorEntry(key, 6),
  ]);
  await appendAll(log, [
    checkpointEntry(key, 7, { id: "b", keys, tags: ["t"] }),
    checkpointEntry(key, 8, { id: "a", namespace: "x", keys }),
  ]);
  const verify = async () => {
    for (const order of ["seq", "id"] as const) {
      expect(positions(await log.checkpoints(key, { order, namespace: "", tags: [], limit: 1 }))).toEqual([7]);
      expect(positions(await log.checkpoints(key, { order, tags: [], limit: 9 })).sort()).toEqual([7, 8]);
      expect(positions(await log.checkpoints(key, { order, tags: ["t"], limit: 9 }))).toEqual([7]);
      const before = order === "seq" ? { seq: 6 } : { id: "b" };
      const below = order === "seq" ? [] : [8];
      expect(positions(await log.checkpoints(key, { order, before, tags: [], limit: 9 }))).toEqual(below);
    }
    expect(positions(await log.byKeys(key, keys))).toEqual([7, 8]);
    expect(positions(await log.byKeyNewest(key, "k", Number.POSITIVE_INFINITY, 9))).toEqual([8, 7]);
    expect(positions(await log.byKeyNewest(key, "k", 8, 9))).toEqual([7]);
    expect(positions(await log.byKeyNewest(key, "k", 6, 9))).toEqual([]);
    expect(positions(await log.after(key, 0, 2))).toEqual([6, 7]);
    expect(positions(await log.after(key, 0, 9))).toEqual([6, 7, 8]);
    const gathered = await log.gather(key, { positions: [1, 5, 7], parts: [], keys });
    expect([positions(gathered.rows), positions(gathered.keyed)]).toEqual([[7], [7, 8]]);
    expect((await log.findByKey(key.space, "k", undefined, 9)).map(({ row }) => row.n)).toEqual([7, 8]);
  };
  await verify();
  await log.truncate(key, 6);
  await log.truncate(key, 6);
  await verify();
  expect((await log.last(key))?.n).toBe(8);
});

test("by id: more floors than a page has room for", async () => {
  const { log } = test1;
  for (let n = 1; n < 30; n += 2) await appendAll(log, [checkpointEntry(key, n, { id: "z" }), floorEntry(key, n + 1)]);
  await appendAll(log, [checkpointEntry(key, 31, { id: "a" })]);
  expect(positions(await log.checkpoints(key, { order: "id", tags: [], limit: 1 }))).toEqual([31]);
  expect(positions(await log.checkpoints(key, { order: "id", namespace: "", tags: [], limit: 50 }))).toEqual([31]);
});

test("rows whose time is over are left out of the log", async () => {
  const { log } = test1;
  await appendAll(log, [entryOf(key, 1), entryOf(key, 2, { expiresAtMs: Date.now() - 1 }), entryOf(key, 3)]);
  expect(positions(await log.after(key, 0, 9))).toEqual([1, 3]);
  expect(positions(await log.after(key, 0, 2))).toEqual([1, 3]);
});

test("gather brings rows, parts and keyed rows in one command, however many", async () => {
  const { log } = test1;
  for (let n = 1; n <= 150; n++) await appendAll(log, [entryOf(key, n, { keys: [`k${n % 3}`] })]);
  await log.putParts(key, { upload: "whole", parts: [new Uint8Array([1, 2]), new Uint8Array([3])] });
  await log.putParts(key, { upload: "other", parts: [new Uint8Array([9])] });
  test1.forget();
  const wanted = {
    positions: [150, 3, 3, 999],
    parts: [
      { upload: "whole", count: 2 },
      { upload: "missing", count: 1 },
    ],
    keys: ["k0", "k1", "k2"],
  };
  const found = await log.gather(key, wanted);
  expect(onLog(test1.commands).length).toBe(1);
  expect(positions(found.rows).sort()).toEqual([150, 3]);
  expect([...found.parts]).toEqual([["whole", new Uint8Array([1, 2, 3])]]);
  expect(positions(found.keyed)).toEqual(Array.from({ length: 150 }, (_, index) => index + 1));
});

test("truncating removes rows and parts below the floor, and keeps parts of what follows it", async () => {
  const { log } = test1;
  await log.putParts(key, { upload: "before", parts: [new Uint8Array([1])] });
  await appendAll(log, [entryOf(key, 1), entryOf(key, 2)]);
  await log.putParts(key, { upload: "between", parts: [new Uint8Array([2])] });
  await appendAll(log, [floorEntry(key, 3)]);
  await log.putParts(key, { upload: "after", parts: [new Uint8Array([3])] });
  await log.truncate(key, 3);
  const { parts } = await log.gather(key, {
    positions: [],
    parts: ["before", "between", "after"].map((upload) => ({ upload, count: 1 })),
    keys: [],
  });
  expect([...parts.keys()]).toEqual(["after"]);
  expect((await log.last(key))?.expiresAtMs).toBeGreaterThan(Date.now());
});
