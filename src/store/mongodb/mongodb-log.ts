import type { CommandStartedEvent, MongoClient } from "mongodb";
import { limits } from "../../limits.ts";
import type { Environment } from "../../system/environment.ts";
import { type DurablePoint, durably } from "../durable.ts";
import type {
  Append,
  CheckpointQuery,
  DueThread,
  GraphRow,
  Log,
  NewParts,
  PartsRef,
  Recoded,
  Row,
  ThreadKey,
} from "../log.ts";
import { Appender } from "./append.ts";
import { type Collections, collectionsOf } from "./collections.ts";
import { connect } from "./connect.ts";
import { copyParts, writeRows } from "./copies.ts";
import { Ends } from "./ends.ts";
import { toStoreError, translated } from "./errors.ts";
import * as graphs from "./graphs.ts";
import { createIndexes } from "./indexes.ts";
import * as layouts from "./layouts.ts";
import * as parts from "./parts.ts";
import { MongoPost } from "./post.ts";
import * as reads from "./reads.ts";
import { answered, Patience } from "./retry.ts";
import { Summaries } from "./summaries.ts";
import { sweepAll } from "./sweep.ts";
import { Transactions } from "./transaction.ts";
import { truncateThread } from "./truncate.ts";
import * as unsharded from "./unsharded.ts";

export interface MongoLocation {
  uri: string;
  /** Default "cairn". */
  database?: string;
  /** How long a write whose outcome is unknown is pursued. The default outlasts an election. */
  patienceMs?: number;
  /** Hears of what decides nothing and is made up for later: summaries that were not written, sweeps that failed. */
  onProblem?: (problem: Error) => void;
  /** Hears of every command. */
  onCommand?: (event: CommandStartedEvent) => void;
}

const PATIENCE_MS = 20_000;

/**
 * Opens the store in a replica set or sharded cluster, and sweeps it in the background. Throws STORE_UNAVAILABLE
 * when no primary can be reached or the server stands alone.
 */
export async function openMongoLog(location: MongoLocation, environment: Environment): Promise<Log> {
  const { client, sharded } = await connect(location.uri, location.onCommand);
  try {
    const collections = collectionsOf(client.db(location.database ?? databaseIn(location.uri) ?? "cairn"));
    await durably(environment, "tables", () => createIndexes(collections, sharded));
    const log = new MongoLog(client, collections, location, environment);
    log.sweepInBackground();
    return log;
  } catch (error) {
    await client.close().catch(() => {});
    throw toStoreError(error);
  }
}

/** The database that a connection string names, if it does. */
function databaseIn(uri: string): string | undefined {
  const name = /^mongodb(?:\+srv)?:\/\/[^/]+\/([^?]+)/.exec(uri)?.[1];
  return name === undefined ? undefined : decodeURIComponent(name);
}

/** Threads' logs in MongoDB, shared with other servers. */
class MongoLog implements Log {
  readonly kind = "mongodb";
  readonly exclusive = false;
  readonly post: MongoPost;
  readonly #client: MongoClient;
  readonly #collections: Collections;
  readonly #environment: Environment;
  readonly #patienceMs: number;
  readonly #onProblem: (error: unknown) => void;
  readonly #appender: Appender;
  readonly #summaries: Summaries;
  readonly #ends = new Ends();
  #sweeping: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(client: MongoClient, collections: Collections, location: MongoLocation, environment: Environment) {
    this.#client = client;
    this.#collections = collections;
    this.#environment = environment;
    this.#patienceMs = location.patienceMs ?? PATIENCE_MS;
    const { onProblem = () => {} } = location;
    this.#onProblem = (error) => onProblem(toStoreError(error));
    const transactions = new Transactions(client, collections);
    this.#appender = new Appender({ collections, transactions, environment, patienceMs: this.#patienceMs });
    this.#summaries = new Summaries(collections.threads, environment, this.#onProblem);
    this.post = new MongoPost(collections, environment, this.#patienceMs);
  }

  async append(entry: Append): Promise<"appended" | "taken"> {
    const point = entry.rewrites.length > 0 ? "rewrite" : "append";
    const outcome = await this.#durably(point, () => this.#appender.append(entry));
    if (outcome === "taken") return outcome;
    this.#summaries.put(entry.key, entry.summary);
    this.#ends.note(entry.key, entry.inserts?.at(-1) ?? entry.row);
    return outcome;
  }

  async last(key: ThreadKey) {
    const row = await this.#read(() => reads.readLast(this.#collections.log, key));
    this.#ends.note(key, row);
    return row;
  }

  async end(key: ThreadKey) {
    return this.#ends.note(key, await this.#read(() => reads.readEnd(this.#collections.log, key)));
  }

  endSeen(key: ThreadKey) {
    return this.#ends.of(key);
  }

  after(key: ThreadKey, n: number, limit: number) {
    const nowMs = this.#environment.clock.nowMs();
    return this.#read(() => reads.readAfter(this.#collections.log, key, n, limit, nowMs));
  }

  checkpoints(key: ThreadKey, query: CheckpointQuery) {
    return this.#read(() => reads.readCheckpoints(this.#collections.log, key, query));
  }

  byKeys(key: ThreadKey, keys: string[]) {
    return this.#read(() => reads.readByKeys(this.#collections.log, key, keys));
  }

  byKeyNewest(key: ThreadKey, lookup: string, beforeN: number, limit: number) {
    return this.#read(() => reads.readByKeyNewest(this.#collections.log, key, lookup, beforeN, limit));
  }

  gather(key: ThreadKey, wanted: { positions: number[]; parts: PartsRef[]; keys: string[] }) {
    return this.#read(() => reads.gather(this.#collections.log, key, wanted));
  }

  async putParts(key: ThreadKey, added: NewParts): Promise<void> {
    const agedAt = new Date(this.#environment.clock.nowMs() + limits.uploadKeptMs);
    const after = (await this.#read(() => reads.readEnd(this.#collections.log, key)))?.n ?? 0;
    await this.#durably("parts", () =>
      parts.writeParts(this.#collections.log, this.#patience(), { ...added, key, after, agedAt }),
    );
  }

  removeParts(key: ThreadKey, upload: string): Promise<void> {
    return this.#durably("remove-parts", () => parts.removeParts(this.#collections.log, this.#patience(), key, upload));
  }

  keepParts(key: ThreadKey, upload: string): Promise<void> {
    return this.#durably("keep-parts", () => parts.keepParts(this.#collections.log, this.#patience(), key, upload));
  }

  keptUploads(key: ThreadKey) {
    return this.#read(() => parts.keptUploads(this.#collections.log, key));
  }

  agedUploads(nowMs: number, limit: number) {
    return this.#read(() => unsharded.agedUploads(this.#collections, nowMs, limit));
  }

  putRows(key: ThreadKey, rows: Row[]): Promise<void> {
    return this.#durably("copy", () => writeRows(this.#collections.log, () => this.#patience(), key, rows));
  }

  copyParts(from: ThreadKey, to: ThreadKey, uploads: PartsRef[], after: number): Promise<void> {
    const copy = { from, to, uploads, after };
    return this.#durably("copy", () => copyParts(this.#collections.log, () => this.#patience(), copy));
  }

  async truncate(key: ThreadKey, n: number): Promise<void> {
    // The summary that says "deleted" first, as it is to expire together with the floor.
    await this.#summaries.flush();
    await translated(() => truncateThread(this.#collections, this.#environment, key, n, () => this.#isClosed));
  }

  findByKey(space: string, lookup: string, after: { thread: string; n: number } | undefined, limit: number) {
    return this.#read(() => unsharded.findByKey(this.#collections, space, lookup, after, limit));
  }

  async threads(space: string, query: Parameters<Log["threads"]>[1]) {
    // So that at least this process sees what it wrote.
    await this.#summaries.flush();
    return await this.#read(() => unsharded.listThreads(this.#collections, space, query));
  }

  threadIds(space: string, after: string, limit: number) {
    return this.#read(() => unsharded.listThreadIds(this.#collections, space, after, limit));
  }

  async dueThreads(nowMs: number, after: DueThread | undefined, limit: number) {
    await this.#summaries.flush();
    return await this.#read(() => unsharded.dueThreads(this.#collections, nowMs, after, limit));
  }

  async spaces(after: string, limit: number) {
    await this.#summaries.flush();
    return await this.#read(() => unsharded.listSpaces(this.#collections, after, limit));
  }

  deleteGraphs(space: string): Promise<void> {
    return this.#durably("delete-graphs", () => graphs.deleteGraphs(this.#collections, this.#patience(), space));
  }

  /** One sweep at a time. */
  sweep(): Promise<void> {
    const sweep = this.#sweeping.then(() =>
      translated(() =>
        sweepAll({
          collections: this.#collections,
          summaries: this.#summaries,
          truncate: (key, n) => this.truncate(key, n),
          isStopped: () => this.#isClosed,
          now: new Date(this.#environment.clock.nowMs()),
        }),
      ),
    );
    this.#sweeping = sweep.catch(() => {});
    return sweep;
  }

  sweepInBackground(): void {
    this.sweep().catch(this.#onProblem);
  }

  putGraph(space: string, graph: GraphRow): Promise<"put" | "taken"> {
    return this.#durably("graph", () => graphs.insertGraph(this.#collections, this.#patience(), space, graph));
  }

  getGraph(space: string, name: string, hash?: string) {
    return this.#read(() => graphs.findGraph(this.#collections, space, name, hash));
  }

  listGraphs(space: string, after: string, limit: number) {
    return this.#read(() => graphs.latestGraphs(this.#collections, space, after, limit));
  }

  sizeAbout(): Promise<number> {
    return this.#read(() => unsharded.sizeAbout(this.#collections));
  }

  scan(after: string, limit: number) {
    return this.#read(() => unsharded.scanRows(this.#collections, after, limit));
  }

  recode(rows: Recoded[]): Promise<number> {
    return this.#durably("migrate", () => layouts.recodeRows(this.#collections, this.#patience(), rows));
  }

  scanGraphs(after: string, limit: number) {
    return this.#read(() => unsharded.scanGraphs(this.#collections, after, limit));
  }

  recodeGraph(space: string, from: GraphRow, to: Pick<GraphRow, "body" | "layout">): Promise<boolean> {
    const recode = () => layouts.recodeGraph(this.#collections, this.#patience(), space, from, to);
    return this.#durably("migrate", recode);
  }

  async ping(): Promise<void> {
    await this.#read(() => this.#client.db("admin").command({ ping: 1 }));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#summaries.flush();
    await this.#sweeping;
    await this.#client.close();
  }

  /** A few commands at most. */
  #read<Result>(commands: () => Promise<Result>): Promise<Result> {
    return translated(() => answered(this.#environment, commands));
  }

  #durably<Result>(point: DurablePoint, write: () => Promise<Result>): Promise<Result> {
    return durably(this.#environment, point, write);
  }

  #patience(): Patience {
    return new Patience(this.#environment, this.#patienceMs);
  }
}
