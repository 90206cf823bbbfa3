// Stores of every layout that there ever was, each read by this build on both backends.
import { describe, expect, test } from "vitest";
import { LogStore } from "../../../src/store/log-store.ts";
import { LAYOUT } from "../../../src/store/record-codec.ts";
import { storeKinds } from "../../support/stores.ts";
import { clockOf, fixtureLayouts, readExpected, readFixture } from "./fixture.ts";
import { load } from "./load.ts";
import { openNewLog } from "./new-log.ts";
import { readAll } from "./reading.ts";

test("there is a fixture of every layout", () => {
  expect(fixtureLayouts()).toEqual(Array.from({ length: LAYOUT }, (_, index) => index + 1));
});

describe.each(storeKinds)("on %s", (kind) => {
  test.each(fixtureLayouts())("a store of layout %i is read as it was", async (layout) => {
    const fixture = readFixture(layout);
    await using opened = await openNewLog(kind, clockOf(fixture));
    await load(opened.log, fixture);
    expect(await readAll(new LogStore(opened.log, clockOf(fixture)))).toEqual(readExpected(layout));
  });
});
