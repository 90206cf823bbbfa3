import { toBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { RecordSchema } from "../../../src/gen/cairn/store/v1/record_pb.ts";
import type { Log, Row, Scan, ThreadKey } from "../../../src/store/log.ts";
import { decodeRow, LAYOUT } from "../../../src/store/record-codec.ts";
import { type Context, FULL, inline, migrated, put, savedEvent } from "./support.ts";

/** All rows of the space, by pages. */
async function scanned(log: Log, space: string, limit: number): Promise<Scan["rows"]> {
  const rows: Scan["rows"] = [];
  for (let after: string | undefined = ""; after !== undefined; ) {
    const scan: Scan = await log.scan(after, limit);
    rows.push(...scan.rows.filter(({ key }) => key.space === space));
    after = scan.next;
  }
  return rows;
}

async function allRows(log: Log, key: ThreadKey): Promise<Row[]> {
  return await log.after(key, 0, 1_000);
}

/** Makes rows as a build of layout 1 wrote them. */
async function makeOld(log: Log, key: ThreadKey): Promise<void> {
  const rows = await allRows(log, key);
  await log.recode(
    rows.map((row) => {
      const to = toBinary(RecordSchema, { ...decodeRow(key, row), layout: 1 });
      return { key, n: row.n, from: row.body, to, layout: 1 };
    }),
  );
}

export function layouts(context: () => Context): void {
  describe("layouts", () => {
    test("a scan meets every row once, however large its pages are", async () => {
      const { store, log, space } = context();
      for (const thread of ["t", "u", "v"]) {
        for (const id of ["a", "b"]) {
          await put(store, { space, thread }, id, { values: { big: inline(new Uint8Array(300_000)) } });
        }
      }
      const expected = ["t", "u", "v"].flatMap((thread) =>
        [1, 2].map((n) => ({ key: { space, thread }, n, layout: LAYOUT })),
      );
      const inOrder = (rows: Scan["rows"]) =>
        rows.toSorted((one, other) => (one.key.thread < other.key.thread ? -1 : 1) || one.n - other.n);
      for (const limit of [1, 2, 7, 1_000]) {
        expect(inOrder(await scanned(log, space, limit))).toEqual(expected);
      }
      expect(await log.sizeAbout()).toBeGreaterThanOrEqual(6);
    });

    test("another encoding takes a row's place only if the row is as it was read", async () => {
      const { store, log, space } = context();
      const key = { space, thread: "t" };
      await put(store, key, "a", { values: { x: "1" } });
      const [row] = (await allRows(log, key)) as [Row];
      const to = toBinary(RecordSchema, { ...decodeRow(key, row), layout: 1 });
      const recoded = { key, n: 1, from: row.body, to, layout: 1 };
      expect(await log.recode([recoded])).toBe(0);
      expect(await allRows(log, key)).toEqual([{ ...row, body: to, layout: 1 }]);
      expect((await scanned(log, space, 10)).map(({ layout }) => layout)).toEqual([1]);
      // It is another one by now, and there is none at 2.
      expect(
        await log.recode([
          { ...recoded, layout: 2 },
          { ...recoded, n: 2 },
        ]),
      ).toBe(2);
      expect((await allRows(log, key))[0]).toMatchObject({ layout: 1 });
      expect((await migrated(store)).upgraded).toBe(1);
      expect(await allRows(log, key)).toEqual([row]);
    });

    test("a migration upgrades what is older, tells how much there was, and has then nothing to do", async () => {
      const { store, log, space } = context();
      const key = { space, thread: "t" };
      for (const id of ["a", "b", "c"]) {
        await put(store, key, id, { values: { x: id } }, { events: [savedEvent(id)] });
      }
      const before = await store.listCheckpoints(space, listOf("t"), FULL);
      const rows = await allRows(log, key);
      await makeOld(log, key);
      const counted = await migrated(store, true);
      expect(counted.layouts.get(1)).toBe(3);
      expect(counted.upgraded).toBe(0);
      expect(await migrated(store)).toMatchObject({ upgraded: 3, unreadable: 0 });
      expect(await allRows(log, key)).toEqual(rows);
      expect(await store.listCheckpoints(space, listOf("t"), FULL)).toEqual(before);
      const again = await migrated(store);
      expect(again.upgraded).toBe(0);
      expect(again.layouts.get(1)).toBeUndefined();
    });

    test("two migrations at once, while others write and delete: nothing comes back and nothing is lost", async () => {
      const { store, other, log, space } = context();
      const key = { space, thread: "t" };
      const ids = Array.from({ length: 60 }, (_, index) => `c${index}`);
      for (const [index, id] of ids.entries()) {
        await put(store, key, id, { values: { x: id }, runId: index % 3 === 0 ? "lost" : "kept" });
      }
      await makeOld(log, key);
      const writing = async () => {
        for (let index = 0; index < 20; index++) await put(other, key, `new ${index}`, { values: { x: "new" } });
      };
      // Replaces older ones, whose rows are rewritten.
      const replacing = async () => {
        for (const id of ids.filter((_, index) => index % 3 === 1).slice(0, 5))
          await put(store, key, id, { runId: "kept" });
      };
      const [one, another, deleted] = await Promise.all([
        migrated(store),
        migrated(other),
        other.deleteRuns(space, ["lost"], () => {}),
        writing(),
        replacing(),
      ]);
      expect(deleted).toBe(20);
      expect(one.upgraded + another.upgraded).toBeGreaterThan(0);
      await migrated(store);
      expect(new Set((await scanned(log, space, 100)).map(({ layout }) => layout))).toEqual(new Set([LAYOUT]));
      const { entries } = await store.listCheckpoints(space, { ...listOf("t"), pageSize: 500 }, FULL);
      const left = ids.filter((_, index) => index % 3 !== 0).concat(Array.from({ length: 20 }, (_, i) => `new ${i}`));
      expect(entries.map(({ checkpoint }) => checkpoint.id).toSorted()).toEqual(left.toSorted());
    });

    test("a migration leaves what it can't read, and goes on", async () => {
      const { store, log, space } = context();
      const [broken, newer, fine] = ["broken", "newer", "whole"].map((thread) => ({ space, thread })) as [
        ThreadKey,
        ThreadKey,
        ThreadKey,
      ];
      for (const key of [broken, newer, fine]) await put(store, key, "a");
      await makeOld(log, fine);
      const [row] = (await allRows(log, broken)) as [Row];
      const bytes = new Uint8Array([255]);
      await log.recode([{ key: broken, n: 1, from: row.body, to: bytes, layout: 1 }]);
      const [other] = (await allRows(log, newer)) as [Row];
      const body = toBinary(RecordSchema, { ...decodeRow(newer, other), layout: LAYOUT + 1 });
      await log.recode([{ key: newer, n: 1, from: other.body, to: body, layout: LAYOUT + 1 }]);
      const migration = await migrated(store);
      expect(migration).toMatchObject({ upgraded: 1, unreadable: 1 });
      expect(migration.layouts.get(LAYOUT + 1)).toBe(1);
      expect((await allRows(log, broken))[0]?.body).toEqual(bytes);
      expect((await allRows(log, newer))[0]?.body).toEqual(body);
      // So that the tests that follow find nothing amiss.
      await log.recode([{ key: broken, n: 1, from: bytes, to: row.body, layout: LAYOUT }]);
      await log.recode([{ key: newer, n: 1, from: body, to: other.body, layout: LAYOUT }]);
    });
  });
}

function listOf(thread: string) {
  return { thread, filters: [], order: "seq" as const, pageSize: 100, pageToken: "" };
}
