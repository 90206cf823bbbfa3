// Stores of other frameworks, written by their own savers, moved in and compared with them by their own readers.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { BSON, type Document, MongoClient } from "mongodb";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { CairnClient } from "../../../clients/typescript/src/index.ts";
import { until } from "../../runs/support/bench.ts";
import { startPostgres } from "../../support/postgres.ts";
import { pythonEnv, pythonPath } from "../../support/python.ts";
import { ended, type ServerProcess, serve } from "../cairn.ts";

const here = import.meta.dirname;

let server: ServerProcess;
let folder: string;
let python: string;
beforeAll(async () => {
  server = await serve();
  folder = mkdtempSync(join(tmpdir(), "cairn-moving-in-"));
  python = pythonPath();
}, 300_000);
afterAll(async () => {
  await server.remove();
  rmSync(folder, { recursive: true });
});

/** Runs one of the Python programs beside this. */
function run(program: string, ...args: string[]): string {
  return execFileSync(python, [join(here, program), ...args], {
    encoding: "utf8",
    env: pythonEnv,
    stdio: ["ignore", "pipe", "ignore"],
  });
}

const move = (...args: string[]) => server.cairn(["import", ...args]);

test("LangGraph's SQLite is read by LangGraph as before, and what waits goes on", { timeout: 180_000 }, async () => {
  const file = join(folder, "langgraph.db");
  run("fill_langgraph.py", "sqlite", file);
  const moved = await move("--from", "langgraph-sqlite", file, "--json");
  expect(moved).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(moved.stdout)).toEqual({ threads: 3, put: 20, there: 0, verified: 20 });
  const again = await move("--from", "langgraph-sqlite", file);
  expect(again.stdout).toBe("moved in 3 threads: 0 checkpoints put, 20 were there, 20 read back\n");
  expect(run("compare_langgraph.py", "sqlite", file, server.address, "default")).toBe("20 at last\n");
});

test("one thread is moved when it is named", async () => {
  const file = join(folder, "langgraph.db");
  const args = ["--from", "langgraph-sqlite", file, "--space", "one"];
  expect((await move(...args, "--thread", "forked")).stdout).toContain("moved in 1 threads: 8 checkpoints put");
  expect(await move(...args, "--thread", "missing")).toMatchObject({ code: 2, stdout: "" });
  const client = CairnClient.connect({ address: server.address, space: "one" });
  const threads: string[] = [];
  for await (const { id } of client.threads.list()) threads.push(id);
  client.close();
  expect(threads).toEqual(["forked"]);
});

test("LangGraph's MongoDB is moved as its SQLite is", async () => {
  const uri = inject("mongoUri");
  const database = `moving-in-${process.pid}`;
  const mongo = new MongoClient(uri);
  // What MongoDBSaver 0.5.1 wrote for the same program.
  const collections: Record<string, Document[]> = BSON.EJSON.parse(
    readFileSync(join(here, "langgraph-mongodb.json"), "utf8"),
    { relaxed: false },
  );
  for (const [name, documents] of Object.entries(collections)) {
    await mongo.db(database).collection(name).insertMany(documents);
  }
  const located = uri.replace(/\/(\?|$)/, `/${database}$1`);
  const moved = await move("--from", "langgraph-mongodb", located, "--space", "mongo", "--json");
  await mongo.db(database).dropDatabase();
  await mongo.close();
  expect(moved).toMatchObject({ code: 0, stderr: "" });
  expect(JSON.parse(moved.stdout)).toMatchObject({ threads: 3, put: 20, verified: 20 });
  const client = CairnClient.connect({ address: server.address, space: "mongo" });
  const { checkpoint, values } = await client.checkpointStore.get("done");
  client.close();
  expect(checkpoint).toMatchObject({ step: 2n, source: "loop", parents: {} });
  expect(JSON.parse(new TextDecoder().decode(checkpoint.metadata))).toMatchObject({ who: "äöü", step: 2 });
  expect(values.size).toBe(Object.keys(checkpoint.channelValues).length);
});

test("LangGraph's PostgreSQL is read by LangGraph as before, and what waits goes on", {
  timeout: 180_000,
}, async () => {
  const postgres = await startPostgres();
  try {
    run("fill_langgraph.py", "postgres", postgres.uri);
    const args = ["--from", "langgraph-postgres", postgres.uri, "--space", "postgres"];
    expect((await move(...args)).stdout).toBe("moved in 3 threads: 20 checkpoints put, 20 read back\n");
    expect((await move(...args)).stdout).toContain("0 checkpoints put, 20 were there");
    expect(run("compare_langgraph.py", "postgres", postgres.uri, server.address, "postgres")).toBe("20 at last\n");
  } finally {
    await postgres.stop();
  }
});

test("NeoGraph's SQLite is what its own store gives", async () => {
  const file = join(folder, "neograph.db");
  run("fill_neograph.py", file);
  expect((await move("--from", "neograph-sqlite", file)).stdout).toContain("moved in 2 threads: 4 checkpoints put");
  expect(run("fill_neograph.py", file, server.address)).toBe("4\n");
});

test("juncture's SQLite is moved with its structs by their members", async () => {
  const file = join(folder, "juncture.db");
  const database = new DatabaseSync(file);
  database.exec(readFileSync(join(here, "juncture.sql"), "utf8"));
  database.close();
  const moved = await move("--from", "juncture-sqlite", file, "--space", "juncture");
  expect(moved.stdout).toContain("moved in 2 threads: 6 checkpoints put, 6 read back");
  const client = CairnClient.connect({ address: server.address, space: "juncture" });
  const { checkpoint, writes, values } = await client.checkpointStore.get("first");
  client.close();
  expect(checkpoint).toMatchObject({
    id: "1f02-first",
    parentId: "1f01-first",
    source: "interrupt",
    sourceNode: "a",
    step: 2n,
    createdAt: "2026-01-02T03:04:02+00:00",
    pendingTasks: [
      { id: "t", node: "a", triggers: ["x", "y"] },
      { id: "u", node: "b", triggers: [] },
    ],
    pendingSends: [{ node: "b" }],
    pendingInterrupts: [{ id: "ask", index: 3n, createdAt: "2026-01-02T03:04:05.893586284Z" }],
  });
  const texts = Object.entries(checkpoint.channelValues).map(([name, { source }]) => {
    const value = source.case === "ref" ? values.get(source.value) : undefined;
    return [name, new TextDecoder().decode(value?.data)];
  });
  expect(Object.fromEntries(texts)).toEqual({
    n: "2",
    big: "18446744073709551615",
    one: "1.0",
    none: "null",
    text: '"a\\u0000😀"',
    log: '[2,{"x":[]}]',
  });
  expect(writes.map(({ taskId, idx, channel }) => [taskId, idx, channel])).toEqual([
    ["t", 0, "n"],
    ["t", 1, "log"],
  ]);
});

/** A file of LangGraph's with many small checkpoints of one thread. */
function manyCheckpoints(file: string, count: number, value: number): void {
  const database = new DatabaseSync(file);
  database.exec(
    "CREATE TABLE checkpoints (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata)",
  );
  database.exec(
    "CREATE TABLE writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, value)",
  );
  const insert = database.prepare("INSERT INTO checkpoints VALUES ('many', '', ?, ?, 'json', ?, '{}')");
  const idOf = (i: number) => String(i).padStart(6, "0");
  for (let i = 0; i < count; i++) {
    insert.run(
      idOf(i),
      i === 0 ? null : idOf(i - 1),
      JSON.stringify({ id: idOf(i), channel_values: { n: value + i } }),
    );
  }
  database.close();
}

test("a move that is killed goes on where it was", async () => {
  const file = join(folder, "many.db");
  manyCheckpoints(file, 400, 0);
  const client = CairnClient.connect({ address: server.address });
  const child = server.start(["import", "--from", "langgraph-sqlite", file]);
  await until("some are there", async () => {
    const { entries } = await client.checkpoints.listCheckpoints({ threadId: "many", pageSize: 20 });
    return entries.length === 20;
  });
  child.kill("SIGKILL");
  expect((await ended(child)).code).toBeNull();
  client.close();
  const moved = JSON.parse((await move("--from", "langgraph-sqlite", file, "--json")).stdout);
  expect(moved.there).toBeGreaterThanOrEqual(20);
  expect(moved).toMatchObject({ threads: 1, put: 400 - moved.there, verified: 400 });
});

test("a thread that is another one stays as it is", async () => {
  const file = join(folder, "other.db");
  manyCheckpoints(file, 3, 7);
  const moved = await move("--from", "langgraph-sqlite", file);
  expect(moved).toMatchObject({ code: 5, stdout: "" });
  expect(moved.stderr).toContain('thread "many", checkpoint "000000": what the server has is not what the source has');
});

test.each([
  ["langgraph-sqlite", "no-such.db", "there is no such file"],
  ["neograph-sqlite", "other.db", "it has no table neograph_checkpoints"],
  ["juncture-sqlite", "text.db", "file is not a database"],
  ["langgraph-mongodb", "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300", "ECONNREFUSED"],
  ["langgraph-postgres", "postgresql://127.0.0.1:1/none", "ECONNREFUSED"],
  ["langgraph-redis", "x", "Allowed choices are"],
])("from %s, %s is refused by name", async (from, location, why) => {
  writeFileSync(join(folder, "text.db"), "no database at all, however long it is ".repeat(40));
  const refused = await move("--from", from, location.includes(":") ? location : join(folder, location));
  expect(refused).toMatchObject({ code: 2, stdout: "" });
  expect(refused.stderr).toContain(why);
  expect(refused.stderr.trim().split("\n")).toHaveLength(1);
});

test("a checkpoint that can't be read is named, and the thread's others are there", async () => {
  const file = join(folder, "pickled.db");
  manyCheckpoints(file, 3, 0);
  const database = new DatabaseSync(file);
  database.exec("UPDATE checkpoints SET type = 'pickle' WHERE checkpoint_id = '000002'");
  database.close();
  const refused = await move("--from", "langgraph-sqlite", file, "--space", "pickled");
  expect(refused).toMatchObject({ code: 2, stdout: "" });
  expect(refused.stderr).toContain('thread "many", checkpoint "000002": its type is "pickle"');
});
