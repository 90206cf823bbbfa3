// Durable steps of the same graph on Cairn and on LangGraph, against one bare insert into MongoDB.
import { randomBytes } from "node:crypto";
import { MongoClient } from "mongodb";
import { startReplicaSet } from "../support/mongo.ts";
import type { Goal } from "./goals.ts";
import { inProcess } from "./in-process.ts";
import { langGraph } from "./langgraph.ts";
import { type Contestant, print, ratio, takeTurns } from "./rounds.ts";
import { serveCairn } from "./served.ts";
import { installPeers } from "./set-up.ts";
import { registerGraphs, runs, singleSteps } from "./steps.ts";

export async function measureSteps({ rounds, seconds }: { rounds: number; seconds: number }): Promise<Goal[]> {
  const python = installPeers();
  const set = await startReplicaSet({ electionTimeoutMillis: 20_000 });
  const writeConcern = { w: "majority", journal: true } as const;
  const client = await MongoClient.connect(set.uri, { writeConcern, retryWrites: false });
  const collection = client.db("bench_bare").collection("inserts");
  const body = randomBytes(2048);

  const embedded = await serveCairn();
  const mongodb = await serveCairn(set.uri);
  for (const server of [embedded, mongodb]) await registerGraphs(server.client);

  const insert = inProcess({
    name: "bare insert of 2 KB, majority, journaled",
    caller: () => () => collection.insertOne({ body }),
  });
  const onMongo = await runs("Cairn, MongoDB", mongodb, "line");
  const inPairs = await runs("  two tasks a step, the first saved by itself", mongodb, "pair");
  const single = singleSteps("  a step by RunStep, which takes the lease", mongodb);
  const onEmbedded = await runs("Cairn, embedded", embedded, "line");
  const inMemory = await langGraph(python, "memory");
  const inSqlite = await langGraph(python, "sqlite");
  const inMongo = await langGraph(python, "mongodb", set.uri);

  const all = [insert, onMongo, inPairs, single, onEmbedded, inMemory, inSqlite, inMongo];
  const alone = await takeTurns(all, { callers: 1, rounds, seconds });
  const many = await takeTurns(all, { callers: 64, rounds, seconds });
  print("Steps", 1, alone);
  print("Steps", 64, many);

  for (const peer of [inMemory, inSqlite, inMongo]) await peer.stop();
  for (const server of [embedded, mongodb]) await server.stop();
  await client.close();
  await set.stop();
  const step = "a step on MongoDB to the bare insert, mean time, 1 caller";
  // Means, as the median of a run's 32 steps together is nearer to their mean than to the median of one.
  const times = (contestant: Contestant) => ratio(alone, insert, contestant, "perSecond");
  return [
    { what: `${step}, one commit`, most: 1.5, ratio: times(onMongo) },
    { what: `${step}, two commits`, most: 2.5, ratio: times(inPairs) },
    { what: `${step}, RunStep`, most: 2.5, ratio: times(single) },
    {
      what: "a step on the embedded store to LangGraph's with SqliteSaver, median, 1 caller",
      most: 1,
      ratio: ratio(alone, onEmbedded, inSqlite, "p50"),
    },
    {
      what: "steps a second on MongoDB to LangGraph's with MongoDBSaver, 64 callers",
      least: 6,
      ratio: ratio(many, onMongo, inMongo, "perSecond"),
    },
  ];
}
