// Stores of every layout that there ever was, each read by this build on both backends.
import { describe, expect, test } from "vitest";
import { rowOf } from "../../../src/store/draft.ts";
import type { Log } from "../../../src/store/log.ts";
import { LogStore } from "../../../src/store/log-store.ts";
import { decodeRow, LAYOUT } from "../../../src/store/record-codec.ts";
import { storeKinds } from "../../support/stores.ts";
import { migrated } from "../store/support.ts";
import { clockOf, type Fixture, fixtureLayouts, readExpected, readFixture } from "./fixture.ts";
import { load } from "./load.ts";
import { openNewLog } from "./new-log.ts";
import { readAll, SPACE } from "./reading.ts";

test("there is a fixture of every layout", () => {
  expect(fixtureLayouts()).toEqual(Array.from({ length: LAYOUT }, (_, index) => index + 1));
});

function recordsIn({ rows, graphs }: Fixture): number {
  return rows.length + graphs.length;
}

/** What rows are found by follows from the record, and no layout may change it. */
async function sameColumns(log: Log, { rows, layout }: Fixture): Promise<void> {
  for (const { thread, row } of rows) {
    const key = { space: SPACE, thread };
    const [found] = (await log.gather(key, { positions: [row.n], parts: [], keys: [] })).rows;
    if (found === undefined) throw new Error(`row ${row.n} of ${thread} is gone`);
    const { body, expiresAtMs, ...columns } = rowOf(key, row.n, row.attempt, decodeRow(key, found));
    // Rows name their parts since parts are removed that no row names; older parts never are.
    const withoutParts = (keys: string[]) => keys.filter((lookup) => !lookup.startsWith("p:"));
    const isNewest = layout === LAYOUT;
    const [keys, expected] = isNewest ? [columns.keys, row.keys] : [withoutParts(columns.keys), withoutParts(row.keys)];
    expect({ ...columns, keys }).toMatchObject({ floor: row.floor, keys: expected, tags: row.tags, layout: LAYOUT });
    expect(columns.checkpoint).toEqual(row.checkpoint);
    expect(found.layout).toBe(LAYOUT);
  }
}

describe.each(storeKinds)("on %s", (kind) => {
  test.each(fixtureLayouts())("a store of layout %i is read as it was", async (layout) => {
    const fixture = readFixture(layout);
    await using opened = await openNewLog(kind, clockOf(fixture));
    await load(opened.log, fixture);
    const store = new LogStore(opened.log, clockOf(fixture));
    expect(await readAll(store)).toEqual(readExpected(layout));
    expect(await migrated(store)).toMatchObject({ unreadable: 0, upgraded: layout < LAYOUT ? recordsIn(fixture) : 0 });
    expect(await readAll(store)).toEqual(readExpected(layout));
    await sameColumns(opened.log, fixture);
  });
});
