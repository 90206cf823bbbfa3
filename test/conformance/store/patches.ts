import { randomBytes } from "node:crypto";
import { crc32 } from "node:zlib";
import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { SpliceSchema, type Value, ValueSchema } from "../../../src/gen/cairn/v1/value_pb.ts";
import { LogStore } from "../../../src/store/log-store.ts";
import type { Store, ThreadKey } from "../../../src/store/store.ts";
import { systemEnvironment } from "../../../src/system/environment.ts";
import { bytes, type Context, dataOf, errorOf, FULL, inline, latest, put, reasonOf, textOf, write } from "./support.ts";

/** A list as frameworks write it, one message longer at each step. */
const message = (i: number) => `{"id":${i},"text":"${randomBytes(300).toString("hex")}"}`;

export function patches(context: () => Context): void {
  describe("values that change", () => {
    test("cost what the change costs, and every version comes back as it was", async () => {
      const { store, other, log, space } = context();
      const key = { space, thread: "t" };
      const versions: string[] = [];
      const stored: number[] = [];
      let list = "";
      for (let i = 0; i < 150; i++) {
        list = `${list},${message(i)}`;
        // Now and then something else: a change in the middle, all of it anew.
        if (i % 40 === 39) list = `${list.slice(0, 5_000)}changed${list.slice(5_100)}`;
        if (i === 100) list = randomBytes(20_000).toString("hex");
        versions.push(list);
        // Another server goes on in between, as it sometimes does.
        const { record } = await put(i % 30 === 29 ? other : store, key, `c${i}`, { values: { list } });
        stored.push(
          record.values.reduce((sum, { storage }) => sum + Buffer.from(storage.value as Uint8Array).length, 0),
        );
      }
      const grown = stored.filter((_, i) => i > 10 && i !== 100);
      expect(grown.reduce((sum, size) => sum + size, 0) / grown.length).toBeLessThan(3 * message(0).length);
      // Nothing remembered: as a server reads that has just begun.
      const fresh = new LogStore(log, systemEnvironment);
      for (const reader of [store, fresh]) {
        for (const [i, version] of versions.entries()) {
          expect(await textAt(reader, key, `c${i}`, "list"), `version ${i}`).toBe(version);
        }
      }
      const page = { thread: "t", namespace: "", filters: [], order: "seq", pageSize: 50, pageToken: "" } as const;
      const { entries } = await fresh.listCheckpoints(space, { ...page, filters: [] }, FULL);
      expect(entries.map((entry) => textOf(entry, "list"))).toEqual(versions.toReversed().slice(0, 50));
    });

    test("of forks, of several channels and namespaces, and of writes don't meet", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      const base = randomBytes(2_000).toString("hex");
      const [left, right] = [`${base}left`, `${base}right`];
      await put(store, key, "a", { values: { x: base, y: right } });
      await put(store, key, "b", { parentId: "a", values: { x: left, y: base } });
      await put(store, key, "c", { parentId: "a", values: { x: right, y: left } });
      await put(store, key, "a", { namespace: "sub", values: { x: `${base}inner` } });
      const wrote = [write("t", 0, `${right}!`, "", "x"), write("t", 1, `${left}!`, "", "y")];
      await put(
        store,
        key,
        "d",
        { parentId: "c", values: { x: `${right}!` } },
        { writes: [{ namespace: "", checkpointId: "c", writes: wrote }] },
      );
      expect(await textAt(store, key, "b", "x")).toBe(left);
      expect(await textAt(store, key, "c", "y")).toBe(left);
      expect(textOf(await latest(store, key, "sub"), "x")).toBe(`${base}inner`);
      const found = await store.getCheckpoint(key, "", { id: "c" }, FULL);
      const written = found?.writes.map(({ value }) => Buffer.from(dataOf(found, value) ?? []).toString());
      expect(written).toEqual([`${right}!`, `${left}!`]);
    });

    test("of another type, or of nothing in common, are kept whole", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      const data = randomBytes(3_000);
      await put(store, key, "a", { values: { x: inline(data) } });
      const other = {
        ...inline(data),
        source: { case: "inline" as const, value: { ...typedOf(inline(data)), type: "msgpack" } },
      };
      const { record } = await put(store, key, "b", { values: { x: other } });
      const { record: anew } = await put(store, key, "c", { values: { x: inline(randomBytes(3_000)) } });
      expect([record, anew].map(({ values }) => values[0]?.patch)).toEqual([undefined, undefined]);
    });

    test("a large one is changed by a splice, checked by its checksum", async () => {
      const { store, space } = context();
      const key = { space, thread: "t" };
      const base = randomBytes(400_000);
      const { record } = await put(store, key, "a", { values: { x: inline(base) } });
      const ref = refOf(record.checkpoint?.channelValues.x);
      const whole = Buffer.concat([base.subarray(0, 100_000), bytes("middle"), base.subarray(399_000)]);
      const hunks = [
        { from: 0n, length: 100_000n },
        { literal: bytes("middle"), from: 399_000n, length: 1_000n },
      ];
      const splice = { baseRef: ref, hunks, crc32: crc32(whole) };
      const { record: changed } = await put(store, key, "b", { values: { x: spliced(splice) } });
      expect(changed.values[0]?.patch).toBeDefined();
      const found = await latest(store, key);
      expect(Buffer.compare(dataOf(found, found?.checkpoint.channelValues.x) ?? bytes(""), whole)).toBe(0);
      const wrong = await errorOf(put(store, key, "c", { values: { x: spliced({ ...splice, crc32: 1 }) } }));
      expect(wrong.reasonName).toBe("VALUE_CHECKSUM");
      expect(wrong.violations[0]?.field).toBe('checkpoint.channel_values["x"]');
      const long = await errorOf(
        put(store, key, "c", { values: { x: spliced({ ...splice, hunks: [{ from: 399_999n, length: 2n }] }) } }),
      );
      expect(long.message).toContain("reaches to byte 400001 of a base that has 400000");
      const unknown = put(store, key, "c", { values: { x: spliced({ ...splice, baseRef: "9.0" }) } });
      expect(await reasonOf(unknown)).toBe("VALUE_NOT_FOUND");
      expect((await latest(store, key))?.checkpoint.id).toBe("b");
    });
  });
}

async function textAt(store: Store, key: ThreadKey, id: string, channel: string): Promise<string | undefined> {
  return textOf(await store.getCheckpoint(key, "", { id }, FULL), channel);
}

function typedOf({ source }: Value) {
  if (source.case !== "inline") throw new Error("not inline");
  return source.value;
}

function refOf(value: Value | undefined): string {
  if (value?.source.case !== "ref") throw new Error("no reference");
  return value.source.value;
}

function spliced(splice: Parameters<typeof create<typeof SpliceSchema>>[1]): Value {
  return create(ValueSchema, { source: { case: "splice", value: create(SpliceSchema, splice) } });
}
