// The commit: one writer a position, however many try, and grouped over threads.
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, inject, test } from "vitest";
import type { Log, ThreadKey } from "../../../src/store/log.ts";
import { appendAll, checkpointEntry, entryOf, newThread, onLog, openTestLog, rowOf, type TestLog } from "./support.ts";

let test1: TestLog;
let other: Log;
let key: ThreadKey;

beforeAll(async () => {
  test1 = await openTestLog(inject("mongoUri"));
  other = await test1.another();
}, 180_000);
afterAll(() => test1.end());
beforeEach(() => {
  key = newThread();
});

test("100 races of two servers have one winner each", async () => {
  const wins = [0, 0];
  for (let n = 1; n <= 100; n++) {
    const entries = [checkpointEntry(key, n, { id: `a${n}` }), checkpointEntry(key, n, { id: `b${n}` })] as const;
    const outcomes = await Promise.all([test1.log.append(entries[0]), other.append(entries[1])]);
    expect([...outcomes].sort()).toEqual(["appended", "taken"]);
    const winner = outcomes.indexOf("appended");
    wins[winner] = (wins[winner] ?? 0) + 1;
    expect((await other.last(key))?.attempt).toBe(entries[winner]?.row.attempt);
  }
  expect(await test1.log.after(key, 0, 200)).toHaveLength(100);
});

test("races between an insert and a transaction have one winner each, and the loser rewrites nothing", async () => {
  await appendAll(test1.log, [checkpointEntry(key, 1)]);
  for (let n = 2; n <= 41; n++) {
    const before = await other.last(key);
    const rewrite = rowOf(1, { attempt: `rewritten for ${n}` });
    const plain = checkpointEntry(key, n);
    const outcomes = await Promise.all([
      test1.log.append(plain),
      other.append(entryOf(key, n, { rewrites: [rewrite] })),
    ]);
    expect([...outcomes].sort()).toEqual(["appended", "taken"]);
    const [first] = await other.after(key, 0, 1);
    if (outcomes[0] === "appended") expect(first?.attempt).not.toBe(rewrite.attempt);
    else expect(first?.attempt).toBe(rewrite.attempt);
    expect(before?.n).toBe(n - 1);
  }
});

test("50 take-overs: the holder that keeps writing is refused from the take-over on", async () => {
  let refused = 0;
  for (let round = 0; round < 50; round++) {
    const thread = newThread();
    await appendAll(test1.log, [entryOf(thread, 1)]);
    let takenOver = 0;
    const holder = (async () => {
      for (let n = 2; ; n++) {
        if ((await test1.log.append(entryOf(thread, n))) === "taken") return n;
        // A holder that never pauses is always first.
        await sleep(n % 4);
      }
    })();
    const successor = (async () => {
      for (;;) {
        const n = ((await other.last(thread))?.n ?? 0) + 1;
        const entry = entryOf(thread, n);
        if ((await other.append(entry)) === "appended") {
          takenOver = n;
          return entry;
        }
      }
    })();
    const [lostAt, lease] = await Promise.all([holder, successor]);
    expect(lostAt).toBe(takenOver);
    const rows = await other.after(thread, 0, 10_000);
    expect(rows.at(-1)?.attempt).toBe(lease.row.attempt);
    expect(rows.map(({ n }) => n)).toEqual(rows.map((_, index) => index + 1));
    refused += 1;
  }
  expect(refused).toBe(50);
}, 120_000);

test("64 threads' appends of one turn are one command", async () => {
  const keys = Array.from({ length: 64 }, () => newThread());
  test1.forget();
  const outcomes = await Promise.all(keys.map((thread) => test1.log.append(checkpointEntry(thread, 1))));
  expect(new Set(outcomes)).toEqual(new Set(["appended"]));
  const inserts = onLog(test1.commands).filter(({ commandName }) => commandName === "insert");
  expect(inserts.map(({ command }) => command.documents.length)).toEqual([64]);
});

test("64 writers at once: few commands, each with one row of a thread at most", async () => {
  const keys = Array.from({ length: 64 }, () => newThread());
  test1.forget();
  await Promise.all(
    keys.map(async (thread) => {
      for (let n = 1; n <= 20; n++) expect(await test1.log.append(checkpointEntry(thread, n))).toBe("appended");
    }),
  );
  const inserts = onLog(test1.commands).filter(({ commandName }) => commandName === "insert");
  for (const { command } of inserts) {
    const threads = command.documents.map(({ t }: { t: string }) => t);
    expect(new Set(threads).size).toBe(threads.length);
  }
  expect(inserts.length).toBeLessThan((64 * 20) / 4);
  for (const thread of keys) expect(await test1.log.after(thread, 0, 99)).toHaveLength(20);
});

test("one thread has one append in flight", async () => {
  const first = test1.log.append(entryOf(key, 1));
  await expect(test1.log.append(entryOf(key, 2))).rejects.toThrow("one append in flight");
  expect(await first).toBe("appended");
  expect((await test1.log.last(key))?.n).toBe(1);
});

test("one that is taken takes no other of its batch with it", async () => {
  const keys = Array.from({ length: 10 }, () => newThread());
  await appendAll(
    test1.log,
    keys.filter((_, index) => index % 3 === 0).map((thread) => entryOf(thread, 1)),
  );
  const outcomes = await Promise.all(keys.map((thread) => test1.log.append(entryOf(thread, 1))));
  expect(outcomes).toEqual(keys.map((_, index) => (index % 3 === 0 ? "taken" : "appended")));
});

test("large rows go out in several commands", async () => {
  const keys = Array.from({ length: 5 }, () => newThread());
  const body = new Uint8Array(11 * 1024 * 1024);
  test1.forget();
  const outcomes = await Promise.all(
    keys.map((thread) => test1.log.append({ ...entryOf(thread, 1), row: rowOf(1, { body }) })),
  );
  expect(outcomes).toEqual(keys.map(() => "appended"));
  expect(onLog(test1.commands).filter(({ commandName }) => commandName === "insert")).toHaveLength(5);
  expect((await test1.log.last(keys[0] as ThreadKey))?.body.length).toBe(body.length);
});

test("rewrites come with the row: keys, tags and checkpoint are those of the new version", async () => {
  await appendAll(test1.log, [checkpointEntry(key, 1, { tags: ["t"] }), checkpointEntry(key, 2, { id: "two" })]);
  const stub = rowOf(1, { expiresAtMs: Date.now() + 60_000 });
  const moved = checkpointEntry(key, 2, { id: "moved", namespace: "x" }).row;
  await appendAll(test1.log, [entryOf(key, 3, { rewrites: [stub, moved] })]);
  const rows = await test1.log.after(key, 0, 9);
  expect(rows.slice(0, 2)).toEqual([stub, moved]);
  expect(await test1.log.byKeys(key, ["c:two", "c:c00000001"])).toEqual([]);
  expect(await test1.log.checkpoints(key, { order: "seq", tags: [], limit: 9 })).toEqual([moved]);
});
