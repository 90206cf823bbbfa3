import { MongoClient } from "mongodb";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type ReplicaSet, startReplicaSet } from "./mongo.ts";

let set: ReplicaSet;
let client: MongoClient;

beforeAll(async () => {
  set = await startReplicaSet({ members: 3, needsMembers: true });
  client = await MongoClient.connect(set.uri);
});

afterAll(async () => {
  await client?.close();
  await set?.stop();
});

test("acknowledged writes survive a step-down and the kill of the primary", async () => {
  const writeConcern = { w: "majority", journal: true } as const;
  const things = client.db("failover").collection<{ _id: string }>("things", { writeConcern });
  await things.insertOne({ _id: "at first" });

  const first = await set.primary();
  await set.stepDown();
  const second = await set.primary();
  expect(second.port).not.toBe(first.port);
  await things.insertOne({ _id: "after the step-down" });

  await second.kill("SIGKILL");
  expect(second.pid).toBeUndefined();
  await things.insertOne({ _id: "after the kill" });
  expect((await set.primary()).port).not.toBe(second.port);

  await second.restart();
  expect(second.pid).toBeGreaterThan(0);
  const found = await things.find({}, { readConcern: "majority" }).toArray();
  expect(found.map((thing) => thing._id)).toEqual(["at first", "after the step-down", "after the kill"]);
});

test("the run's own set has transactions and change streams", async () => {
  const shared = await MongoClient.connect(inject("mongoUri"));
  const database = shared.db("support-mongod-test");
  try {
    await database.createCollection("numbers");
    const numbers = database.collection<{ _id: number }>("numbers");
    const changes = numbers.watch();
    await changes.tryNext();
    await shared.withSession((session) =>
      session.withTransaction(async () => {
        await numbers.insertOne({ _id: 1 }, { session });
        await numbers.insertOne({ _id: 2 }, { session });
      }),
    );
    const seen = [await changes.next(), await changes.next()];
    expect(seen.map((change) => "documentKey" in change && change.documentKey._id)).toEqual([1, 2]);
    await changes.close();
  } finally {
    await database.dropDatabase();
    await shared.close();
  }
});
