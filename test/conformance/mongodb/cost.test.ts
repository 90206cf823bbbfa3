// What the server does for a read grows with the page, not with the history.
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import type { Log } from "../../../src/store/log.ts";
import { checkpointEntry, entryOf, floorEntry, newThread, openTestLog, type TestLog } from "./support.ts";

const HISTORY = 600;
const key = newThread();
let test1: TestLog;
let client: MongoClient;

beforeAll(async () => {
  test1 = await openTestLog(inject("mongoUri"));
  client = await MongoClient.connect(inject("mongoUri"));
  for (let n = 1; n <= HISTORY; n++) {
    // Most namespaces are old: what reads one of them must not wade through the others.
    const namespace = n < 20 ? "old" : `sub:${n % 2}`;
    const keys = [`c:${n}`, `w:${n}`, n < 20 ? "early" : "late"];
    const entry =
      n === 10
        ? floorEntry(key, n)
        : n % 3 === 0
          ? entryOf(key, n, { keys })
          : checkpointEntry(key, n, { namespace, keys });
    await test1.log.append(entry);
  }
  for (let n = 1; n <= 100; n++)
    await test1.log.append(checkpointEntry(newThread(), n === 1 ? 1 : 1, { keys: ["late"] }));
}, 180_000);
afterAll(async () => {
  await client.close();
  await test1.end();
});

/** Index keys and documents that the server looked at for the reads on the log. */
async function examined(
  read: (log: Log) => Promise<unknown>,
): Promise<{ keys: number; documents: number; commands: number }> {
  const database = client.db(test1.database);
  await database.command({ profile: 0 });
  await database
    .collection("system.profile")
    .drop()
    .catch(() => {});
  await database.command({ profile: 2 });
  await read(test1.log);
  await database.command({ profile: 0 });
  const seen = await database
    .collection("system.profile")
    .find({ ns: `${test1.database}.log`, op: { $in: ["query", "command"] } })
    .toArray();
  const sum = (field: string) => seen.reduce((total, { [field]: value = 0 }) => total + Number(value), 0);
  return { keys: sum("keysExamined"), documents: sum("docsExamined"), commands: seen.length };
}

const page = { tags: [], limit: 5 };
const reads: [name: string, read: (log: Log) => Promise<unknown>][] = [
  ["last", (log) => log.last(key)],
  ["after", (log) => log.after(key, 300, 5)],
  ["checkpoints by seq", (log) => log.checkpoints(key, { ...page, namespace: "sub:1", order: "seq" })],
  ["checkpoints of an old namespace", (log) => log.checkpoints(key, { ...page, namespace: "old", order: "seq" })],
  [
    "checkpoints by seq, from the middle",
    (log) => log.checkpoints(key, { ...page, namespace: "sub:1", order: "seq", before: { seq: 300 } }),
  ],
  ["checkpoints of all namespaces", (log) => log.checkpoints(key, { ...page, order: "seq" })],
  [
    "checkpoints of all namespaces, from the middle",
    (log) => log.checkpoints(key, { ...page, order: "seq", before: { seq: 300 } }),
  ],
  ["checkpoints by id", (log) => log.checkpoints(key, { ...page, namespace: "old", order: "id" })],
  [
    "checkpoints by id, from the middle",
    (log) => log.checkpoints(key, { ...page, order: "id", before: { id: "c00000300" } }),
  ],
  ["by keys", (log) => log.byKeys(key, ["c:301", "w:301", "c:500"])],
  ["newest by key", (log) => log.byKeyNewest(key, "late", 400, 5)],
  [
    "gather",
    (log) =>
      log.gather(key, { positions: [20, 300, 600], parts: [{ upload: "none", count: 3 }], keys: ["w:301", "c:500"] }),
  ],
  ["find by key", (log) => log.findByKey(key.space, "c:301", undefined, 2)],
];

test.for(reads)("%s", async ([, read]) => {
  const { keys, documents, commands } = await examined(read);
  expect(commands).toBeGreaterThan(0);
  expect(commands).toBeLessThanOrEqual(2);
  expect(documents).toBeGreaterThan(0);
  expect(documents).toBeLessThanOrEqual(16);
  expect(keys).toBeLessThanOrEqual(32);
});
