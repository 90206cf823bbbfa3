import { toCairnError } from "../../errors.ts";
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
import { backUp } from "./backup.ts";
import { Database } from "./database.ts";
import { Ends } from "./ends.ts";
import { GroupCommit } from "./group-commit.ts";
import * as layouts from "./layouts.ts";
import * as parts from "./parts.ts";
import * as retention from "./retention.ts";
import { ensureTables } from "./schema.ts";
import * as tables from "./space-tables.ts";
import * as rows from "./thread-rows.ts";

/** How often rows whose time is over are looked for. */
const SWEEP_EVERY_MS = 60_000;

export interface EmbeddedOptions {
  /** Largest size of the database file, in bytes; absent: as the disk allows. */
  maxBytes?: number;
}

/**
 * Opens the store in a folder, which is made if it is missing. Throws STORE_UNAVAILABLE when another process
 * has it open or the folder can't be used, LAYOUT_TOO_NEW, and DATA_CORRUPT when it holds no readable store.
 */
export async function openEmbeddedLog(
  folder: string,
  environment: Environment,
  options: EmbeddedOptions = {},
): Promise<Log> {
  const database = new Database(folder, options.maxBytes);
  try {
    await durably(environment, "tables", async () => ensureTables(database));
    const log = new EmbeddedLog(database, environment);
    await log.sweep();
    return log;
  } catch (error) {
    database.close();
    throw toCairnError(error);
  }
}

/** Threads' logs in one SQLite file of this process alone. */
class EmbeddedLog implements Log {
  readonly kind = "embedded";
  readonly exclusive = true;
  readonly #database: Database;
  readonly #environment: Environment;
  readonly #commits: GroupCommit;
  readonly #ends: Ends;
  #cancelSweep = () => {};
  #isClosed = false;
  readonly #closing = new AbortController();
  #backingUp: Promise<void> = Promise.resolve();

  constructor(database: Database, environment: Environment) {
    this.#database = database;
    this.#environment = environment;
    this.#commits = new GroupCommit(database);
    this.#ends = new Ends(database);
  }

  append(entry: Append): Promise<"appended" | "taken"> {
    return this.#durably(entry.rewrites.length > 0 ? "rewrite" : "append", () =>
      this.#commits.add(() => {
        this.#ends.forget(entry.key);
        return rows.insertEntry(this.#database, entry);
      }),
    );
  }

  async last(key: ThreadKey) {
    return rows.lastRow(this.#database, key);
  }

  async end(key: ThreadKey) {
    return this.#ends.of(key);
  }

  endSeen(key: ThreadKey): string {
    return this.#ends.of(key);
  }

  async after(key: ThreadKey, n: number, limit: number) {
    return rows.rowsAfter(this.#database, key, n, limit, this.#environment.clock.nowMs());
  }

  async checkpoints(key: ThreadKey, query: CheckpointQuery) {
    return rows.checkpointRows(this.#database, key, query);
  }

  async byKeys(key: ThreadKey, keys: string[]) {
    return rows.rowsByKeys(this.#database, key, keys);
  }

  async byKeyNewest(key: ThreadKey, lookup: string, beforeN: number, limit: number) {
    return rows.rowsByKeyNewest(this.#database, key, lookup, beforeN, limit);
  }

  async gather(key: ThreadKey, wanted: { positions: number[]; parts: PartsRef[]; keys: string[] }) {
    const joined = new Map<string, Uint8Array>();
    for (const ref of wanted.parts) {
      const data = await parts.joinedParts(this.#database, key, ref);
      if (data) joined.set(ref.upload, data);
    }
    return {
      rows: rows.rowsAt(this.#database, key, wanted.positions),
      parts: joined,
      keyed: rows.rowsByKeys(this.#database, key, wanted.keys),
    };
  }

  /** Each in a commit of its own: one of several MiB holds up whatever else there is. */
  putParts(key: ThreadKey, { upload, parts: all, from = 0 }: NewParts): Promise<void> {
    const nowMs = this.#environment.clock.nowMs();
    return this.#durably("parts", async () => {
      for (const [index, part] of all.entries()) {
        await this.#commits.add(() =>
          parts.insertPart(this.#database, key, { upload, part: from + index, data: part }, nowMs),
        );
      }
    });
  }

  removeParts(key: ThreadKey, upload: string): Promise<void> {
    return this.#durably("remove-parts", () => this.#commits.add(() => parts.removeParts(this.#database, key, upload)));
  }

  keepParts(key: ThreadKey, upload: string): Promise<void> {
    return this.#durably("keep-parts", () => this.#commits.add(() => parts.keepParts(this.#database, key, upload)));
  }

  async keptUploads(key: ThreadKey) {
    return parts.keptUploads(this.#database, key);
  }

  async agedUploads(nowMs: number, limit: number) {
    return parts.agedUploads(this.#database, nowMs, limit);
  }

  putRows(key: ThreadKey, newRows: Row[]): Promise<void> {
    return this.#durably("copy", () => this.#commits.add(() => rows.insertRows(this.#database, key, newRows)));
  }

  async copyParts(from: ThreadKey, to: ThreadKey, uploads: PartsRef[], after: number): Promise<void> {
    for (const { upload } of uploads) {
      const copy = () => parts.copyParts(this.#database, from, to, upload, after);
      await this.#durably("copy", () => this.#commits.add(copy));
    }
  }

  async truncate(key: ThreadKey, n: number): Promise<void> {
    const truncateSome = async (): Promise<boolean> => retention.truncateSome(this.#database, key, n);
    while (!this.#isClosed && (await this.#durably("truncate", truncateSome))) await turn();
    if (this.#isClosed) return;
    const nowMs = this.#environment.clock.nowMs();
    await this.#durably("expire", async () => retention.expireFloor(this.#database, key, n, nowMs));
  }

  async findByKey(space: string, lookup: string, after: { thread: string; n: number } | undefined, limit: number) {
    return tables.rowsOfSpace(this.#database, space, lookup, after, limit);
  }

  async threads(space: string, query: Parameters<Log["threads"]>[1]) {
    return tables.threadSummaries(this.#database, space, query);
  }

  async threadIds(space: string, after: string, limit: number) {
    return tables.threadIds(this.#database, space, after, limit);
  }

  async dueThreads(nowMs: number, after: DueThread | undefined, limit: number) {
    return tables.dueThreads(this.#database, nowMs, after, limit);
  }

  async spaces(after: string, limit: number) {
    return tables.spaces(this.#database, after, limit);
  }

  async deleteGraphs(space: string): Promise<void> {
    await this.#durably("delete-graphs", () =>
      this.#commits.add(() => this.#database.run("DELETE FROM graphs WHERE space = ?", space)),
    );
  }

  async sweep(): Promise<void> {
    this.#cancelSweep();
    for (const { key, n } of retention.unfinishedFloors(this.#database)) await this.truncate(key, n);
    await this.#removeExpired();
  }

  putGraph(space: string, graph: GraphRow): Promise<"put" | "taken"> {
    return this.#durably("graph", () => this.#commits.add(() => tables.insertGraph(this.#database, space, graph)));
  }

  async getGraph(space: string, name: string, hash?: string) {
    return tables.findGraph(this.#database, space, name, hash);
  }

  async listGraphs(space: string, after: string, limit: number) {
    return tables.latestGraphs(this.#database, space, after, limit);
  }

  async sizeAbout(): Promise<number> {
    return layouts.sizeAbout(this.#database);
  }

  async scan(after: string, limit: number) {
    return layouts.scan(this.#database, after, limit);
  }

  recode(recoded: Recoded[]): Promise<number> {
    const recode = () => recoded.filter((row) => !layouts.recodeRow(this.#database, row)).length;
    return this.#durably("migrate", () => this.#commits.add(recode));
  }

  async scanGraphs(after: string, limit: number) {
    return layouts.scanGraphs(this.#database, after, limit);
  }

  recodeGraph(space: string, from: GraphRow, to: Pick<GraphRow, "body" | "layout">): Promise<boolean> {
    const recode = () => layouts.recodeGraph(this.#database, space, from, to);
    return this.#durably("migrate", () => this.#commits.add(recode));
  }

  async ping(): Promise<void> {
    this.#database.get("SELECT 1");
  }

  /** One at a time. */
  backup(folder: string): Promise<void> {
    const backup = this.#backingUp.then(() => backUp(this.#database, folder, this.#closing.signal));
    this.#backingUp = backup.catch(() => {});
    return backup;
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    // Closing brings the log into the file that is being copied.
    this.#closing.abort();
    await this.#backingUp;
    this.#commits.flush();
    this.#isClosed = true;
    this.#cancelSweep();
    this.#database.close();
  }

  async #removeExpired(): Promise<void> {
    const removeExpired = async (): Promise<boolean> =>
      retention.removeExpired(this.#database, this.#environment.clock.nowMs());
    while (!this.#isClosed && (await this.#durably("remove", removeExpired))) await turn();
    if (this.#isClosed) return;
    this.#cancelSweep = this.#environment.clock.after(SWEEP_EVERY_MS, () => {
      this.#removeExpired().catch((error) => process.emitWarning(toCairnError(error)));
    });
  }

  #durably<Result>(point: DurablePoint, write: () => Promise<Result>): Promise<Result> {
    return durably(this.#environment, point, write);
  }
}

/** Lets other work have its turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
