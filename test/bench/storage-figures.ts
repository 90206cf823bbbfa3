// What it takes to save a thread, of Cairn and of another, round by round.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { type Db, MongoClient } from "mongodb";
import { pythonEnv } from "../support/python.ts";
import type { Goal } from "./goals.ts";
import { median } from "./rounds.ts";
import { type Served, serveCairn } from "./served.ts";

/** What saving a thread took: latencies in milliseconds, medians. */
export interface StorageFigures {
  /** Of puts: those of the first tenth of the steps, and of the last. */
  putFirst: number;
  putLast: number;
  getLatest: number;
  /** The newest ten of the history. */
  page: number;
  /** Stored, a step. */
  bytes: number;
  /** Sent by the client, a step. */
  sent?: number;
  /** Steps a second of 8 callers on 32 threads. */
  perSecond: number;
}

export interface Rounds {
  cairn: StorageFigures[];
  peer: StorageFigures[];
}

export async function inTurns(
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

export function atMost(what: string, most: number, rounds: Rounds, of: keyof StorageFigures): Goal {
  return { what, most, ratio: ratio(rounds, of) };
}

/** The median over the rounds. */
export function ratio({ cairn, peer }: Rounds, of: keyof StorageFigures): number {
  return median(cairn.map((figures, round) => (figures[of] ?? 0) / (peer[round]?.[of] ?? Number.NaN)));
}

/** What a saver for LangGraph does in a Python process; savers.py says of which kinds, and where each has its store. */
export function saveWith(python: string, kind: string, steps: number, ...where: string[]): StorageFigures {
  const args = [join(import.meta.dirname, "savers.py"), kind, String(steps), ...where];
  return JSON.parse(execFileSync(python, args, { encoding: "utf8", env: pythonEnv })) as StorageFigures;
}

/** On a server whose database nobody has used yet; it is gone afterwards. */
export async function onMongoDB(
  uri: string,
  save: (served: Served, own: { uri: string; database: Db }) => Promise<StorageFigures>,
): Promise<StorageFigures> {
  const name = `bench_cairn_${process.hrtime.bigint()}`;
  const own = uri.replace(/^(mongodb:\/\/[^/?]+)\/?[^?]*/, `$1/${name}`);
  const served = await serveCairn(own);
  const mongo = await MongoClient.connect(uri);
  const database = mongo.db(name);
  try {
    return await save(served, { uri: own, database });
  } finally {
    await served.stop();
    await database.dropDatabase();
    await mongo.close();
  }
}

export function print(title: string, results: Record<string, StorageFigures[]>): void {
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
