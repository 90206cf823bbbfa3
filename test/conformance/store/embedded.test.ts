import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { limits } from "../../../src/limits.ts";
import { openEmbeddedLog } from "../../../src/store/embedded/embedded-log.ts";
import { TABLES_LAYOUT } from "../../../src/store/embedded/schema.ts";
import type { Log } from "../../../src/store/log.ts";
import { LogStore } from "../../../src/store/log-store.ts";
import { openStore } from "../../../src/store/open.ts";
import type { Store } from "../../../src/store/store.ts";
import { systemEnvironment } from "../../../src/system/environment.ts";
import { storeConformance } from "./conformance.ts";
import { errorOf, inline, latest, migrated, put, textOf } from "./support.ts";

storeConformance("embedded", async () => {
  const folder = await mkdtemp(join(tmpdir(), "cairn-store-"));
  let log: Log | undefined;
  return {
    // One process, one log: servers can only share it.
    open: async (environment) => {
      log ??= await openEmbeddedLog(folder, environment);
      return log;
    },
    close: () => rm(folder, { recursive: true }),
  };
});

describe("embedded store", () => {
  let parent: string;
  let folders = 0;
  const folder = () => join(parent, `${++folders}`, "made when missing");
  const open = (path: string): Promise<Store> => openStore({ folder: path }, systemEnvironment);
  const key = { space: "s", thread: "t" };

  beforeAll(async () => {
    parent = await mkdtemp(join(tmpdir(), "cairn-embedded-"));
  });
  afterAll(() => rm(parent, { recursive: true }));

  test("is there again when the folder is opened again", async () => {
    const path = folder();
    const store = await open(path);
    expect(store).toMatchObject({ kind: "embedded", exclusive: true });
    await put(store, key, "a", { values: { x: "1", big: inline(new Uint8Array(3_000_000)) } });
    await store.close();
    const again = await open(path);
    const found = await latest(again, key);
    expect(textOf(found, "x")).toBe("1");
    expect(found?.values.size).toBe(2);
    await put(again, key, "b");
    expect((await again.tail(key)).n).toBe(2);
    await again.close();
  });

  test("what was acknowledged survives kill -9, and the folder is free at once", async () => {
    const path = folder();
    const child = spawn(process.execPath, [join(import.meta.dirname, "putting-process.ts"), path]);
    let acknowledged = 0;
    let errors = "";
    child.stderr.on("data", (chunk) => {
      errors += chunk;
    });
    for await (const chunk of child.stdout) {
      acknowledged += `${chunk}`.split("\n").length - 1;
      if (acknowledged >= 200) {
        const error = await errorOf(open(path));
        expect(error.reasonName).toBe("STORE_UNAVAILABLE");
        expect(error.message).toContain("in use by another process");
        child.kill("SIGKILL");
        break;
      }
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    expect(acknowledged, errors).toBeGreaterThanOrEqual(200);
    const store = await open(path);
    expect((await store.tail(key)).n).toBeGreaterThanOrEqual(acknowledged);
    await store.close();
  });

  test("a full disk is told, loses nothing, and leaves the store readable", async () => {
    const log = await openEmbeddedLog(folder(), systemEnvironment, { maxBytes: 2_000_000 });
    const store = new LogStore(log, systemEnvironment);
    const committed: string[] = [];
    let refused: unknown;
    for (let index = 0; index < 100 && !refused; index++) {
      const outcome = put(store, key, `c${index}`, { values: { x: inline(randomBytes(100_000)) } });
      await outcome.then(
        () => committed.push(`c${index}`),
        (error: unknown) => {
          refused = error;
        },
      );
    }
    expect(refused).toMatchObject({ reasonName: "STORE_FULL" });
    expect(committed.length).toBeGreaterThan(5);
    expect((await latest(store, key))?.checkpoint.id).toBe(committed.at(-1));
    const small = put(store, { space: "s", thread: "small" }, "fits");
    await Promise.allSettled([small, put(store, key, "no", { values: { x: inline(randomBytes(240_000)) } })]);
    expect((await latest(store, key))?.checkpoint.id).toBe(committed.at(-1));
    await store.close();
  });

  test("tables of a newer layout are refused, naming both", async () => {
    const path = folder();
    await (await open(path)).close();
    const database = new DatabaseSync(join(path, "cairn.db"));
    database.exec("UPDATE meta SET value = 7 WHERE name = 'layout'");
    database.close();
    const error = await errorOf(open(path));
    const metadata = { layout: "7", known_layout: `${TABLES_LAYOUT}` };
    expect(error).toMatchObject({ reasonName: "LAYOUT_TOO_NEW", metadata });
  });

  test("tables of the first layout get what they lack, and their rows are upgraded by a migration", async () => {
    const path = folder();
    const store = await open(path);
    await put(store, key, "a", { values: { x: "1" } });
    await store.close();
    const database = new DatabaseSync(join(path, "cairn.db"));
    for (const table of ["threads", "parts"]) {
      database.exec(`DROP INDEX ${table}_expiring; ALTER TABLE ${table} DROP COLUMN expires_at`);
    }
    for (const table of ["rows", "graphs"]) database.exec(`ALTER TABLE ${table} DROP COLUMN layout`);
    database.exec("UPDATE meta SET value = 1 WHERE name = 'layout'");
    database.close();
    const again = await open(path);
    expect(textOf(await latest(again, key), "x")).toBe("1");
    await put(again, key, "b", {}, { ttlMs: 1000 });
    expect((await again.getThread(key))?.ttl?.seconds).toBe(1n);
    expect(await migrated(again)).toMatchObject({ upgraded: 1 });
    expect(textOf(await latest(again, key), "x")).toBeUndefined();
    await again.close();
    await (await open(path)).close();
  });

  test("a backup is a store as it was, while the one that it was made of goes on", async () => {
    const path = folder();
    const store = await open(path);
    const big = inline(new Uint8Array(3_000_000));
    for (let index = 0; index < 50; index++) await put(store, key, `c${index}`, { values: { x: `${index}`, big } });
    const copy = join(path, "copy");
    let isDone = false;
    const backup = store.backup(copy).finally(() => {
      isDone = true;
    });
    // Heard of at once, also when the loop below fails.
    backup.catch(() => {});
    let meanwhile = 0;
    while (!isDone) await put(store, key, `meanwhile ${meanwhile++}`, { values: { x: "later" } });
    await backup;
    expect(await errorOf(store.backup(copy))).toMatchObject({ reasonName: "INVALID_FIELD" });
    expect(await errorOf(store.backup("relative"))).toMatchObject({ reasonName: "INVALID_FIELD" });
    await put(store, key, "last");
    const copied = await open(copy);
    expect((await copied.tail(key)).n).toBeGreaterThanOrEqual(50);
    const found = await copied.getCheckpoint(key, "", { id: "c49" }, { view: "full" });
    expect(textOf(found, "x")).toBe("49");
    expect(found?.values.size).toBe(2);
    expect(await copied.getCheckpoint(key, "", { id: "last" }, { view: "full" })).toBeUndefined();
    await put(copied, key, "own");
    expect((await latest(store, key))?.checkpoint.id).toBe("last");
    await copied.close();
    expect((await errorOf(open(path))).message).toContain("in use by another process");
    const cut = errorOf(store.backup(join(path, "cut")));
    await store.close();
    expect(await cut).toMatchObject({ reasonName: "STORE_UNAVAILABLE" });
    expect(existsSync(join(path, "cut"))).toBe(false);
    const again = await open(path);
    expect((await latest(again, key))?.checkpoint.id).toBe("last");
    await again.close();
  });

  test("a file that is no database is refused clearly", async () => {
    await writeFile(join(parent, "cairn.db"), "this is not a database at all, but some text ".repeat(100));
    const error = await errorOf(open(parent));
    expect(error.reasonName).toBe("DATA_CORRUPT");
    expect(error.message).toContain("not a readable store");
  });

  test("a folder that cannot be is refused clearly", async () => {
    const file = join(parent, "file");
    await writeFile(file, "");
    const error = await errorOf(open(join(file, "inside")));
    expect(error).toMatchObject({ reasonName: "STORE_UNAVAILABLE" });
  });

  test("what is deleted leaves the disk, first of all when a stopped process had begun", async () => {
    const path = folder();
    const store = await open(path);
    for (let index = 0; index < 5; index++) await put(store, key, `c${index}`, { values: { x: "1" } });
    await put(store, key, "big", { values: { x: inline(new Uint8Array(3_000_000)) } });
    await store.deleteThread(key);
    await store.close();
    const rows = (): unknown[] => {
      const database = new DatabaseSync(join(path, "cairn.db"));
      const counts = ["rows", "row_keys", "parts"].map(
        (table) => database.prepare(`SELECT count(*) c FROM ${table}`).get()?.c,
      );
      database.close();
      return counts;
    };
    expect(rows()).toEqual([1, 0, 0]);
    const clock = { ...systemEnvironment.clock, nowMs: () => Date.now() + limits.requestKeptMs + 60_000 };
    const later = await openStore({ folder: path }, { ...systemEnvironment, clock });
    expect(await later.tail(key)).toMatchObject({ n: 0, exists: false });
    await later.close();
    expect(rows()).toEqual([0, 0, 0]);
  });
});
