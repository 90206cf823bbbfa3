// What it takes to save a thread that grows by a message a step: on MongoDB beside MongoDBSaver, embedded beside SqliteSaver.
import { statSync } from "node:fs";
import { join } from "node:path";
import { startReplicaSet } from "../support/mongo.ts";
import type { Goal } from "./goals.ts";
import { median } from "./rounds.ts";
import { serveCairn } from "./served.ts";
import { installPeers } from "./set-up.ts";
import {
  atMost,
  inTurns,
  onMongoDB,
  print,
  type Rounds,
  ratio,
  type StorageFigures,
  saveWith,
} from "./storage-figures.ts";
import { saveThread, saveWithCairn } from "./storage-work.ts";

const [SHORT, LONG] = [400, 4_000];

export async function measureStorage({ rounds }: { rounds: number }): Promise<Goal[]> {
  const python = installPeers();
  const set = await startReplicaSet();
  const { uri } = set;
  try {
    const peer = (kind: string) => () => saveWith(python, kind, SHORT, uri);
    const onMongo = await inTurns(rounds, () => withCairn(uri, SHORT), peer("mongodb"));
    const long = await withCairn(uri, LONG);
    print(`On MongoDB, ${SHORT} steps`, { Cairn: onMongo.cairn, MongoDBSaver: onMongo.peer });
    print(`On MongoDB, ${LONG} steps`, { Cairn: [long] });
    const embedded = await inTurns(rounds, () => onEmbedded(SHORT), peer("sqlite"));
    print(`Embedded, ${SHORT} steps`, { Cairn: embedded.cairn, SqliteSaver: embedded.peer });
    return [...mongoGoals(onMongo, long), atMost("stored bytes a step to SqliteSaver's", 1 / 40, embedded, "bytes")];
  } finally {
    await set.stop();
  }
}

function mongoGoals(short: Rounds, long: StorageFigures): Goal[] {
  const own = (of: keyof StorageFigures) => median(short.cairn.map((figures) => figures[of] ?? 0));
  return [
    atMost("stored bytes a step to MongoDBSaver's, 400 steps", 1 / 60, short, "bytes"),
    { what: "stored bytes a step at 4,000 steps to those at 400", most: 1.5, ratio: long.bytes / own("bytes") },
    { what: "bytes sent a step to 3 KB", most: 1, ratio: Math.max(own("sent"), long.sent ?? 0) / 3_000 },
    { what: "put at the end to put at the start, 4,000 steps", most: 1.25, ratio: long.putLast / long.putFirst },
    atMost("put at the end to MongoDBSaver's", 0.6, short, "putLast"),
    atMost("reading the latest to MongoDBSaver's", 1, short, "getLatest"),
    atMost("reading the newest 10 to MongoDBSaver's", 0.5, short, "page"),
    { what: "steps a second of 8 callers to MongoDBSaver's", least: 4, ratio: ratio(short, "perSecond") },
  ];
}

function withCairn(uri: string, steps: number): Promise<StorageFigures> {
  return onMongoDB(uri, async ({ client }, { database }) => {
    const stored = async () => Number((await database.command({ dbStats: 1 })).dataSize);
    return await saveWithCairn(client, steps, stored);
  });
}

async function onEmbedded(steps: number): Promise<StorageFigures> {
  const served = await serveCairn();
  try {
    const figures = await saveWithCairn(served.client, steps, async () => 0);
    return { ...figures, bytes: ((await sizeAfter(steps)) - (await sizeAfter(0))) / steps };
  } finally {
    await served.stop();
  }
}

/** Of the file that a stopped server leaves: SQLite writes into another one first. */
async function sizeAfter(steps: number): Promise<number> {
  const served = await serveCairn();
  let size = 0;
  await saveThread(served.client.checkpointStore, "thread", steps);
  await served.stop(() => {
    size = statSync(join(served.folder, "cairn.db")).size;
  });
  return size;
}
