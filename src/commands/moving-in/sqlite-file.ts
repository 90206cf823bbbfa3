import { existsSync } from "node:fs";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { encodeUtf8 } from "../../values/utf8.ts";
import { unreadable } from "./unreadable.ts";

/** A row as SQLite gives it. */
export type Row = Record<string, unknown>;

/** An SQLite database of another program's, which is only read, also while that program has it open. */
export class SqliteFile {
  readonly #database: DatabaseSync;

  /** Throws when it is not there, or has none of the tables. */
  constructor(file: string, tables: string[]) {
    if (!existsSync(file)) throw unreadable(file, "there is no such file");
    try {
      this.#database = new DatabaseSync(file, { readOnly: true });
      for (const table of tables) {
        const found = this.get("SELECT 1 AS found FROM sqlite_schema WHERE type = 'table' AND name = ?", table);
        if (found === undefined) throw unreadable(file, `it has no table ${table}`);
      }
    } catch (error) {
      throw unreadable(file, error);
    }
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepare(sql).get(...values);
  }

  /** Integers as bigint where a number would round. */
  *all(sql: string, ...values: SQLInputValue[]): Generator<Row> {
    yield* this.#prepare(sql).iterate(...values);
  }

  /** The texts of one column. */
  *texts(sql: string): Generator<string> {
    for (const row of this.all(sql)) yield String(Object.values(row)[0]);
  }

  close(): void {
    this.#database.close();
  }

  #prepare(sql: string) {
    const statement = this.#database.prepare(sql);
    statement.setReadBigInts(true);
    return statement;
  }
}

/** The bytes of a column, which a program may have written as text. */
export function bytesOf(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  return value === null || value === undefined ? undefined : encodeUtf8(String(value));
}

export function textOf(value: unknown): string {
  return value instanceof Uint8Array ? new TextDecoder().decode(value) : String(value ?? "");
}
