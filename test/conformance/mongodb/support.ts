// What the tests of the MongoDB backend share: a database of their own, rows to append, and a look at the commands.
import { randomUUID } from "node:crypto";
import { create, toBinary } from "@bufbuild/protobuf";
import { type CommandStartedEvent, MongoClient } from "mongodb";
import { RecordSchema } from "../../../src/gen/cairn/store/v1/record_pb.ts";
import type { Append, Log, Row, ThreadKey } from "../../../src/store/log.ts";
import { type MongoLocation, openMongoLog } from "../../../src/store/mongodb/mongodb-log.ts";
import { LAYOUT } from "../../../src/store/record-codec.ts";
import { summaryOf } from "../../../src/store/thread-record.ts";
import { systemEnvironment } from "../../../src/system/environment.ts";

export interface TestLog {
  log: Log;
  uri: string;
  database: string;
  /** Commands sent since the last call of `forget`. */
  commands: CommandStartedEvent[];
  problems: Error[];
  forget(): void;
  /** Another process would have a log of its own on the same database. */
  another(options?: Partial<MongoLocation>): Promise<Log>;
  /** Closes all logs and drops the database. */
  end(): Promise<void>;
}

export async function openTestLog(uri: string, options: Partial<MongoLocation> = {}): Promise<TestLog> {
  const database = `test_${randomUUID().slice(0, 13)}`;
  const commands: CommandStartedEvent[] = [];
  const problems: Error[] = [];
  const opened: Log[] = [];
  const another = async (more: Partial<MongoLocation> = {}): Promise<Log> => {
    const log = await openMongoLog({ uri, database, ...more }, systemEnvironment);
    opened.push(log);
    return log;
  };
  const onCommand = (event: CommandStartedEvent) => void commands.push(event);
  const log = await another({ onCommand, onProblem: (problem) => problems.push(problem), ...options });
  await log.sweep();
  return {
    log,
    uri,
    database,
    commands,
    problems,
    forget: () => void commands.splice(0),
    another,
    end: async () => {
      for (const one of opened) await one.close();
      const client = new MongoClient(uri);
      await client.db(database).dropDatabase();
      await client.close();
    },
  };
}

let count = 0;

export function newThread(space = "default"): ThreadKey {
  count += 1;
  return { space, thread: `thread-${count}` };
}

export interface RowOptions extends Partial<Row> {
  rewrites?: Row[];
  deleted?: boolean;
  metadata?: string;
  metadataAt?: number;
  createdAtMs?: number;
}

/** An append as the store above makes them: a record whose tail says how the thread stands. */
export function entryOf(key: ThreadKey, n: number, options: RowOptions = {}): Append {
  const { rewrites = [], deleted = false, metadata, metadataAt = 0, createdAtMs = 1_000, ...row } = options;
  const threadMetadata = metadata === undefined ? undefined : new TextEncoder().encode(metadata);
  const record = create(RecordSchema, {
    layout: LAYOUT,
    atMs: BigInt(Date.now()),
    tail: { status: 1, createdAtMs: BigInt(createdAtMs), deleted, metadataAt: BigInt(threadMetadata ? n : metadataAt) },
    threadMetadata,
    floor: row.floor ?? false,
  });
  return {
    key,
    row: rowOf(n, { body: toBinary(RecordSchema, record), ...row }),
    rewrites,
    summary: summaryOf(key, n, record, n === 1),
  };
}

export function rowOf(n: number, row: Partial<Row> = {}): Row {
  return {
    n,
    attempt: randomUUID(),
    floor: false,
    keys: [],
    tags: [],
    layout: LAYOUT,
    body: new Uint8Array([n % 256]),
    ...row,
  };
}

/** A row that holds a checkpoint. */
export function checkpointEntry(
  key: ThreadKey,
  n: number,
  options: RowOptions & { id?: string; namespace?: string; seq?: number } = {},
): Append {
  const { id = `c${String(n).padStart(8, "0")}`, namespace = "", seq = n, ...rest } = options;
  return entryOf(key, n, { checkpoint: { namespace, id, seq }, keys: [`c:${id}`], ...rest });
}

/** A row that deletes all before it. */
export function floorEntry(key: ThreadKey, n: number, options: RowOptions = {}): Append {
  return entryOf(key, n, { floor: true, deleted: true, ...options });
}

export async function appendAll(log: Log, entries: Append[]): Promise<void> {
  for (const entry of entries) {
    const outcome = await log.append(entry);
    if (outcome !== "appended") throw new Error(`position ${entry.row.n} is taken`);
  }
}

/** Commands on rows and parts, without those that the driver or the background send. */
export function onLog(commands: CommandStartedEvent[]): CommandStartedEvent[] {
  return commands.filter(({ commandName, command }) => command[commandName] === "log");
}
