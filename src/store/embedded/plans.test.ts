import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { Database, type SqlRow, type SqlValue } from "./database.ts";
import { ensureTables } from "./schema.ts";
import { checkpointRows } from "./thread-rows.ts";

/** Notes how SQLite goes about each query. */
class Explained extends Database {
  readonly plans: string[] = [];

  override all(sql: string, ...values: SqlValue[]): SqlRow[] {
    const steps = super.all(`EXPLAIN QUERY PLAN ${sql}`, ...values);
    this.plans.push(steps.map(({ detail }) => detail).join("; "));
    return super.all(sql, ...values);
  }
}

test("the newest checkpoint is found by its index, not by reading and sorting the thread", () => {
  const folder = mkdtempSync(join(tmpdir(), "cairn-plans-"));
  const database = new Explained(folder);
  onTestFinished(() => {
    database.close();
    rmSync(folder, { recursive: true });
  });
  ensureTables(database);
  const key = { space: "s", thread: "t" };
  for (const order of ["seq", "id"] as const) {
    for (const before of [undefined, order === "seq" ? { seq: 5 } : { id: "x" }]) {
      checkpointRows(database, key, { namespace: "", order, before, tags: [], limit: 1 });
      expect(database.plans.at(-1)).toContain(`rows_by_${order}`);
    }
  }
});
