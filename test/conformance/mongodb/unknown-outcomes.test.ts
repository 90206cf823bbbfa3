// Requests and answers that are lost on the way: what was acknowledged is there, once.

import type { Collection } from "mongodb";
import { MongoBulkWriteError, MongoNetworkError } from "mongodb";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { LogDocument } from "../../../src/store/mongodb/documents.ts";
import { toDocument } from "../../../src/store/mongodb/documents.ts";
import { insertAll } from "../../../src/store/mongodb/group-commit.ts";
import { openMongoLog } from "../../../src/store/mongodb/mongodb-log.ts";
import { systemEnvironment } from "../../../src/system/environment.ts";
import { type ReplicaSet, startReplicaSet } from "../../support/mongo.ts";
import { type LossyProxy, noLosses, startLossyProxy } from "./lossy-proxy.ts";
import { checkpointEntry, entryOf, newThread, openTestLog, rowOf, type TestLog } from "./support.ts";

let set: ReplicaSet;
let proxy: LossyProxy;
let test1: TestLog;

beforeAll(async () => {
  set = await startReplicaSet({ members: 1, needsMembers: true });
  const { port } = await set.primary();
  proxy = await startLossyProxy(port);
  test1 = await openTestLog(`mongodb://127.0.0.1:${proxy.port}/?directConnection=true`);
}, 180_000);
afterAll(async () => {
  proxy.decide = () => "pass";
  await test1?.end();
  proxy?.close();
  await set?.stop();
});
beforeEach(() => {
  proxy.decide = () => "pass";
  proxy.lost = noLosses();
});

test("inserts of 32 threads with every fourth or so lost", async () => {
  proxy.decide = (count) => (count % 7 === 3 ? "lose answer" : count % 7 === 5 ? "lose request" : "pass");
  const keys = Array.from({ length: 32 }, () => newThread());
  await Promise.all(
    keys.map(async (key) => {
      for (let n = 1; n <= 25; n++) expect(await test1.log.append(checkpointEntry(key, n))).toBe("appended");
    }),
  );
  expect(proxy.lost["lose answer"]).toBeGreaterThan(3);
  expect(proxy.lost["lose request"]).toBeGreaterThan(3);
  for (const key of keys) {
    const rows = await test1.log.after(key, 0, 999);
    expect(rows.map(({ n }) => n)).toEqual(Array.from({ length: 25 }, (_, index) => index + 1));
  }
}, 120_000);

test("a lost answer of a row whose position was taken is still 'taken'", async () => {
  for (const fate of ["lose answer", "lose request"] as const) {
    const key = newThread();
    const standing = entryOf(key, 1);
    expect(await test1.log.append(standing)).toBe("appended");
    let first = true;
    proxy.decide = () => {
      const now = first ? fate : "pass";
      first = false;
      return now;
    };
    expect(await test1.log.append(entryOf(key, 1))).toBe("taken");
    expect((await test1.log.last(key))?.attempt).toBe(standing.row.attempt);
  }
});

test("transactions that lose an answer or a request are carried out once", async () => {
  const key = newThread();
  expect(await test1.log.append(checkpointEntry(key, 1))).toBe("appended");
  proxy.decide = (count) => (count % 3 === 0 ? "lose answer" : count % 3 === 1 ? "lose request" : "pass");
  for (let n = 2; n <= 7; n++) {
    const rewrite = rowOf(1, { keys: [`by ${n}`] });
    expect(await test1.log.append(entryOf(key, n, { rewrites: [rewrite] }))).toBe("appended");
    expect((await test1.log.after(key, 0, 1))[0]?.keys).toEqual([`by ${n}`]);
  }
  expect(await test1.log.after(key, 0, 99)).toHaveLength(7);
}, 120_000);

test("a large insert that is stuck half-way when its connection is closed is sent again", async () => {
  const key = newThread();
  // The driver closes the connection after this; it does not tell the insert, which then waits for ever.
  const uri = `${test1.uri}&socketTimeoutMS=300`;
  const { clock } = systemEnvironment;
  const hasty = { ...clock, after: (ms: number, callback: () => void) => clock.after(Math.min(ms, 1_500), callback) };
  const log = await openMongoLog({ uri, database: test1.database }, { ...systemEnvironment, clock: hasty });
  try {
    proxy.decide = () => (proxy.lost.stall === 0 ? "stall" : "pass");
    await log.putParts(key, { upload: "upload", parts: [new Uint8Array(8 * 1024 * 1024)] });
    expect(proxy.lost.stall).toBe(1);
    const { parts } = await log.gather(key, { positions: [], parts: [{ upload: "upload", count: 1 }], keys: [] });
    expect(parts.get("upload")?.length).toBe(8 * 1024 * 1024);
  } finally {
    await log.close();
  }
});

test("parts whose answer is lost are written again without harm", async () => {
  const key = newThread();
  let first = true;
  proxy.decide = () => {
    const now = first ? "lose answer" : "pass";
    first = false;
    return now;
  };
  const bytes = new Uint8Array(100_000).fill(7);
  await test1.log.putParts(key, { upload: "upload", parts: [bytes, bytes] });
  const { parts } = await test1.log.gather(key, { positions: [], parts: [{ upload: "upload", count: 2 }], keys: [] });
  expect(parts.get("upload")?.length).toBe(200_000);
});

test("only a complete answer is believed (storage rule 3)", async () => {
  const documents = [1, 2, 3].map(() => toDocument(newThread(), rowOf(1)));
  const failing = (failure: unknown) =>
    ({ insertMany: () => Promise.reject(failure) }) as unknown as Collection<LogDocument>;
  const result = (insertedCount: number, writeConcernError?: object) =>
    ({ insertedCount, getWriteConcernError: () => writeConcernError }) as unknown as MongoBulkWriteError["result"];
  const bulk = (writeErrors: { index: number; code: number }[], answer: MongoBulkWriteError["result"]) =>
    new MongoBulkWriteError({ message: "failed", code: 0, writeErrors: writeErrors as never }, answer);
  const kinds = async (failure: unknown) =>
    (await insertAll(failing(failure), documents)).map((sent) =>
      typeof sent === "string" ? sent : Object.keys(sent)[0],
    );

  const unknown = ["unknown", "unknown", "unknown"];
  expect(await kinds(new MongoNetworkError("reset"))).toEqual(unknown);
  expect(await kinds(new MongoBulkWriteError(new MongoNetworkError("reset") as never, result(0)))).toEqual(unknown);
  expect(await kinds(bulk([], result(3)))).toEqual(unknown);
  expect(await kinds(bulk([], result(3, { code: 64 })))).toEqual(unknown);
  expect(await kinds(bulk([{ index: 1, code: 11000 }], result(2, { code: 64 })))).toEqual(unknown);
  expect(await kinds(bulk([{ index: 1, code: 11000 }], result(1)))).toEqual(unknown);
  expect(await kinds(bulk([{ index: 1, code: 11000 }], result(2)))).toEqual(["inserted", "duplicate", "inserted"]);
  expect(await kinds(bulk([{ index: 1, code: 121 }], result(2)))).toEqual(["unknown", "refused", "unknown"]);
  expect(await kinds(bulk([{ index: 1, code: 11602 }], result(2)))).toEqual(unknown);
});
