// The embedded store against node:sqlite alone, with the same durability.
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { openEmbeddedLog } from "../../../src/store/embedded/embedded-log.ts";
import type { Log } from "../../../src/store/log.ts";
import { LogStore } from "../../../src/store/log-store.ts";
import { systemEnvironment } from "../../../src/system/environment.ts";
import type { Local } from "../in-process.ts";
import { BARE_BYTES, Holder, Putter } from "./steps.ts";

export interface Bench {
  contestants: Local[];
  log: Log;
  close(): Promise<void>;
}

/** Makes its databases in a new folder below `root`, which decides what disk is measured. */
export async function onEmbedded(root: string): Promise<Bench> {
  const folder = mkdtempSync(join(root, "cairn-bench-"));
  const log = await openEmbeddedLog(join(folder, "store"), systemEnvironment);
  const store = new LogStore(log, systemEnvironment);
  const bare = new Bare(join(folder, "bare.db"));
  return {
    log,
    contestants: [
      { name: "bare insert, a commit a turn of the loop", caller: () => () => bare.insertInTurn() },
      { name: "bare insert, a commit a call", caller: () => async () => bare.insert() },
      {
        name: "store: a lease holder's step (append)",
        caller: (index, callers) => {
          const holder = new Holder(store, `append ${callers} ${index}`);
          return () => holder.step();
        },
      },
      {
        name: "store: an adapter's put (update)",
        caller: (index, callers) => {
          const putter = new Putter(store, `update ${callers} ${index}`);
          return () => putter.step();
        },
      },
    ],
    async close() {
      await store.close();
      bare.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** One table and nothing else. */
class Bare {
  readonly #database: DatabaseSync;
  readonly #statement;
  readonly #body = randomBytes(BARE_BYTES);
  #waiting: (() => void)[] = [];

  constructor(file: string) {
    this.#database = new DatabaseSync(file);
    this.#database.exec("PRAGMA locking_mode = EXCLUSIVE");
    this.#database.exec("PRAGMA journal_mode = WAL");
    this.#database.exec("PRAGMA synchronous = FULL");
    this.#database.exec("CREATE TABLE bare (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT");
    this.#statement = this.#database.prepare("INSERT INTO bare (body) VALUES (?)");
  }

  insert(): void {
    this.#statement.run(this.#body);
  }

  insertInTurn(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#commit());
      this.#waiting.push(resolve);
    });
  }

  #commit(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#database.exec("BEGIN IMMEDIATE");
    for (const _ of waiting) this.insert();
    this.#database.exec("COMMIT");
    for (const resolve of waiting) resolve();
  }

  close(): void {
    this.#database.close();
  }
}
