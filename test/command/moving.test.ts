// A thread and a store on their way from one server to another, by the command.
import { existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openEmbeddedLog } from "../../src/store/embedded/embedded-log.ts";
import { systemEnvironment } from "../../src/system/environment.ts";
import { readFixture } from "../conformance/layouts/fixture.ts";
import { load } from "../conformance/layouts/load.ts";
import { cairn, type ServerProcess, serve } from "./cairn.ts";

let server: ServerProcess;
let other: ServerProcess;
const others: ServerProcess[] = [];

beforeAll(async () => {
  server = await serve();
  await server.stop();
  const log = await openEmbeddedLog(server.folder, systemEnvironment);
  await load(log, readFixture(1));
  await log.close();
  const tokens = join(server.folder, "tokens");
  writeFileSync(tokens, "one default\nall *\n");
  server = await serve(["--token-file", tokens], server.folder);
  other = await serve();
});
afterAll(async () => {
  for (const one of [server, other, ...others]) await one.remove();
});

const ask = (args: string[], token = "all") => server.cairn(args, { env: { CAIRN_TOKEN: token } });

test("a store is counted, migrated, and then has nothing of an older layout", async () => {
  const counted = await ask(["migrate", "--dry-run", "--json"]);
  expect(counted).toMatchObject({ code: 0, stderr: "" });
  const { layouts, newest_layout, upgraded } = JSON.parse(counted.stdout);
  expect(layouts["1"]).toBeGreaterThan(30);
  expect(upgraded).toBe(0);
  const migrated = await ask(["migrate", "--rows-per-second", "1000"]);
  expect(migrated).toMatchObject({ code: 0, stderr: "" });
  expect(migrated.stdout).toContain(`upgraded  ${layouts["1"]}`);
  const again = await ask(["migrate", "--dry-run"]);
  expect(again.stdout).toBe(`layout ${newest_layout}  ${layouts["1"]} records, the newest\n`);
});

test("what concerns every space takes a token for all of them", async () => {
  const backup = join(server.folder, "refused");
  for (const args of [["migrate"], ["migrate", "--dry-run"], ["backup", backup]]) {
    expect(await ask(args, "one")).toMatchObject({ code: 7, stdout: "" });
  }
  expect(existsSync(backup)).toBe(false);
  expect((await ask(["export", "native", "--space", "elsewhere"], "one")).code).toBe(7);
});

test("a thread goes to another server, and runs on there", async () => {
  const file = join(server.folder, "waiting.cairn");
  expect(await ask(["export", "waiting", "--out", file])).toMatchObject({ code: 0, stderr: "" });
  expect((await ask(["export", "waiting", "--out", file])).code).toBe(2);
  expect(await other.cairn(["import", file])).toMatchObject({ code: 0, stdout: "imported waiting: 7 records\n" });
  expect((await other.cairn(["import", file])).code).toBe(5);
  expect((await other.cairn(["import", file, "--thread", "again", "--space", "elsewhere"])).code).toBe(0);
  // The graph is moved by itself.
  expect((await other.cairn(["history", "waiting"])).stderr).toContain("GRAPH_NOT_FOUND");
  const { graph_name: name } = JSON.parse(
    (await ask(["threads", "--json"])).stdout.split("\n").find((line) => line.includes('"waiting"')) ?? "",
  );
  const graph = join(server.folder, "graph.yaml");
  writeFileSync(graph, (await ask(["graph", "show", name])).stdout);
  expect(await other.cairn(["graph", "register", graph])).toMatchObject({ code: 0 });
  const history = (stdout: string) => stdout.split("\n").filter((line) => line !== "");
  const before = await ask(["history", "waiting", "--json"]);
  const after = await other.cairn(["history", "waiting", "--json"]);
  expect(history(after.stdout)).toEqual(history(before.stdout));
  const cut = join(server.folder, "cut.cairn");
  writeFileSync(cut, readFileSync(file));
  truncateSync(cut, 2_000);
  const refused = await other.cairn(["import", cut, "--thread", "cut"]);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("truncated");
  expect((await other.cairn(["state", "cut"])).code).toBe(4);
  expect((await ask(["export", "nobody", "--out", join(server.folder, "nobody")])).code).toBe(4);
  expect(existsSync(join(server.folder, "nobody"))).toBe(false);
});

test("a backup is served by a server of its own", async () => {
  const folder = join(server.folder, "backup");
  expect(await ask(["backup", folder])).toMatchObject({ code: 0, stdout: `the store is copied to ${folder}\n` });
  expect((await ask(["backup", folder])).code).toBe(2);
  const copy = await serve([], folder);
  others.unshift(copy);
  expect((await copy.cairn(["threads"])).stdout).toBe((await ask(["threads"])).stdout);
});

test("a rate that is none is refused", async () => {
  expect((await cairn(["migrate", "--rows-per-second", "0"])).code).toBe(2);
});
