// Texts and JSON that trip up parsers, databases and maps.
import fc from "fast-check";
import type { Bytes } from "./wire.ts";

const utf8 = (text: string): Bytes => new TextEncoder().encode(text);

/** Names that mean something to JavaScript, MongoDB, SQL, YAML, CEL or gRPC, but nothing here. */
const hostileTexts = [
  "",
  " ",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "then",
  "$where",
  "$gt",
  "$ne.$in",
  "a.b.c",
  "..",
  "../../etc/passwd",
  "a\0b",
  "\0",
  "line\nline\r\n",
  "\u001b[31m",
  "\u007f",
  "\u0085\u2028\u2029",
  "\ufeff",
  "\uffff",
  "é",
  "e\u0301",
  "😀",
  "\u{10ffff}",
  "'; DROP TABLE rows; --",
  '"',
  "\\",
  "%s%n%00",
  "{}",
  "null",
  "NaN",
  "0",
  "-1",
  "1e999",
  "__start__",
  "__end__",
  "__interrupt__",
  "__pregel_tasks",
  "1.0",
  "c:x",
  "w:\0",
  "state",
];

export const hostileText: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...hostileTexts) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 30 }) },
);

/** Texts that are no UTF-8: lone surrogates, overlong forms, cut sequences. */
export const brokenUtf8: fc.Arbitrary<Bytes> = fc.constantFrom(
  new Uint8Array([0xed, 0xa0, 0x80]),
  new Uint8Array([0xed, 0xbf, 0xbf, 0x61]),
  new Uint8Array([0xc0, 0x80]),
  new Uint8Array([0xf0, 0x9f, 0x98]),
  new Uint8Array([0xff, 0xfe]),
  new Uint8Array([0xf5, 0x80, 0x80, 0x80]),
);

/** Text of exactly so many bytes, of characters of one to four of them. */
export function textOfBytes(length: number): fc.Arbitrary<Bytes> {
  return fc.constantFrom("x", "é", "\u20ac", "😀").map((character) => {
    const size = Buffer.byteLength(character);
    return utf8(character.repeat(Math.floor(length / size)) + "x".repeat(length % size));
  });
}

const jsonKeys = ["source", "step", "run_id", "node", "a.b", "$gt", "$where", "__proto__", "constructor", "", "n"];
const jsonLeaves = [
  "null",
  "true",
  "0",
  "-0.0",
  "1.0",
  "1e0",
  "18446744073709551615",
  "1e-400",
  '"loop"',
  '"\\u0000"',
  '"\\ud800"',
  '"😀"',
  "[]",
  "{}",
  '{"$gt":0}',
];

/** A JSON object as metadata are. */
export const jsonObject: fc.Arbitrary<string> = fc
  .array(fc.tuple(fc.constantFrom(...jsonKeys), fc.constantFrom(...jsonLeaves)), { maxLength: 5 })
  .map((members) => `{${members.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",")}}`);

/** Any JSON, and what is almost JSON. */
export const jsonText: fc.Arbitrary<string> = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...jsonLeaves) },
  { weight: 4, arbitrary: jsonObject },
  { weight: 2, arbitrary: fc.json({ maxDepth: 4 }) },
);

export const hostileJson: fc.Arbitrary<Bytes> = fc.oneof(
  fc
    .constantFrom("", "{", "[1,]", "01", "1e999999999", "undefined", "\ufeff1", "'x'", "1 2", '{"a":1,"a":2}')
    .map(utf8),
  fc.integer({ min: 1, max: 60_000 }).map((depth) => utf8("[".repeat(depth))),
  fc.integer({ min: 1, max: 2_000 }).map((depth) => utf8(`${"[".repeat(depth)}${"]".repeat(depth)}`)),
  fc.integer({ min: 1, max: 2_000 }).map((depth) => utf8(`${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`)),
  fc.integer({ min: 1, max: 5_000 }).map((digits) => utf8(`${"9".repeat(digits)}`)),
  fc.integer({ min: 1, max: 4_000 }).map((digits) => utf8(`1e${"9".repeat(digits)}`)),
  fc.integer({ min: 1, max: 3_000 }).map((size) => utf8(`{${Array.from({ length: size }, (_, i) => `"k${i}":${i}`)}}`)),
  brokenUtf8,
);
