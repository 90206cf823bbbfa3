import type { Source } from "./source.ts";

/** What can be moved in from, and how each is opened: with a file, or a database's address. */
export const sources: Record<string, (location: string) => Promise<Source>> = {
  "langgraph-sqlite": async (file) => new (await import("./langgraph-sqlite.ts")).LanggraphSqlite(file),
  "langgraph-mongodb": async (uri) => (await import("./langgraph-mongodb.ts")).LanggraphMongodb.open(uri),
  "langgraph-postgres": async (uri) => (await import("./langgraph-postgres.ts")).LanggraphPostgres.open(uri),
  "neograph-sqlite": async (file) => new (await import("./neograph-sqlite.ts")).NeographSqlite(file),
  "juncture-sqlite": async (file) => new (await import("./juncture-sqlite.ts")).JunctureSqlite(file),
};
