import { deepStrictEqual } from "node:assert";
import { create } from "@bufbuild/protobuf";
import { Encoder, ExtData, decode as libraryDecode } from "@msgpack/msgpack";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CairnError } from "../errors.ts";
import { TypedValueSchema } from "../gen/cairn/v1/value_pb.ts";
import { appendEncoded, encodedArray } from "./append.ts";
import { decode, jsonValue, msgpackValue } from "./codec.ts";
import { decodeJson } from "./json-decode.ts";
import { jsonText } from "./json-encode.ts";
import { decodeMsgpack } from "./msgpack-decode.ts";
import { encodeMsgpack } from "./msgpack-encode.ts";
import { Ext, emptyMap, Float, floatOf, integerOf, type Plain, type PlainMap, valueDepthMax } from "./value.ts";

const json = (text: string) => decodeJson(new TextEncoder().encode(text));
const hex = (text: string) => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));

function fault(act: () => unknown): CairnError {
  try {
    act();
  } catch (error) {
    if (error instanceof CairnError) return error;
    throw error;
  }
  throw new Error("expected a CairnError");
}

const text = fc.string({ unit: "binary" });
const float = fc.double().map(floatOf);
const integer = fc.oneof(
  fc.integer(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }).map(integerOf),
  fc.constantFrom(...[31, 32, 127, 128, 255, 256, 65535, 65536, 2 ** 32 - 1, 2 ** 32, -32, -33, -128, -129, -32768]),
);

/** Any value; with `jsonOnly` those that JSON has as well. */
function anyValue(jsonOnly: boolean): fc.Arbitrary<Plain> {
  const bytes = fc.uint8Array({ maxLength: 300 });
  const finite = float.filter((value) => Number.isFinite(Number(value)));
  const { value } = fc.letrec<{ value: Plain }>((tie) => {
    const map = fc
      .array(fc.tuple(fc.oneof(text, fc.constantFrom("__proto__", "constructor", "1", "")), tie("value")))
      .map((entries) => {
        const made = emptyMap();
        for (const [key, element] of entries) made[key] = element;
        return made as Plain;
      });
    const shared = [fc.constant(null), fc.boolean(), text, integer, fc.array(tie("value")), map];
    const more: fc.Arbitrary<Plain>[] = [
      float,
      bytes,
      fc.tuple(fc.integer({ min: -128, max: 127 }), bytes).map(([type, data]) => new Ext(type, data)),
      fc.array(fc.tuple(integer, tie("value")), { minLength: 1 }).map((entries) => new Map<Plain, Plain>(entries)),
    ];
    return { value: fc.oneof({ maxDepth: 4 }, ...shared, ...(jsonOnly ? [finite] : more)) as fc.Arbitrary<Plain> };
  });
  return value;
}

describe("MessagePack", () => {
  it("decodes what it encoded, floats as floats", () => {
    fc.assert(
      fc.property(anyValue(false), (value) => {
        const bytes = encodeMsgpack(value);
        // Not vitest's equality: a key named "constructor" misleads it.
        deepStrictEqual(decodeMsgpack(bytes), value);
        expect(encodeMsgpack(decodeMsgpack(bytes))).toEqual(bytes);
      }),
      { numRuns: 1000 },
    );
  });

  it("writes what another library reads, and reads what it writes", () => {
    fc.assert(
      fc.property(anyValue(true), (value) => {
        const plain = JSON.parse(jsonText(value).replaceAll(/__proto__|constructor/g, "k"), (_, element) =>
          typeof element === "number" ? 0.5 : element,
        );
        expect(decodeMsgpack(new Encoder().encode(plain))).toEqual(plain);
        expect(libraryDecode(encodeMsgpack(plain))).toEqual(plain);
      }),
    );
    expect(libraryDecode(encodeMsgpack(new Ext(5, hex("010203"))))).toEqual(new ExtData(5, hex("010203")));
  });

  it.each([
    ["d0 ff", -1],
    ["cf 00 00 00 00 00 00 00 05", 5],
    ["cf ff ff ff ff ff ff ff ff", 2n ** 64n - 1n],
    ["d3 80 00 00 00 00 00 00 00", -(2n ** 63n)],
    ["ca 3f 80 00 00", new Float(1)],
    ["cb 80 00 00 00 00 00 00 00", new Float(-0)],
    ["cb 3f f8 00 00 00 00 00 00", 1.5],
    ["a4 f0 9f 98 80", "😀"],
    ["a3 ef bb bf", "\ufeff"],
    ["81 01 02", new Map([[1, 2]])],
    ["82 a1 61 01 c0 02", new Map<Plain, Plain>([["a", 1], [null, 2]])], // biome-ignore format: one row a case
    ["d6 ff 00 00 00 01", new Ext(-1, hex("00000001"))],
  ])("reads %s", (bytes, value) => {
    expect(decodeMsgpack(hex(bytes))).toStrictEqual(value);
  });

  it.each([
    ["", 0],
    ["c1", 0],
    ["01 02", 1],
    ["92 01", 1],
    ["dd ff ff ff ff", 5],
    ["df 7f ff ff ff 00", 5],
    ["c6 ff ff ff ff", 5],
    ["a2 c3 28", 1],
    ["cb 00", 1],
    [`b9ff${"41".repeat(24)}`, 1],
  ])("refuses %s with the offset", (bytes, offset) => {
    const error = fault(() => decodeMsgpack(hex(bytes)));
    expect([error.reasonName, error.metadata.offset]).toEqual(["VALUE_MALFORMED", String(offset)]);
  });

  it("throws nothing but VALUE_MALFORMED on any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          decodeMsgpack(bytes);
        } catch (error) {
          expect((error as CairnError).reasonName).toBe("VALUE_MALFORMED");
        }
      }),
      { numRuns: 5000 },
    );
  });

  it("names the path of what it can't encode", () => {
    const path = (value: unknown) => fault(() => encodeMsgpack(value as Plain)).metadata.path;
    expect(path({ a: [1, { b: 2n ** 64n }] })).toBe('["a"][1]["b"]');
    expect(path([new Date()])).toBe("[0]");
    expect(path({ a: [undefined] })).toBe('["a"][0]');
    expect(path({ "\ud800": 1 })).toBe('["\\ud800"]');
    expect(path(() => 1)).toBe("");
    expect(decodeMsgpack(encodeMsgpack({ a: undefined as unknown as Plain, b: 1 }))).toEqual({ b: 1 });
  });

  it("bounds the depth both ways", () => {
    const nested = (depth: number) => hex(`${"91".repeat(depth)}01`);
    const value = decodeMsgpack(nested(valueDepthMax));
    expect(encodeMsgpack(value)).toEqual(nested(valueDepthMax));
    expect(fault(() => decodeMsgpack(nested(valueDepthMax + 1))).message).toContain("nested deeper");
    expect(fault(() => encodeMsgpack([value])).message).toContain("nested deeper");
    expect(fault(() => jsonText([value])).message).toContain("nested deeper");
    expect(fault(() => json("[".repeat(100_000))).message).toContain("nested deeper");
  });
});

describe("JSON", () => {
  it("decodes what it wrote, and agrees with JSON.parse", () => {
    fc.assert(
      fc.property(anyValue(true), (value) => {
        const written = jsonText(value);
        deepStrictEqual(json(written), value);
        JSON.parse(written);
      }),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.json(), (written) => {
        expect(JSON.parse(jsonText(json(written)))).toEqual(JSON.parse(written));
      }),
    );
  });

  it("accepts exactly what JSON.parse accepts", () => {
    const pieces = fc.constantFrom(
      ..."{}[],:\"\\ \n\t-+.0123456789eEtruefalsn/bu\u0001\u00a0é'".split(""),
      '"a"',
      "null",
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 10 }), (parts) => {
        const written = parts.join("");
        const outcome = (act: () => unknown) => {
          try {
            act();
            return true;
          } catch {
            return false;
          }
        };
        const isJson = outcome(() => JSON.parse(written)) && !/e\+?\d{3}/i.test(written);
        if (!/e\+?\d{3}/i.test(written)) expect([written, outcome(() => json(written))]).toEqual([written, isJson]);
      }),
      { numRuns: 20_000 },
    );
  });

  it.each([
    ["1.0", new Float(1), "1.0"],
    ["-0.0", new Float(-0), "-0.0"],
    ["-0", new Float(-0), "-0.0"],
    ["1e2", new Float(100), "100.0"],
    ["1e300", new Float(1e300), "1e+300"],
    ["9007199254740993", 9007199254740993n, "9007199254740993"],
    ["-123456789012345678901234567890", -123456789012345678901234567890n, "-123456789012345678901234567890"],
    ['"\\u0000\\ud83d\\ude00\\ud800"', "\0😀\ud800", '"\\u0000😀\\ud800"'],
  ])("keeps %s", (written, value, rewritten) => {
    expect(json(written)).toStrictEqual(value);
    expect(jsonText(json(written))).toBe(rewritten);
  });

  it("takes __proto__ for a key like any other", () => {
    const map = json('{"__proto__":{"a":1}}') as PlainMap;
    expect([Object.keys(map), Object.getPrototypeOf(map)]).toEqual([["__proto__"], null]);
    expect(jsonText(map)).toBe('{"__proto__":{"a":1}}');
  });

  it("refuses what is no JSON with the offset in bytes", () => {
    const offset = (written: string) => fault(() => json(written)).metadata.offset;
    expect(offset('{"é":tru}')).toBe("6");
    expect(offset("1e999")).toBe("5");
    expect(offset("[1,]")).toBe("3");
    expect(offset('"a')).toBe("2");
    expect(offset("NaN")).toBe("0");
    expect(fault(() => decodeJson(hex("22 61 ff 22"))).metadata.offset).toBe("2");
  });

  it("refuses what JSON can't say, with its path", () => {
    const path = (value: Plain) => fault(() => jsonText(value)).metadata.path;
    expect(path({ a: [Number.NaN] })).toBe('["a"][0]');
    expect(path([Number.POSITIVE_INFINITY])).toBe("[0]");
    expect(path([new Float(Number.NEGATIVE_INFINITY)])).toBe("[0]");
    expect(path({ b: new Uint8Array(1) })).toBe('["b"]');
    expect(path(new Map([[1, 2]]))).toBe("");
    expect(path([new Ext(1, new Uint8Array())])).toBe("[0]");
  });
});

describe("appendEncoded", () => {
  it("is concatenation, whatever the lengths of the heads", () => {
    const array = fc.oneof(fc.array(anyValue(false), { maxLength: 20 }), fc.constant(Array(65_530).fill(0) as Plain[]));
    fc.assert(
      fc.property(array, array, (a, b) => {
        deepStrictEqual(decodeMsgpack(appendEncoded(encodeMsgpack(a), encodeMsgpack(b))), [...a, ...b]);
      }),
    );
  });

  it("keeps the elements' bytes and refuses what is no array", () => {
    expect(appendEncoded(hex("91 d0 ff"), hex("dd 00 00 00 01 d1 00 01"))).toEqual(hex("92 d0 ff d1 00 01"));
    expect(encodedArray([hex("01"), hex("d0 ff")])).toEqual(hex("92 01 d0 ff"));
    expect(fault(() => appendEncoded(hex("80"))).reasonName).toBe("VALUE_MALFORMED");
    expect(fault(() => appendEncoded(hex("dc 00"))).reasonName).toBe("VALUE_MALFORMED");
  });
});

describe("typed values", () => {
  it("decodes by type", () => {
    const typed = (type: string, bytes: string) => create(TypedValueSchema, { type, data: hex(bytes) });
    expect(decode(typed("json", "31"))).toBe(1);
    expect(decode(typed("msgpack", "31"))).toBe(0x31);
    expect(decode(typed("bytes", "31"))).toEqual(hex("31"));
    expect(decode(typed("null", ""))).toBe(null);
    expect(fault(() => decode(typed("null", "00"))).reasonName).toBe("VALUE_MALFORMED");
    expect(fault(() => decode(typed("python:pickle", "00"))).metadata.type).toBe("python:pickle");
    expect(decode(msgpackValue([new Float(2)]))).toStrictEqual([new Float(2)]);
    expect(decode(jsonValue([new Float(2)]))).toStrictEqual([new Float(2)]);
  });
});
