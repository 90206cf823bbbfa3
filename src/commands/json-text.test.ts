import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Extension, Float } from "../../clients/typescript/src/values/plain.ts";
import { OpaqueValue } from "../../clients/typescript/src/values/typed-value.ts";
import { jsonText, parseJson } from "./json-text.ts";

const text = fc.string({ unit: "grapheme" });
const key = fc.oneof(text, fc.constantFrom("$bytes", "$float", "$map", "$ext", "$object", "__proto__"));
const value = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    text,
    fc.maxSafeInteger(),
    fc.double().filter((n) => !Number.isInteger(n)),
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 70n }),
    fc.uint8Array({ maxLength: 8 }),
    fc.constantFrom(new Float(1), new Float(-0), new Extension(-1, Uint8Array.of(1, 2))),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(key, tie("value"), { maxKeys: 2, noNullPrototype: true }),
    fc.array(fc.tuple(fc.integer(), tie("value")), { maxLength: 3 }).map((entries) => new Map(entries)),
  ),
})).value;

describe("JSON in and out of the command", () => {
  test("nothing is lost, compact or indented", () => {
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 2), (given, indent) => {
        expect(parseJson(jsonText(given, indent), "it")).toStrictEqual(given);
      }),
    );
  });

  test("what it looks like", () => {
    const given = { n: 2n ** 64n, b: Uint8Array.of(0, 255), x: Number.NaN, f: new Float(1), o: { $bytes: 1 } };
    expect(jsonText(given)).toBe(
      '{"n":18446744073709551616,"b":{"$bytes":"AP8="},"x":{"$float":"NaN"},"f":1.0,"o":{"$object":{"$bytes":1}}}',
    );
    expect(jsonText({ at: new Date(0), left: undefined, p: new OpaqueValue("pickle", Uint8Array.of(1)) })).toBe(
      '{"at":"1970-01-01T00:00:00.000Z","p":{"$opaque":["pickle","AQ=="]}}',
    );
  });

  test("what can't be read is said", () => {
    expect(() => parseJson("{", "--input")).toThrow("--input is not JSON");
    expect(() => parseJson("yes", "--answer")).toThrow(`a text needs quotes of its own: '"yes"'`);
    expect(() => parseJson('{"$opaque": ["pickle", ""]}', "--input")).toThrow("can't be read back");
  });
});
