// Summaries trail the log and are repaired from it.
import { MongoClient } from "mongodb";
import { afterAll, beforeAll, beforeEach, expect, inject, test } from "vitest";
import type { ThreadKey } from "../../../src/store/log.ts";
import { LAYOUT } from "../../../src/store/record-codec.ts";
import { tagsOfMetadata } from "../../../src/store/tags.ts";
import { appendAll, checkpointEntry, entryOf, floorEntry, newThread, openTestLog, type TestLog } from "./support.ts";

let test1: TestLog;
let client: MongoClient;
let space = "";
let count = 0;

beforeAll(async () => {
  test1 = await openTestLog(inject("mongoUri"));
  client = await MongoClient.connect(inject("mongoUri"));
}, 180_000);
afterAll(async () => {
  await client.close();
  await test1.end();
});
beforeEach(() => {
  space = `space ${++count}`;
});

const tagsOf = (json: string) => tagsOfMetadata(new TextEncoder().encode(json));
const collection = (name: string) => client.db(test1.database).collection(name);
const listed = async (limit = 50) => test1.log.threads(space, { tags: [], limit });
const positionsOf = async () => new Map((await listed()).map(({ thread, summary }) => [thread, summary.n]));
const metadataOf = async ({ thread }: ThreadKey) => {
  const found = (await listed()).find((one) => one.thread === thread);
  return found?.summary.metadata && Buffer.from(found.summary.metadata.json).toString();
};

test("the newest row's summary is listed; metadata stay until they are replaced", async () => {
  const key = newThread(space);
  await appendAll(test1.log, [entryOf(key, 1, { metadata: '{"a":1}' }), entryOf(key, 2), entryOf(key, 3)]);
  expect(await positionsOf()).toEqual(new Map([[key.thread, 3]]));
  expect(await metadataOf(key)).toBe('{"a":1}');
  expect((await test1.log.threads(space, { tags: tagsOf('{"a":1}'), limit: 5 })).length).toBe(1);
  expect((await test1.log.threads(space, { tags: tagsOf('{"a":2}'), limit: 5 })).length).toBe(0);
});

test("an older summary of another server replaces neither the newer one nor newer metadata", async () => {
  const key = newThread(space);
  const other = await test1.another();
  await appendAll(test1.log, [entryOf(key, 1), entryOf(key, 2)]);
  await listed();
  // The other server's row came before; its summary comes after.
  await appendAll(other, [{ ...entryOf(key, 3), summary: { ...entryOf(key, 1, { metadata: '{"old":1}' }).summary } }]);
  await other.threads(space, { tags: [], limit: 1 });
  expect(await positionsOf()).toEqual(new Map([[key.thread, 2]]));
  expect(await metadataOf(key)).toBe("{}");
  // Metadata of an older row than the summary are not lost.
  await appendAll(test1.log, [{ ...entryOf(key, 4), summary: entryOf(key, 6).summary }]);
  await listed();
  await appendAll(other, [{ ...entryOf(key, 5), summary: entryOf(key, 5, { metadata: '{"late":1}' }).summary }]);
  await other.threads(space, { tags: [], limit: 1 });
  expect(await positionsOf()).toEqual(new Map([[key.thread, 6]]));
  expect(await metadataOf(key)).toBe('{"late":1}');
});

test("of two servers that write a new thread's first summary at once, the newer one stays", async () => {
  const other = await test1.another();
  const keys = Array.from({ length: 300 }, () => newThread(space));
  // Each server notes its summaries in one turn, and the two write them beside each other.
  await Promise.all([
    appendAll(
      test1.log,
      keys.map((key) => entryOf(key, 1)),
    ),
    appendAll(
      other,
      keys.map((key) => entryOf(key, 2, { metadata: '{"newer":1}' })),
    ),
  ]);
  await other.threads(space, { tags: [], limit: 1 });
  const found = await listed(keys.length);
  expect(found.map(({ summary }) => summary.n)).toEqual(keys.map(() => 2));
  expect(await test1.log.threads(space, { tags: tagsOf('{"newer":1}'), limit: 500 })).toHaveLength(keys.length);
});

test("a thread that commits often costs few writes", async () => {
  const key = newThread(space);
  await listed();
  test1.forget();
  for (let n = 1; n <= 100; n++) await test1.log.append(entryOf(key, n));
  expect(await positionsOf()).toEqual(new Map([[key.thread, 100]]));
  const updates = test1.commands.filter(({ commandName }) => commandName === "update");
  expect(updates.length).toBeLessThan(50);
});

test("lists are by creation, newest first, and turn their pages without loss", async () => {
  const keys = Array.from({ length: 12 }, () => newThread(space));
  await appendAll(
    test1.log,
    keys.map((key, index) => entryOf(key, 1, { createdAtMs: 1_000 + (index % 4) })),
  );
  const all = (await listed()).map(({ thread, summary }) => ({ thread, createdAtMs: summary.createdAtMs }));
  const sorted = [...all].sort(
    (one, other) =>
      other.createdAtMs - one.createdAtMs || Buffer.compare(Buffer.from(one.thread), Buffer.from(other.thread)),
  );
  expect(all).toEqual(sorted);
  const paged: string[] = [];
  for (let after: { createdAtMs: number; thread: string } | undefined; ; ) {
    const page = await test1.log.threads(space, { tags: [], after, limit: 5 });
    paged.push(...page.map(({ thread }) => thread));
    const last = page.at(-1);
    if (!last) break;
    after = { thread: last.thread, createdAtMs: last.summary.createdAtMs };
  }
  expect(paged).toEqual(all.map(({ thread }) => thread));
});

test("thread ids come from the log; spaces of threads that live and of graphs", async () => {
  const { log } = test1;
  const keys = Array.from({ length: 5 }, () => newThread(space));
  await appendAll(
    log,
    keys.map((key) => entryOf(key, 1)),
  );
  await log.putParts(newThread(space), { upload: "parts of a thread that never came", parts: [new Uint8Array(1)] });
  await log.putParts(keys[1] as ThreadKey, { upload: "parts", parts: [new Uint8Array(1)] });
  await listed();
  await collection("threads").deleteMany({ s: space });
  const ids = keys.map(({ thread }) => thread).sort();
  expect(await log.threadIds(space, "", 99)).toEqual(ids);
  expect(await log.threadIds(space, ids[1] as string, 2)).toEqual(ids.slice(2, 4));
  const own = async () => (await log.spaces("", 999)).filter((one) => one === space || one === `${space} of graphs`);
  expect(await own()).toEqual([]);
  await log.putGraph(`${space} of graphs`, {
    name: "g",
    hash: "h",
    revision: 1,
    layout: LAYOUT,
    body: new Uint8Array(1),
  });
  await log.sweep();
  expect(await own()).toEqual([space, `${space} of graphs`]);
  expect(await log.spaces(space, 1)).toEqual([`${space} of graphs`]);
  await log.deleteGraphs(`${space} of graphs`);
  expect(await own()).toEqual([space]);
});

test("a sweep repairs summaries that are missing or trail, with their metadata", async () => {
  const [lost, trailing, fine, gone] = [newThread(space), newThread(space), newThread(space), newThread(space)];
  for (const key of [lost, trailing, fine, gone]) {
    await appendAll(test1.log, [entryOf(key, 1, { metadata: '{"kept":true}' }), entryOf(key, 2, { metadataAt: 1 })]);
  }
  await appendAll(test1.log, [floorEntry(gone, 3)]);
  const before = await listed();
  await collection("threads").deleteMany({ s: space, t: { $in: [lost.thread, gone.thread] } });
  await collection("threads").updateOne({ s: space, t: trailing.thread }, { $set: { n: 1, status: 9 } });
  await test1.log.sweep();
  expect(await listed()).toEqual(before);
  expect(await metadataOf(lost)).toBe('{"kept":true}');
  expect(await collection("threads").findOne({ s: space, t: gone.thread })).toMatchObject({ deleted: true, n: 3 });
});

test("a sweep finishes a truncation that was left half done", async () => {
  const key = newThread(space);
  await test1.log.putParts(key, { upload: "upload", parts: [new Uint8Array(1)] });
  for (let n = 1; n <= 600; n++) await test1.log.append(checkpointEntry(key, n));
  await appendAll(test1.log, [floorEntry(key, 601)]);
  const other = await test1.another();
  await other.sweep();
  expect(await collection("log").countDocuments({ s: space, t: key.thread })).toBe(1);
  const last = await test1.log.last(key);
  expect(last).toMatchObject({ n: 601, floor: true });
  expect(last?.expiresAtMs).toBeGreaterThan(Date.now());
  expect(await listed()).toEqual([]);
}, 120_000);

test("a thread begins anew where an expired one was", async () => {
  const key = newThread(space);
  await appendAll(test1.log, [entryOf(key, 1, { metadata: '{"old":1}' }), floorEntry(key, 2)]);
  await test1.log.truncate(key, 2);
  // What the server does when the time is over, with the summary not yet removed.
  await collection("log").deleteMany({ s: space, t: key.thread });
  await collection("threads").updateOne({ s: space, t: key.thread }, { $set: { exp: new Date(1) } });
  await appendAll(test1.log, [entryOf(key, 1)]);
  expect(await positionsOf()).toEqual(new Map([[key.thread, 1]]));
  expect(await metadataOf(key)).toBe("{}");
});

test("graphs: a revision is put once, the latest is found", async () => {
  const { log } = test1;
  const graph = (name: string, revision: number) => ({
    name,
    revision,
    hash: `${name}${revision}`,
    layout: LAYOUT,
    body: new Uint8Array([revision]),
  });
  for (const one of [graph("b", 1), graph("b", 2), graph("a", 1), graph("c", 1)])
    expect(await log.putGraph(space, one)).toBe("put");
  expect(await log.putGraph(space, { ...graph("b", 2), body: new Uint8Array(9) })).toBe("taken");
  expect(await log.getGraph(space, "b")).toEqual(graph("b", 2));
  expect(await log.getGraph(space, "b", "b1")).toEqual(graph("b", 1));
  expect(await log.getGraph(space, "z")).toBeUndefined();
  expect(await log.listGraphs(space, "", 2)).toEqual([graph("a", 1), graph("b", 2)]);
  expect(await log.listGraphs(space, "b", 2)).toEqual([graph("c", 1)]);
});
