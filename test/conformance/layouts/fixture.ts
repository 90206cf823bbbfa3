// A store as it was written by a build of an older layout: its rows, and what is to be read from them.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import type { GraphRow, Row } from "../../../src/store/log.ts";
import { type Environment, systemEnvironment } from "../../../src/system/environment.ts";

export interface Fixture {
  layout: number;
  /** When it was made: requests are remembered from then on. */
  atMs: number;
  rows: { thread: string; row: StoredRow }[];
  /** Bytes in base64, as all here. */
  parts: { thread: string; upload: string; part: number; after: number; data: string }[];
  graphs: (Omit<GraphRow, "body" | "layout"> & { body: string })[];
}

export type StoredRow = Omit<Row, "body" | "layout"> & { body: string };

const folder = join(import.meta.dirname, "fixtures");

export const fixtureFile = (layout: number): string => join(folder, `layout-${layout}.json.gz`);
export const expectedFile = (layout: number): string => join(folder, `layout-${layout}.expected.json.gz`);

/** The layouts of which there is a fixture, oldest first. */
export function fixtureLayouts(): number[] {
  const names = existsSync(folder) ? readdirSync(folder) : [];
  const layouts = names.map((name) => Number(/^layout-(\d+)\.json\.gz$/.exec(name)?.[1] ?? Number.NaN));
  return layouts.filter((layout) => layout > 0).sort((one, other) => one - other);
}

export function readFixture(layout: number): Fixture {
  return readJson(fixtureFile(layout)) as Fixture;
}

export function readExpected(layout: number): unknown {
  return readJson(expectedFile(layout));
}

function readJson(file: string): unknown {
  return JSON.parse(gunzipSync(readFileSync(file)).toString());
}

/** The time a while after the fixture was made, when its requests are still known. */
export function clockOf({ atMs }: Fixture): Environment {
  return { ...systemEnvironment, clock: { ...systemEnvironment.clock, nowMs: () => atMs + 60_000 } };
}
