import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { CairnError } from "../../errors.ts";
import { ErrorReason } from "../../gen/cairn/v1/error_pb.ts";

/** The one place that knows node:sqlite, which Node still calls a release candidate. */

export type SqlValue = SQLInputValue;
/** A row as SQLite gives it. Columns are checked where they are read. */
export type SqlRow = { [column: string]: unknown };

export const DATABASE_FILE = "cairn.db";

/**
 * A limit that is given with the values. SQLite plans by a limit's value if it can, and compiles a statement again
 * whenever another one is bound, which takes longer than to run it; a sum it doesn't look into.
 */
export const LIMIT = "LIMIT ? + 0";

/**
 * Pages (of 4 KiB) after which a commit brings the log into the file. SQLite's own 1,000 hold up everything for 30 ms
 * when values come in by the megabyte; small writes go as fast with either.
 */
const CHECKPOINTS = "PRAGMA wal_autocheckpoint = 256";

/** SQLite's primary result codes that mean something to us. */
const BUSY = 5;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

export class Database {
  readonly #database: DatabaseSync;
  readonly #folder: string;
  readonly #statements = new Map<string, StatementSync>();

  /** Opens, and makes where missing, the database in the folder, for this process alone. Throws CairnError. */
  constructor(folder: string, maxBytes?: number) {
    this.#folder = folder;
    try {
      mkdirSync(folder, { recursive: true });
    } catch (cause) {
      throw new CairnError(
        ErrorReason.STORE_UNAVAILABLE,
        `cannot make the store's folder ${folder}: ${textOf(cause)}`,
        {
          cause,
        },
      );
    }
    this.#database = this.#guarded(() => new DatabaseSync(join(folder, DATABASE_FILE), { timeout: 0 }));
    try {
      this.#setUp(maxBytes);
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  run(sql: string, ...values: SqlValue[]): number {
    return this.#guarded(() => Number(this.#prepared(sql).run(...values).changes));
  }

  all(sql: string, ...values: SqlValue[]): SqlRow[] {
    return this.#guarded(() => this.#prepared(sql).all(...values));
  }

  get(sql: string, ...values: SqlValue[]): SqlRow | undefined {
    return this.#guarded(() => this.#prepared(sql).get(...values));
  }

  execute(sql: string): void {
    this.#guarded(() => this.#database.exec(sql));
  }

  /** Runs `act` in one transaction: all of it is on disk when this returns, or nothing. */
  transaction<Result>(act: () => Result): Result {
    this.execute("BEGIN IMMEDIATE");
    try {
      const result = act();
      this.execute("COMMIT");
      return result;
    } catch (error) {
      // A full disk has SQLite roll back by itself.
      if (this.#database.isTransaction) this.execute("ROLLBACK");
      throw error;
    }
  }

  /**
   * Brings all that has been committed into the database's file, and leaves that as it is while `act` is going: what is
   * committed meanwhile is only in the log beside it. One at a time.
   */
  async withFileAtRest(act: (file: string) => Promise<void>): Promise<void> {
    this.execute(CHECKPOINTS);
    try {
      const done = this.get("PRAGMA wal_checkpoint(TRUNCATE)");
      if (done?.busy !== 0) throw new Error("the log could not be brought into the file");
      await act(join(this.#folder, DATABASE_FILE));
    } catch (error) {
      throw error instanceof CairnError ? error : this.#translated(error);
    } finally {
      if (this.#database.isOpen) this.execute(CHECKPOINTS);
    }
  }

  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  /**
   * Exclusive locking keeps a second process out, with a lock that dies with this one. Set before WAL, it also
   * does without shared memory.
   */
  #setUp(maxBytes: number | undefined): void {
    this.execute("PRAGMA locking_mode = EXCLUSIVE");
    this.execute("PRAGMA journal_mode = WAL");
    this.execute("PRAGMA synchronous = FULL");
    this.execute(CHECKPOINTS);
    this.execute("PRAGMA journal_size_limit = 67108864");
    this.execute("PRAGMA cache_size = -65536");
    if (maxBytes !== undefined) {
      const page = Number(this.get("PRAGMA page_size")?.page_size);
      this.execute(`PRAGMA max_page_count = ${Math.max(1, Math.trunc(maxBytes / page))}`);
    }
    // Takes the lock, and finds out whether this is a database at all.
    this.execute("BEGIN IMMEDIATE");
    this.execute("COMMIT");
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #guarded<Result>(act: () => Result): Result {
    try {
      return act();
    } catch (error) {
      throw this.#translated(error);
    }
  }

  #translated(error: unknown): CairnError {
    const folder = this.#folder;
    const code = error instanceof Error && "errcode" in error ? Number(error.errcode) & 0xff : undefined;
    const make = (reason: ErrorReason, message: string) =>
      new CairnError(reason, message, { metadata: { folder }, cause: error });
    if (!this.#database?.isOpen && code === undefined) {
      return make(ErrorReason.STORE_UNAVAILABLE, `the store in ${folder} is closed`);
    }
    switch (code) {
      case BUSY:
        return make(ErrorReason.STORE_UNAVAILABLE, `the store in ${folder} is in use by another process`);
      case FULL:
        return make(ErrorReason.STORE_FULL, `no room left for the store in ${folder}`);
      case CORRUPT:
      case NOTADB:
        return make(
          ErrorReason.DATA_CORRUPT,
          `${join(folder, DATABASE_FILE)} is not a readable store: ${textOf(error)}`,
        );
      case READONLY:
      case IOERR:
      case CANTOPEN:
        return make(ErrorReason.STORE_UNAVAILABLE, `cannot use the store in ${folder}: ${textOf(error)}`);
      default:
        return make(ErrorReason.INTERNAL, `the store in ${folder} failed: ${textOf(error)}`);
    }
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
