// Writes the fixture of the layout that this build writes: `node test/conformance/layouts/make-fixture.ts`. Run once,
// before a build writes the next layout; what is committed is never made again.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { gzipSync } from "node:zlib";
import { openStore } from "../../../src/store/open.ts";
import { LAYOUT } from "../../../src/store/record-codec.ts";
import { systemEnvironment } from "../../../src/system/environment.ts";
import { clockOf, expectedFile, type Fixture, fixtureFile } from "./fixture.ts";
import { readAll, SPACE } from "./reading.ts";
import { tellStory } from "./story.ts";

type Columns = { [column: string]: unknown };

function dump(folder: string): Fixture {
  const database = new DatabaseSync(join(folder, "cairn.db"));
  const all = (sql: string) => database.prepare(sql).all(SPACE) as Columns[];
  const fixture: Fixture = {
    layout: LAYOUT,
    atMs: Date.now(),
    rows: all("SELECT * FROM rows WHERE space = ? ORDER BY thread, n").map(rowOf),
    parts: all("SELECT * FROM parts WHERE space = ? ORDER BY id").map((part) => ({
      thread: part.thread as string,
      upload: part.upload as string,
      part: part.part as number,
      after: part.after_n as number,
      data: base64(part.data),
    })),
    graphs: all("SELECT * FROM graphs WHERE space = ? ORDER BY name, revision").map((graph) => ({
      name: graph.name as string,
      hash: graph.hash as string,
      revision: graph.revision as number,
      body: base64(graph.body),
    })),
  };
  database.close();
  return fixture;
}

function rowOf(columns: Columns): Fixture["rows"][number] {
  const { thread, n, attempt, namespace, checkpoint, seq, floor, expires_at, keys, tags, body } = columns;
  return {
    thread: thread as string,
    row: {
      n: n as number,
      attempt: attempt as string,
      ...(checkpoint !== null && {
        checkpoint: { namespace: namespace as string, id: checkpoint as string, seq: seq as number },
      }),
      floor: floor === 1,
      keys: JSON.parse(keys as string) as string[],
      tags: JSON.parse(tags as string) as string[],
      ...(expires_at !== null && { expiresAtMs: expires_at as number }),
      body: base64(body),
    },
  };
}

function base64(bytes: unknown): string {
  return Buffer.from(bytes as Uint8Array).toString("base64");
}

if (existsSync(fixtureFile(LAYOUT))) throw new Error(`there is a fixture of layout ${LAYOUT} already`);
const folder = mkdtempSync(join(tmpdir(), "cairn-fixture-"));
await tellStory(folder, systemEnvironment);
const fixture = dump(folder);
const store = await openStore({ folder }, clockOf(fixture));
const expected = await readAll(store);
await store.close();
rmSync(folder, { recursive: true });
mkdirSync(dirname(fixtureFile(LAYOUT)), { recursive: true });
writeFileSync(fixtureFile(LAYOUT), gzipSync(JSON.stringify(fixture), { level: 9 }));
writeFileSync(expectedFile(LAYOUT), gzipSync(JSON.stringify(expected), { level: 9 }));
