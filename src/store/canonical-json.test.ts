import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalJson, canonicalMembers, JsonSyntaxError } from "./canonical-json.ts";

/** A number as digits and a power of ten, and another way to write the same. */
const number = fc.record({
  isNegative: fc.boolean(),
  digits: fc.bigInt({ min: 0n, max: 10n ** 40n }),
  power: fc.integer({ min: -400, max: 400 }),
});

const written = ({ isNegative, digits, power }: { isNegative: boolean; digits: bigint; power: number }) =>
  `${isNegative ? "-" : ""}${digits}e${power}`;

describe("canonical JSON", () => {
  test("numbers are the same exactly when their values are", () => {
    fc.assert(
      fc.property(number, number, fc.nat(9), (left, right, zeros) => {
        const same = { ...left, digits: left.digits * 10n ** BigInt(zeros), power: left.power - zeros };
        expect(canonicalJson(written(same))).toBe(canonicalJson(written(left)));
        const isSame =
          left.isNegative === right.isNegative && left.digits === right.digits && left.power === right.power;
        const scale = (it: typeof left) => (it.isNegative ? -1n : 1n) * it.digits * 10n ** BigInt(it.power + 400);
        expect(canonicalJson(written(left)) === canonicalJson(written(right))).toBe(
          isSame || scale(left) === scale(right),
        );
      }),
    );
  });

  test.each([
    ["1", "1.0"],
    ["1", "1e0"],
    ["100", "1E+2"],
    ["0.001", "1e-3"],
    ["0", "-0.0e5"],
    ["12300", "0.0123e6"],
  ])("%s equals %s", (left, right) => expect(canonicalJson(left)).toBe(canonicalJson(right)));

  test.each([
    ["9007199254740992", "9007199254740993"],
    ["0.1", "0.10000000000000001"],
    ["1", "-1"],
    ["1", '"1"'],
    ["null", '"null"'],
    ["[1,2]", "[2,1]"],
    ["[[1],2]", "[1,[2]]"],
    ["{}", "[]"],
    ['{"a":1}', '{"a":1,"b":1}'],
    ['"e\u0301"', '"é"'],
  ])("%s differs from %s", (left, right) => expect(canonicalJson(left)).not.toBe(canonicalJson(right)));

  test("any document says the same with its members in another order, with spaces and with escapes", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (document) => {
        const text = JSON.stringify(document);
        const canonical = canonicalJson(text);
        expect(canonicalJson(JSON.stringify(reversed(document), null, 2))).toBe(canonical);
        expect(canonicalJson(escaped(text))).toBe(canonical);
        expect(canonicalJson(canonical)).toBe(canonical);
      }),
    );
  });

  test("accepts and refuses exactly what JSON.parse does", () => {
    const fragment = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"',
      "a",
      "\\",
      "u0041",
      "1",
      "0",
      "-",
      ".",
      "e",
      "true",
      " ",
    );
    fc.assert(
      fc.property(fc.array(fragment, { maxLength: 12 }), (fragments) => {
        const text = fragments.join("");
        expect(outcomeOf(() => canonicalJson(text))).toBe(outcomeOf(() => JSON.parse(text)));
      }),
      { numRuns: 2_000 },
    );
  });

  test("names that are members of every object are only names", () => {
    const members = canonicalMembers('{"__proto__": {"a": 1}, "constructor": 2, "a": 1, "a": 3}');
    expect([...(members ?? [])]).toEqual([
      ["__proto__", '{"a":1e0}'],
      ["constructor", "2e0"],
      ["a", "3e0"],
    ]);
    expect(canonicalMembers("[1]")).toBeUndefined();
  });

  test("deep nesting and long numbers are refused or read, and quickly", () => {
    expect(() => canonicalJson("[".repeat(1_000_000))).toThrow(JsonSyntaxError);
    expect(canonicalJson(`1${"0".repeat(500_000)}`)).toBe("1e500000");
    expect(canonicalJson(`"${"\\\\".repeat(250_000)}"`)).toHaveLength(500_002);
  });
});

function outcomeOf(act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch {
    return false;
  }
}

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  );
}

/** The same text with every letter inside of strings written as an escape. */
function escaped(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"/g, (token) =>
    [...JSON.parse(token)].length === token.length - 2
      ? `"${[...token.slice(1, -1)].map((character) => unicodeEscape(character)).join("")}"`
      : token,
  );
}

function unicodeEscape(character: string): string {
  return Array.from(
    { length: character.length },
    (_, index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`,
  ).join("");
}
