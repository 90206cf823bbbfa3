// The store on MongoDB against the driver alone, with the same durability.
import { randomBytes } from "node:crypto";
import { Binary, type CommandStartedEvent, MongoClient, ReadPreference } from "mongodb";
import type { Log } from "../../../src/store/log.ts";
import { LogStore } from "../../../src/store/log-store.ts";
import { hint } from "../../../src/store/mongodb/indexes.ts";
import { openMongoLog } from "../../../src/store/mongodb/mongodb-log.ts";
import { type Environment, systemEnvironment } from "../../../src/system/environment.ts";
import type { Local } from "../in-process.ts";
import type { Bench } from "./on-embedded.ts";
import { BARE_BYTES, Holder, Putter } from "./steps.ts";

const writeConcern = { w: "majority", journal: true } as const;

/** The same, but summaries of threads wait until the end: what they cost. */
const withoutSummaries: Environment = {
  ...systemEnvironment,
  clock: {
    ...systemEnvironment.clock,
    after: (delayMs, callback) => systemEnvironment.clock.after(delayMs < 1_000 ? 3_600_000 : delayMs, callback),
  },
};

export interface MongoBench extends Bench {
  /** A log whose commands are noted, which the contestants are spared. */
  watched: Log;
  /** Commands on the watched log since the last call. */
  commands(): CommandStartedEvent[];
}

export async function onMongo(uri: string): Promise<MongoBench> {
  const client = await MongoClient.connect(uri, { writeConcern, retryWrites: false });
  const names: string[] = [];
  const logs: Log[] = [];
  let commands: CommandStartedEvent[] = [];
  const open = async (name: string, environment = systemEnvironment, dropped: string[] = []) => {
    const database = `bench_${name}`;
    await client.db(database).dropDatabase();
    names.push(database);
    const onCommand = name === "watched" ? (event: CommandStartedEvent) => void commands.push(event) : undefined;
    const log = await openMongoLog({ uri, database, onCommand }, environment);
    logs.push(log);
    for (const index of dropped) await client.db(database).collection("log").dropIndex(index);
    return log;
  };
  const watched = await open("watched");
  const whole = await open("whole");
  const oneIndex = await open("one_index", systemEnvironment, [hint.allSeq, hint.namespaceId, hint.allId]);
  const noSummaries = await open("no_summaries", withoutSummaries);
  const store = new LogStore(whole, systemEnvironment);
  const bare = bareOf(client);
  names.push("bench_bare");
  return {
    log: whole,
    watched,
    contestants: [
      bare.insert,
      bare.grouped,
      bare.transaction,
      holders("store: a lease holder's step (append)", store),
      holders("  with one checkpoint index of the four", new LogStore(oneIndex, systemEnvironment)),
      holders("  with thread summaries put off", new LogStore(noSummaries, systemEnvironment)),
      {
        name: "store: an adapter's put (update)",
        caller: (index, callers) => {
          const putter = new Putter(store, `update ${callers} ${index}`);
          return () => putter.step();
        },
      },
    ],
    commands() {
      const seen = commands.filter(({ commandName, command }) => command[commandName] === "log");
      commands = [];
      return seen;
    },
    async close() {
      for (const log of logs) await log.close();
      for (const name of names) await client.db(name).dropDatabase();
      await client.close();
    },
  };
}

function holders(name: string, store: LogStore): Local {
  return {
    name,
    caller: (index, callers) => {
      const holder = new Holder(store, `append ${callers} ${index}`);
      return () => holder.step();
    },
  };
}

/** The driver alone: one insert, inserts of a turn of the event loop in one command, and a transaction. */
function bareOf(client: MongoClient): { insert: Local; grouped: Local; transaction: Local } {
  const database = client.db("bench_bare");
  const single = database.collection("single");
  const group = database.collection("group");
  const threads = database.collection<{ _id: string; head: number }>("threads");
  const steps = database.collection("steps");
  const body = new Binary(randomBytes(BARE_BYTES));
  let waiting: { resolve: () => void; reject: (error: unknown) => void }[] = [];
  const flush = (): void => {
    const sent = waiting;
    waiting = [];
    group
      .insertMany(
        sent.map(() => ({ body })),
        { ordered: false },
      )
      .then(
        () => {
          for (const { resolve } of sent) resolve();
        },
        (error) => {
          for (const { reject } of sent) reject(error);
        },
      );
  };
  return {
    insert: { name: "bare insert of 2 KB", caller: () => () => single.insertOne({ body }) },
    grouped: {
      name: "bare inserts of a turn in one command",
      caller: () => () =>
        new Promise<void>((resolve, reject) => {
          if (waiting.length === 0) setImmediate(flush);
          waiting.push({ resolve, reject });
        }),
    },
    transaction: {
      name: "transaction: thread's head, and 2 KB",
      caller: (index, callers) => {
        const _id = `${callers} ${index}`;
        let head = 0;
        return () =>
          client
            .withSession((session) =>
              session.withTransaction(
                async () => {
                  // The head is the compare-and-set: nobody else may have moved it.
                  const filter = { _id, head };
                  const moved = await threads.updateOne(filter, { $inc: { head: 1 } }, { session, upsert: head === 0 });
                  if (moved.modifiedCount + moved.upsertedCount !== 1) throw new Error("the head has moved");
                  await steps.insertOne({ thread: _id, head, body }, { session });
                },
                { readConcern: { level: "snapshot" }, writeConcern, readPreference: ReadPreference.primary },
              ),
            )
            .then(() => {
              head += 1;
            });
      },
    },
  };
}
