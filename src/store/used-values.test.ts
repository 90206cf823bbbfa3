import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { type Record, RecordSchema, StoredValueSchema } from "../gen/cairn/store/v1/record_pb.ts";
import { CheckpointSchema } from "../gen/cairn/v1/checkpoint_pb.ts";
import { ValueSchema } from "../gen/cairn/v1/value_pb.ts";
import { UsedValues } from "./used-values.ts";

const byRef = (ref: string) => create(ValueSchema, { source: { case: "ref", value: ref } });

/** A value here, whole or a patch: a path is steps back and places. */
function value(...path: number[]) {
  const patch = path.length > 0 ? { path: path.map(BigInt) } : undefined;
  return create(StoredValueSchema, { storage: { case: "inline", value: new Uint8Array([1]) }, patch });
}

function record(values: ReturnType<typeof value>[], ...refs: string[]): Record {
  const channelValues = Object.fromEntries(refs.map((ref, index) => [`c${index}`, byRef(ref)]));
  return create(RecordSchema, { values, checkpoint: create(CheckpointSchema, { id: "c", channelValues }) });
}

const held = ({ values }: Record) => values.map(({ storage }) => storage.case !== undefined);

describe("used values", () => {
  test("what a patch is made of stays with it, and nothing else", () => {
    const used = new UsedValues();
    // 9.0 is made of 7.1, and that of 3.0.
    used.keep(9, record([value(2, 1, 4, 0)], "9.0"));
    expect(held(used.strip(7, { ...record([value(), value(4, 0)]), checkpoint: undefined }).record)).toEqual([
      false,
      true,
    ]);
    expect(held(used.strip(3, record([value(), value()])).record)).toEqual([true, false]);
    expect(held(used.strip(2, record([value()])).record)).toEqual([]);
  });

  test("a value that is kept although nobody uses it keeps its bases", () => {
    const used = new UsedValues();
    used.keep(9, record([value(4, 0)]));
    expect(held(used.strip(5, record([value()])).record)).toEqual([true]);
  });

  test("a patch that goes keeps nothing", () => {
    const used = new UsedValues();
    used.refer(record([], "9.1"));
    const { record: left } = used.strip(9, record([value(4, 0), value()]));
    expect(held(left)).toEqual([false, true]);
    expect(used.has("5.0")).toBe(false);
  });

  test("a base may stand in the same record, before or behind", () => {
    const used = new UsedValues();
    used.refer(record([], "4.1"));
    const { record: left } = used.strip(4, record([value(), value(0, 2, 0, 0), value(0, 0), value()]));
    expect(held(left)).toEqual([true, true, true, false]);
  });

  test("tells in which parts the values were that go", () => {
    const used = new UsedValues();
    used.refer(record([], "2.0"));
    const parts = (upload: string) =>
      create(StoredValueSchema, { storage: { case: "parts", value: { upload, count: 3 } } });
    expect(used.strip(2, record([parts("a"), parts("b")])).parts).toEqual([{ upload: "b", count: 3 }]);
  });
});
