import type { Source } from "./source.ts";
import { type SqliteLayout, SqliteSource } from "./sqlite-source.ts";

/** What can be moved in from, and how each is opened: with a file, or a database's address. */
export const sources: Record<string, (location: string) => Promise<Source>> = {
  "langgraph-sqlite": inSqlite(async () => (await import("./langgraph-sqlite.ts")).langgraphSqlite),
  "langgraph-mongodb": async (uri) => (await import("./langgraph-mongodb.ts")).LanggraphMongodb.open(uri),
  "langgraph-postgres": async (uri) => (await import("./langgraph-postgres.ts")).LanggraphPostgres.open(uri),
  "neograph-sqlite": inSqlite(async () => (await import("./neograph-sqlite.ts")).neographSqlite),
  "juncture-sqlite": inSqlite(async () => (await import("./juncture-sqlite.ts")).junctureSqlite),
};

function inSqlite(layout: () => Promise<SqliteLayout>): (file: string) => Promise<Source> {
  return async (file) => new SqliteSource(file, await layout());
}
