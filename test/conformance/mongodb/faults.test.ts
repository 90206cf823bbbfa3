// Members of the set step down, die and freeze under load: every acknowledged row is there, none twice.
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ErrorReason } from "../../../src/gen/cairn/v1/error_pb.ts";
import type { Log, ThreadKey } from "../../../src/store/log.ts";
import { openMongoLog } from "../../../src/store/mongodb/mongodb-log.ts";
import { systemEnvironment } from "../../../src/system/environment.ts";
import { type ReplicaSet, startReplicaSet } from "../../support/mongo.ts";
import { findMongod } from "../../support/mongod-binary.ts";
import { freePort } from "../../support/ports.ts";
import { Watchdog } from "../../support/watchdog.ts";
import { appendAll, checkpointEntry, entryOf, newThread, openTestLog, type TestLog } from "./support.ts";

const unavailable = expect.objectContaining({ reason: ErrorReason.STORE_UNAVAILABLE });
let set: ReplicaSet;
let test1: TestLog;

beforeAll(async () => {
  set = await startReplicaSet({ needsMembers: true });
  test1 = await openTestLog(set.uri.replace("serverSelectionTimeoutMS=60000", "serverSelectionTimeoutMS=2000"));
}, 180_000);
afterAll(async () => {
  await test1?.end();
  await set?.stop();
}, 120_000);

/** Writers that append to a thread each until they are stopped, and what they were told. */
class Load {
  readonly threads: { key: ThreadKey; acknowledged: Map<number, string>; unsettled: number; taken: number }[] = [];
  #isStopped = false;
  readonly #writers: Promise<void>[];

  constructor(log: Log, count: number) {
    this.threads = Array.from({ length: count }, () => ({
      key: newThread(),
      acknowledged: new Map(),
      unsettled: 0,
      taken: 0,
    }));
    this.#writers = this.threads.map(async (thread) => {
      for (let n = 1; !this.#isStopped; n++) {
        const entry = checkpointEntry(thread.key, n);
        try {
          const outcome = await log.append(entry);
          if (outcome === "appended") thread.acknowledged.set(n, entry.row.attempt);
          else thread.taken += 1;
        } catch (error) {
          expect(error).toEqual(unavailable);
          thread.unsettled += 1;
          n = await lastPosition(log, thread.key);
        }
      }
    });
  }

  get total(): number {
    return this.threads.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0);
  }

  /** Waits until this many more are acknowledged. */
  async progress(more: number): Promise<void> {
    for (const goal = this.total + more; this.total < goal; ) await sleep(10);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#writers);
  }
}

async function lastPosition(log: Log, key: ThreadKey): Promise<number> {
  for (;;) {
    try {
      return (await log.last(key))?.n ?? 0;
    } catch (error) {
      expect(error).toEqual(unavailable);
    }
  }
}

/** All that was acknowledged stands where it was said to; no attempt stands twice; positions have no gap. */
async function verify(load: Load): Promise<void> {
  for (const { key, acknowledged, unsettled } of load.threads) {
    const rows = await test1.log.after(key, 0, 100_000);
    const standing = new Map(rows.map(({ n, attempt }) => [n, attempt]));
    for (const [n, attempt] of acknowledged) expect(standing.get(n)).toBe(attempt);
    expect(new Set(standing.values()).size).toBe(rows.length);
    expect(rows.map(({ n }) => n)).toEqual(rows.map((_, index) => index + 1));
    expect(rows.length - acknowledged.size).toBeLessThanOrEqual(unsettled);
  }
}

test("the primary steps down under load, three times", async () => {
  const load = new Load(test1.log, 32);
  for (let round = 0; round < 3; round++) {
    await load.progress(500);
    await set.stepDown();
  }
  await load.progress(500);
  await load.stop();
  await verify(load);
  console.log(`step-downs: ${load.total} acknowledged, ${settled(load)}`);
}, 180_000);

test("the primary is killed under load, twice", async () => {
  const load = new Load(test1.log, 32);
  for (let round = 0; round < 2; round++) {
    await load.progress(500);
    const primary = await set.primary();
    await primary.kill("SIGKILL");
    await load.progress(500);
    await primary.restart();
  }
  await load.stop();
  await verify(load);
  console.log(`kills: ${load.total} acknowledged, ${settled(load)}`);
}, 180_000);

function settled({ threads }: Load): string {
  const sum = (field: "unsettled" | "taken") => threads.reduce((total, { [field]: value }) => total + value, 0);
  // Only settling reads a row's attempt alone.
  const reads = test1.commands.filter(({ command }) => command.find === "log" && command.projection?.a === 1).length;
  return `${reads} positions read so far to settle, ${sum("unsettled")} left unknown to the writer, ${sum("taken")} taken`;
}

test("without a majority nothing is acknowledged, and afterwards the position has one owner", async () => {
  const log = await test1.another({ patienceMs: 2_000 });
  const key = newThread();
  await appendAll(log, [entryOf(key, 1)]);
  const primary = await set.primary();
  const others = set.members.filter(({ port }) => port !== primary.port);
  for (const member of others) await member.kill("SIGSTOP");
  const lonely = entryOf(key, 2);
  try {
    await expect(log.append(lonely)).rejects.toEqual(unavailable);
  } finally {
    for (const member of others) await member.kill("SIGCONT");
  }
  await set.primary();
  const second = entryOf(key, 2);
  const outcome = await test1.log.append(second);
  const standing = (await test1.log.after(key, 1, 9)).map(({ attempt }) => attempt);
  expect(standing).toEqual([outcome === "appended" ? second.row.attempt : lonely.row.attempt]);
}, 120_000);

test("the whole set goes away during operation, and comes back: no restart is needed", async () => {
  const log = await test1.another({ patienceMs: 1_000 });
  const key = newThread();
  await appendAll(log, [checkpointEntry(key, 1)]);
  for (const member of set.members) await member.kill("SIGKILL");
  await expect(log.append(checkpointEntry(key, 2))).rejects.toEqual(unavailable);
  await expect(log.append(entryOf(key, 2, { rewrites: [checkpointEntry(key, 1).row] }))).rejects.toEqual(unavailable);
  await expect(log.last(key)).rejects.toEqual(unavailable);
  await expect(log.ping()).rejects.toEqual(unavailable);
  await expect(log.putParts(key, { upload: "upload", parts: [new Uint8Array(1)] })).rejects.toEqual(unavailable);
  await expect(log.threads(key.space, { tags: [], limit: 1 })).rejects.toEqual(unavailable);
  await Promise.all(set.members.map((member) => member.restart()));
  await set.primary();
  expect(await lastPosition(log, key)).toBe(1);
  expect(await log.append(checkpointEntry(key, 2))).toBe("appended");
  await log.ping();
}, 180_000);

test("unreachable at the start: one clear line", async () => {
  const uri = `mongodb://user:secret@127.0.0.1:${await freePort()}/?serverSelectionTimeoutMS=300`;
  const error = await openMongoLog({ uri }, systemEnvironment).catch((thrown: unknown) => thrown as Error);
  expect(error).toEqual(unavailable);
  expect((error as Error).message).toMatch(/^MongoDB can't be reached: [^\n]+$/);
  expect((error as Error).message).not.toContain("secret");
  const malformed = await openMongoLog({ uri: "mongodb://user:secret@" }, systemEnvironment).catch(
    (thrown: unknown) => thrown as Error,
  );
  expect(malformed).toEqual(unavailable);
  expect((malformed as Error).message).not.toContain("secret");
});

test("a server that stands alone is refused", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cairn-mongo-alone-"));
  const watchdog = new Watchdog(folder);
  const port = await freePort();
  const alone = spawn(
    findMongod(),
    ["--port", `${port}`, "--dbpath", folder, "--bind_ip", "127.0.0.1", "--nounixsocket"],
    { stdio: "ignore" },
  );
  watchdog.add(alone.pid as number);
  try {
    const opening = openMongoLog(
      { uri: `mongodb://127.0.0.1:${port}/?serverSelectionTimeoutMS=30000` },
      systemEnvironment,
    );
    await expect(opening).rejects.toThrow("stands alone");
  } finally {
    await watchdog.end();
  }
});
