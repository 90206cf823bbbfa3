import { decode as libraryDecode, encode as libraryEncode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CairnClientError } from "../error.ts";
import { Extension, Float } from "./plain.ts";
import { decode, encode, encodeChannels, OpaqueValue } from "./typed-value.ts";

const wellFormed = fc.string({ unit: "grapheme" });
const number = fc.oneof(fc.integer(), fc.maxSafeInteger(), fc.double({ noNaN: true, noDefaultInfinity: true }));
/** Beyond what a number holds exactly: closer ones come back as numbers. */
const unsafeBigint = (min: bigint, max: bigint) =>
  fc.bigInt({ min, max }).filter((n) => n > 2n ** 53n - 1n || n < -(2n ** 53n) + 1n);

const jsonValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    number,
    wellFormed,
    unsafeBigint(-(2n ** 200n), 2n ** 200n),
    fc.array(tie("value"), { maxLength: 5 }),
    fc.dictionary(wellFormed, tie("value"), { maxKeys: 5, noNullPrototype: true }),
  ),
})).value;

const msgpackValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    number,
    fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0),
    wellFormed,
    unsafeBigint(-(2n ** 63n), 2n ** 64n - 1n),
    fc.uint8Array({ maxLength: 300 }),
    fc
      .tuple(fc.integer({ min: -128, max: 127 }), fc.uint8Array({ maxLength: 40 }))
      .map(([t, d]) => new Extension(t, d)),
    fc.array(tie("value"), { maxLength: 20 }),
    fc.dictionary(wellFormed, tie("value"), { maxKeys: 20, noNullPrototype: true }),
  ),
})).value;

describe("round trips", () => {
  test("JSON", () => {
    fc.assert(
      fc.property(jsonValue, (value) => {
        expect(decode(encode(value, "json"))).toStrictEqual(value);
      }),
    );
  });

  test("MessagePack", () => {
    fc.assert(
      fc.property(msgpackValue, (value) => {
        expect(decode(encode(value))).toStrictEqual(value);
      }),
    );
  });

  test("maps whose keys are not text", () => {
    const map = new Map<number | string, unknown>([
      [1, "one"],
      ["two", { three: 3 }],
    ]);
    expect(decode(encode(map as never))).toStrictEqual(map);
    expect(decode(encode(new Map([["a", 1]])))).toStrictEqual({ a: 1 });
  });

  test("a member named __proto__ is like any other", () => {
    const value = JSON.parse('{"__proto__": {"admin": true}, "toJSON": 1}');
    for (const encoding of ["json", "msgpack"] as const) {
      const back = decode(encode(value, encoding)) as Record<string, unknown>;
      expect(Object.keys(back)).toEqual(["__proto__", "toJSON"]);
      expect(back).not.toHaveProperty("admin");
    }
  });
});

/** The library refuses maps with this key. */
const hasNoProto = (value: unknown) => !JSON.stringify(value).includes("__proto__");

describe("agreement with @msgpack/msgpack", () => {
  test("it reads what we write", () => {
    const known = fc.jsonValue({ stringUnit: "grapheme" }).filter(hasNoProto);
    fc.assert(
      fc.property(known, (value) => {
        const plain = decode(encode(value));
        expect(libraryDecode(encode(plain).data)).toEqual(plain);
      }),
    );
  });

  test("we read what it writes", () => {
    fc.assert(
      fc.property(fc.jsonValue().filter(hasNoProto), (value) => {
        const data = libraryEncode(value);
        expect(decode({ type: "msgpack", data })).toEqual(libraryDecode(data));
      }),
    );
  });

  test("the shortest form of every integer width", () => {
    for (const n of [
      0,
      127,
      128,
      255,
      256,
      65535,
      65536,
      2 ** 32 - 1,
      -1,
      -32,
      -33,
      -128,
      -129,
      -32768,
      -32769,
      -(2 ** 31),
    ]) {
      expect(encode(n).data, String(n)).toEqual(libraryEncode(n));
    }
    expect(encode(2 ** 32).data).toEqual(Uint8Array.of(0xcf, 0, 0, 0, 1, 0, 0, 0, 0));
    expect(encode(-(2 ** 31) - 1).data).toEqual(Uint8Array.of(0xd3, 255, 255, 255, 255, 127, 255, 255, 255));
    expect(encode(7n).data).toEqual(Uint8Array.of(7));
  });
});

describe("numbers", () => {
  test("integers keep their value and fit the smallest type that does", () => {
    expect(decode(encode(2n ** 64n - 1n))).toBe(2n ** 64n - 1n);
    expect(decode(encode(-(2n ** 63n)))).toBe(-(2n ** 63n));
    expect(decode(encode(2n ** 53n))).toBe(2n ** 53n);
    expect(decode(encode(2n ** 53n - 1n))).toBe(2 ** 53 - 1);
    expect(decode({ type: "json", data: Buffer.from("[9007199254740993, 1e3, 1.0]") })).toEqual([
      9007199254740993n,
      1000,
      1,
    ]);
  });

  test("floats stay floats", () => {
    expect(encode(new Float(1)).data[0]).toBe(0xcb);
    expect(Buffer.from(encode({ a: new Float(1), b: -0 }, "json").data).toString()).toBe('{"a":1.0,"b":-0.0}');
    expect(Object.is(decode(encode(-0)), -0)).toBe(true);
    expect(Object.is(decode(encode(-0, "json")), -0)).toBe(true);
    expect(decode(encode(Number.NaN))).toBeNaN();
  });
});

describe("refusals name the place", () => {
  const refused: [what: string, value: unknown, encoding: "json" | "msgpack", field: string][] = [
    ["NaN in JSON", { a: [1, Number.NaN] }, "json", "a[1]"],
    ["bytes in JSON", { a: new Uint8Array(1) }, "json", "a"],
    ["a Date", { "when it was": [new Date()] }, "msgpack", '["when it was"][0]'],
    ["undefined in a list", [undefined], "msgpack", "[0]"],
    ["undefined", undefined, "json", ""],
    ["an integer of 65 bits", { n: 2n ** 64n }, "msgpack", "n"],
    ["half of a surrogate pair", { s: "\ud800" }, "msgpack", "s"],
    ["half of a surrogate pair in JSON", { s: "\ud800" }, "json", "s"],
    ["a function", { f: () => 1 }, "msgpack", "f"],
  ];
  test.each(refused)("%s", (_what, value, encoding, field) => {
    const error = caught(() => encode(value, encoding));
    expect(error).toMatchObject({ codeName: "INVALID_ARGUMENT", reason: "VALUE_MALFORMED" });
    expect(error.violations[0]?.field).toBe(field);
  });

  test("the channel, too", () => {
    const error = caught(() => encodeChannels({ notes: [() => 1] }));
    expect(error.message).toBe("notes[0]: a function is not a value");
  });

  test("members that are undefined are left out", () => {
    expect(decode(encode({ a: 1, b: undefined }))).toStrictEqual({ a: 1 });
    expect(decode(encode({ a: 1, b: undefined }, "json"))).toStrictEqual({ a: 1 });
  });

  test("what refers to itself ends as too deep", () => {
    const loop: unknown[] = [];
    loop.push(loop);
    expect(caught(() => encode(loop)).message).toContain("nested deeper");
    expect(caught(() => encode(loop, "json")).message).toContain("nested deeper");
  });
});

describe("bytes that are not what their type says", () => {
  test("never anything but VALUE_MALFORMED", () => {
    const types = fc.constantFrom("msgpack", "json");
    fc.assert(
      fc.property(types, fc.uint8Array({ maxLength: 50 }), (type, data) => {
        try {
          decode({ type, data });
        } catch (error) {
          expect(error).toMatchObject({ reason: "VALUE_MALFORMED" });
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("a list that claims to be huge allocates nothing", () => {
    expect(caught(() => decode({ type: "msgpack", data: Uint8Array.of(0xdd, 255, 255, 255, 255) }))).toBeDefined();
  });
});

test("null, bytes and frameworks' own types", () => {
  expect(decode({ type: "null", data: new Uint8Array() })).toBe(null);
  expect(decode({ type: "bytes", data: Uint8Array.of(1) })).toEqual(Uint8Array.of(1));
  const pickle = decode({ type: "pickle", data: Uint8Array.of(128) });
  expect(pickle).toEqual(new OpaqueValue("pickle", Uint8Array.of(128)));
  expect(encode(pickle)).toMatchObject({ type: "pickle", data: Uint8Array.of(128) });
});

function caught(run: () => unknown): CairnClientError {
  try {
    run();
  } catch (error) {
    if (error instanceof CairnClientError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}
