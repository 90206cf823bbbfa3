// What it takes to save a thread that grows by a message a step: on MongoDB beside MongoDBSaver, embedded beside SqliteSaver.
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { startReplicaSet } from "../support/mongo.ts";
import type { Goal } from "./goals.ts";
import { median } from "./rounds.ts";
import { serveCairn } from "./served.ts";
import { installPeers } from "./set-up.ts";
import { type StorageFigures, saveThread, saveWithCairn } from "./storage-work.ts";

const [SHORT, LONG] = [400, 4_000];

export async function measureStorage({ rounds }: { rounds: number }): Promise<Goal[]> {
  const python = installPeers();
  const set = await startReplicaSet();
  const { uri } = set;
  try {
    const peer = (kind: string) => () => saver(python, kind, SHORT, uri);
    const onMongo = await inTurns(rounds, () => onMongoDB(uri, SHORT), peer("mongodb"));
    const long = await onMongoDB(uri, LONG);
    print(`On MongoDB, ${SHORT} steps`, { Cairn: onMongo.cairn, MongoDBSaver: onMongo.peer });
    print(`On MongoDB, ${LONG} steps`, { Cairn: [long] });
    const embedded = await inTurns(rounds, () => onEmbedded(SHORT), peer("sqlite"));
    print(`Embedded, ${SHORT} steps`, { Cairn: embedded.cairn, SqliteSaver: embedded.peer });
    return [...mongoGoals(onMongo, long), atMost("stored bytes a step to SqliteSaver's", 1 / 40, embedded, "bytes")];
  } finally {
    await set.stop();
  }
}

interface Rounds {
  cairn: StorageFigures[];
  peer: StorageFigures[];
}

async function inTurns(
  rounds: number,
  cairn: () => Promise<StorageFigures>,
  peer: () => StorageFigures,
): Promise<Rounds> {
  const results: Rounds = { cairn: [], peer: [] };
  for (let round = 0; round < rounds; round++) {
    results.cairn.push(await cairn());
    results.peer.push(peer());
  }
  return results;
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

function atMost(what: string, most: number, rounds: Rounds, of: keyof StorageFigures): Goal {
  return { what, most, ratio: ratio(rounds, of) };
}

/** The median over the rounds. */
function ratio({ cairn, peer }: Rounds, of: keyof StorageFigures): number {
  return median(cairn.map((figures, round) => (figures[of] ?? 0) / (peer[round]?.[of] ?? Number.NaN)));
}

async function onMongoDB(uri: string, steps: number): Promise<StorageFigures> {
  const database = `bench_cairn_${process.hrtime.bigint()}`;
  const own = uri.replace(/^(mongodb:\/\/[^/?]+)\/?[^?]*/, `$1/${database}`);
  const served = await serveCairn(own);
  const mongo = await MongoClient.connect(uri);
  try {
    const stored = async () => Number((await mongo.db(database).command({ dbStats: 1 })).dataSize);
    return await saveWithCairn(served.client, steps, stored);
  } finally {
    await served.stop();
    await mongo.db(database).dropDatabase();
    await mongo.close();
  }
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

function saver(python: string, kind: string, steps: number, uri: string): StorageFigures {
  const args = [join(import.meta.dirname, "savers.py"), kind, String(steps), uri];
  return JSON.parse(execFileSync(python, args, { encoding: "utf8" })) as StorageFigures;
}

function print(title: string, results: Record<string, StorageFigures[]>): void {
  console.log(`\n${title}`);
  const columns: [keyof StorageFigures, string, number][] = [
    ["bytes", "B stored", 0],
    ["sent", "B sent", 0],
    ["putFirst", "put, first", 2],
    ["putLast", "put, last", 2],
    ["getLatest", "latest", 2],
    ["page", "newest 10", 2],
    ["perSecond", "steps/s", 0],
  ];
  console.log(`${"".padEnd(16)}${columns.map(([, name]) => name.padStart(12)).join("")}`);
  for (const [name, rounds] of Object.entries(results)) {
    const cells = columns.map(([of, , digits]) =>
      median(rounds.map((figures) => figures[of] ?? Number.NaN)).toFixed(digits),
    );
    console.log(`${name.padEnd(16)}${cells.map((cell) => cell.padStart(12)).join("")}`);
  }
}
