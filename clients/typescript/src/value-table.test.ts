import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { type TypedValue, TypedValueSchema, ValueEntrySchema, ValueSchema } from "./gen/cairn/v1/value_pb.ts";
import { ValueTable } from "./value-table.ts";

const typed = (size: number): TypedValue => create(TypedValueSchema, { type: "bytes", data: new Uint8Array(size) });
const refs = (...names: string[]) => names.map((ref) => create(ValueSchema, { source: { case: "ref", value: ref } }));
const entry = (ref: string, size: number) => create(ValueEntrySchema, { ref, value: typed(size) });

test("keeps the most recently used values within its bound and fetches the others", async () => {
  const fetched: string[][] = [];
  const fetch = async (missing: string[]) => {
    fetched.push(missing);
    return new Map(missing.map((ref) => [ref, typed(10)]));
  };
  const table = new ValueTable(fetch, 25);
  await table.resolve([], [entry("a", 10), entry("b", 10)]);
  await table.resolve(refs("a"), [entry("c", 10)]);
  expect([...(await table.resolve(refs("a", "c"), [])).keys()]).toEqual(["a", "c"]);
  expect(fetched).toEqual([]);
  expect([...(await table.resolve(refs("b", "a", "b"), [])).keys()].sort()).toEqual(["a", "b"]);
  expect(fetched).toEqual([["b"]]);
});

test("gives a value larger than its bound, and does not keep it", async () => {
  const table = new ValueTable(async () => new Map(), 5);
  expect((await table.resolve(refs("big"), [entry("big", 100)])).get("big")?.data.length).toBe(100);
});
