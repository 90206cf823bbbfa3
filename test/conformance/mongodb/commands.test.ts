// What every command must carry, watched during one call of every method.
import type { CommandStartedEvent } from "mongodb";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { UNSHARDED } from "../../../src/store/mongodb/unsharded.ts";
import { LAYOUT } from "../../../src/store/record-codec.ts";
import { checkpointEntry, entryOf, floorEntry, newThread, openTestLog, rowOf, type TestLog } from "./support.ts";

let test1: TestLog;
const seen: CommandStartedEvent[] = [];

beforeAll(async () => {
  test1 = await openTestLog(inject("mongoUri"), { onCommand: (event) => void seen.push(event) });
  const { log } = test1;
  const key = newThread("commands");
  await log.putParts(key, { upload: "upload", parts: [new Uint8Array(3)] });
  for (let n = 1; n <= 5; n++) await log.append(checkpointEntry(key, n, { keys: ["k"], tags: ["t"], metadata: "{}" }));
  expect(await log.append(entryOf(key, 5))).toBe("taken");
  await log.append(entryOf(key, 6, { rewrites: [rowOf(2), rowOf(3)] }));
  for (const namespace of [undefined, ""]) {
    await log.checkpoints(key, { order: "seq", tags: [], limit: 1, namespace, before: { seq: 4 } });
    await log.checkpoints(key, { order: "id", tags: ["t"], limit: 1, namespace, before: { id: "c9" } });
  }
  await log.last(key);
  await log.after(key, 0, 2);
  await log.byKeys(key, ["k"]);
  await log.byKeyNewest(key, "k", 4, 2);
  await log.gather(key, { positions: [1], parts: [{ upload: "upload", count: 1 }], keys: ["k"] });
  await log.append(floorEntry(key, 7));
  await log.truncate(key, 7);
  await log.findByKey(key.space, "k", undefined, 5);
  await log.threads(key.space, { tags: ["t"], status: 1, after: { createdAtMs: 5, thread: "x" }, limit: 5 });
  await log.threadIds(key.space, "", 5);
  await log.spaces("", 5);
  await log.putGraph(key.space, { name: "g", hash: "h", revision: 1, layout: LAYOUT, body: new Uint8Array(1) });
  await log.putGraph(key.space, { name: "g", hash: "i", revision: 1, layout: LAYOUT, body: new Uint8Array(2) });
  await log.getGraph(key.space, "g");
  await log.getGraph(key.space, "g", "h");
  await log.listGraphs(key.space, "", 5);
  await log.agedUploads(Date.now(), 5);
  await log.keepParts(key, "upload");
  await log.removeParts(key, "upload");
  await log.sizeAbout();
  await log.scan((await log.scan("", 1)).next ?? "", 5);
  const to = { layout: LAYOUT, body: new Uint8Array(2) };
  await log.recode([{ key, n: 7, from: new Uint8Array(1), to: to.body, layout: LAYOUT }]);
  for (const { space, graph } of (await log.scanGraphs("", 1)).graphs) await log.recodeGraph(space, graph, to);
  await log.deleteGraphs(key.space);
  await log.sweep();
  await log.ping();
}, 180_000);
afterAll(() => test1.end());

const reads = new Set(["find", "aggregate", "count", "distinct"]);
const writes = new Set(["insert", "update", "delete", "findAndModify"]);
const others = new Set([
  "getMore",
  "createIndexes",
  "ping",
  "hello",
  "endSessions",
  "commitTransaction",
  "abortTransaction",
]);

/** The selections of a command: its filter, or those of its statements; inserted documents must name the shard too. */
function selections({ commandName, command }: CommandStartedEvent): Record<string, unknown>[] {
  switch (commandName) {
    case "find":
      return [command.filter];
    case "update":
      return command.updates.map(({ q }: { q: Record<string, unknown> }) => q);
    case "delete":
      return command.deletes.map(({ q }: { q: Record<string, unknown> }) => q);
    case "insert":
      return command.documents;
    case "aggregate":
      return [command.pipeline[0].$match];
    default:
      return [];
  }
}

function namesShard(selection: Record<string, unknown>, fields: string[]): boolean {
  const alternatives = selection.$or as Record<string, unknown>[] | undefined;
  if (fields.every((field) => typeof selection[field] === "string")) return true;
  return alternatives?.every((alternative) => namesShard(alternative, fields)) ?? false;
}

test("each is of a kind that is known", () => {
  expect(seen.length).toBeGreaterThan(40);
  for (const { commandName } of seen) expect([...reads, ...writes, ...others]).toContain(commandName);
});

test("each names the shard key, or says that it is over all threads", () => {
  const checked = new Map<string, number>();
  for (const event of seen) {
    if (event.command.comment === UNSHARDED) continue;
    const collection = event.command[event.commandName];
    const fields = collection === "graphs" ? ["s"] : ["s", "t"];
    for (const selection of selections(event)) {
      expect(namesShard(selection, fields), JSON.stringify(event.command)).toBe(true);
      const kind = `${event.commandName} ${collection}`;
      checked.set(kind, (checked.get(kind) ?? 0) + 1);
    }
  }
  for (const kind of ["find log", "insert log", "update log", "delete log", "update threads"]) {
    expect(checked.get(kind), kind).toBeGreaterThan(0);
  }
});

test("those over all threads come from where they belong", async () => {
  const marked = seen.filter(({ command }) => command.comment === UNSHARDED);
  expect(marked.length).toBeGreaterThanOrEqual(5);
  for (const { commandName } of marked) expect(["find", "count"]).toContain(commandName);
});

test("each says how durable it is to be, or what it is to see", () => {
  for (const { commandName, command } of seen) {
    // In a transaction, the first statement says what it sees and the commit how durable it is.
    if (commandName === "commitTransaction") expect(command.writeConcern).toMatchObject({ w: "majority", j: true });
    if (command.txnNumber !== undefined) {
      if (command.startTransaction) expect(command.readConcern).toMatchObject({ level: "snapshot" });
    } else if (reads.has(commandName)) {
      expect(command.readConcern, JSON.stringify(command)).toMatchObject({ level: "majority" });
    } else if (writes.has(commandName)) {
      expect(command.writeConcern, JSON.stringify(command)).toMatchObject({ w: "majority", j: true });
    }
    if (reads.has(commandName)) expect(command.$readPreference?.mode ?? "primary").toBe("primary");
  }
});
