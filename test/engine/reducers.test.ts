// Rules of the reducers that hold for all values.
import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Cell } from "../../src/engine/cell.ts";
import { reducers } from "../../src/engine/channels/reducers.ts";
import { RunFailure } from "../../src/engine/failure.ts";
import { TypedValueSchema } from "../../src/gen/cairn/v1/value_pb.ts";
import { encodedArray } from "../../src/values/append.ts";
import { encodeMsgpack } from "../../src/values/msgpack-encode.ts";
import { Float, integerOf, type Plain } from "../../src/values/value.ts";

const msgpack = (data: Uint8Array) => new Cell(create(TypedValueSchema, { type: "msgpack", data }));
const json = (text: string) =>
  new Cell(create(TypedValueSchema, { type: "json", data: new TextEncoder().encode(text) }));
const combine = (reducer: keyof typeof reducers, held: Cell, written: Cell) =>
  reducers[reducer].combine("c", held, written);
const sum = (a: Plain, b: Plain) => combine("add", Cell.of(a), Cell.of(b)).value;

/** Encoded elements as some encoder may have written them: not all in the shortest form. */
const element = fc.oneof(
  fc.jsonValue().map((value) => encodeMsgpack(value as Plain)),
  fc
    .constantFrom(
      "cf0000000000000001",
      "cb3ff0000000000000",
      "cb8000000000000000",
      "cfffffffffffffffff",
      "d90161",
      "c70001",
      "dc0000",
    )
    .map((hex) => new Uint8Array(Buffer.from(hex, "hex"))),
);
const list = fc.array(element, { maxLength: 40 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

describe("append", () => {
  it("keeps the bytes of every element, whatever wrote them", () => {
    fc.assert(
      fc.property(list, list, (held, written) => {
        const cell = combine("append", msgpack(encodedArray(held)), msgpack(encodedArray(written)));
        expect(cell.typed.type).toBe("msgpack");
        expect(cell.typed.data).toEqual(encodedArray([...held, ...written]));
      }),
    );
  });

  it("joins a JSON list and a MessagePack list, the MessagePack one unchanged", () => {
    const held = msgpack(encodedArray([new Uint8Array(Buffer.from("cf0000000000000001", "hex"))]));
    const { data } = combine("append", held, json('["é", 18446744073709551615, 1.0]')).typed;
    expect(Buffer.from(data).toString("hex")).toBe("94cf0000000000000001a2c3a9cfffffffffffffffffcb3ff0000000000000");
  });
});

describe("add", () => {
  it("is exact for whole numbers of any size that 64 bits hold", () => {
    fc.assert(
      fc.property(int64, int64, (a, b) => {
        const expected = a + b;
        fc.pre(expected >= -(2n ** 63n) && expected < 2n ** 64n);
        expect(sum(integerOf(a), integerOf(b))).toEqual(integerOf(expected));
      }),
    );
    expect(() => sum(2n ** 64n - 1n, 1)).toThrow(RunFailure);
    expect(() => sum(-(2n ** 63n), -1)).toThrow(RunFailure);
  });

  it("makes a float as soon as one is a float, also when it is whole", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), fc.integer(), (a, b) => {
        const float = Number.isInteger(a) ? new Float(a) : a;
        const total = combine("add", Cell.of(float), Cell.of(b));
        expect(total.typed.data[0]).toBe(0xcb);
        expect(Number(total.value)).toBe(a + b);
      }),
    );
    expect(sum(new Float(1), 2)).toEqual(new Float(3));
    expect(sum(1, 2)).toBe(3);
  });
});

describe("max", () => {
  it("keeps the greater one's bytes, and the held one's when they are equal", () => {
    fc.assert(
      fc.property(int64, int64, (a, b) => {
        const [held, written] = [Cell.of(integerOf(a)), Cell.of(integerOf(b))];
        expect(combine("max", held, written)).toBe(b > a ? written : held);
      }),
    );
    const [whole, float] = [Cell.of(1), Cell.of(new Float(1))];
    expect(combine("max", whole, float)).toBe(whole);
    expect(combine("max", Cell.of(2n ** 60n), Cell.of(new Float(2 ** 60))).value).toBe(2n ** 60n);
  });
});

describe("merge", () => {
  it("lets later keys win and keeps the others, names of the language's own included", () => {
    const held = json('{"a": 1, "__proto__": 2, "b": {"x": 1}}');
    const merged = combine("merge", held, json('{"b": {"y": 2}, "constructor": 3}')).value;
    expect(Object.entries(merged as object)).toEqual([
      ["a", 1],
      ["__proto__", 2],
      ["b", expect.objectContaining({ y: 2 })],
      ["constructor", 3],
    ]);
    expect(({} as { y?: unknown }).y).toBeUndefined();
  });
});

it("each reducer refuses what it can't combine, naming the channel and what it got", () => {
  const wrong: [keyof typeof reducers, Plain, string][] = [
    ["add", "1", "text"],
    ["add", null, "null"],
    ["add", true, "a boolean"],
    ["append", 1, "a number"],
    ["append", "text", "text"],
    ["max", [], "a list"],
    ["merge", [], "a list"],
  ];
  for (const [reducer, value, got] of wrong) {
    const held = Cell.of(reducers[reducer].initial());
    expect(() => combine(reducer, held, Cell.of(value))).toThrow(
      expect.objectContaining({ channel: "c", message: expect.stringContaining(`got ${got}`) }),
    );
  }
});
