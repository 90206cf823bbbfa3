// JSON as another language's library would have written it: numbers that JavaScript can't hold, any text, any depth.
import fc from "fast-check";

/** Text without lone surrogates, which Rust, C++ and Python don't write; NUL and characters beyond the basic plane. */
export const anyText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.string({ unit: "grapheme", maxLength: 8 }) },
  {
    weight: 2,
    arbitrary: fc.constantFrom("", "\0", "a\0b", "😀", "\u{10ffff}", "__proto__", "constructor", "$gt", "a.b", "1"),
  },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 8 }).map((text) => text.toWellFormed()) },
);

/** Ids: no control characters, and not empty. */
export const anyId: fc.Arbitrary<string> = fc.oneof(
  fc.uuid(),
  fc.constantFrom("😀", "__proto__", "constructor", "a.b", "$where", "subgraph/1:t1:s1:14:s1:s", "é", "e\u0301"),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
);

export const u64: fc.Arbitrary<bigint> = fc.oneof(
  fc.constantFrom(0n, 1n, 2n ** 53n + 1n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);

export const i64: fc.Arbitrary<bigint> = fc.oneof(
  fc.constantFrom(-1n, 0n, -(2n ** 63n), 2n ** 63n - 1n),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
);

export const u32: fc.Arbitrary<number> = fc.oneof(fc.constantFrom(0, 1, 2 ** 32 - 1), fc.nat());

/** A text as JSON, with all, some or no characters escaped. */
export const textJson: fc.Arbitrary<string> = fc
  .tuple(anyText, fc.boolean())
  .map(([text, escapes]) => (escapes ? escaped(text) : JSON.stringify(text)));

function escaped(text: string): string {
  const units = Array.from({ length: text.length }, (_, i) => text.charCodeAt(i).toString(16).padStart(4, "0"));
  return `"${units.map((unit) => `\\u${unit}`).join("")}"`;
}

const numberJson = fc.oneof(
  fc.constantFrom(
    "0",
    "-0",
    "-0.0",
    "0.0",
    "1.0",
    "1e2",
    "1E+300",
    "5e-324",
    "18446744073709551615",
    "-9223372036854775808",
  ),
  u64.map(String),
  i64.map(String),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => JSON.stringify(number)),
  fc.constantFrom("123456789012345678901234567890", "0.1000000000000000055511151231257827"),
);

const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.constantFrom("null", "true", "false", "{}", "[]", '""'),
    numberJson,
    textJson,
    fc.array(tie("value"), { maxLength: 4 }).map((items) => `[${items.join(",")}]`),
    objectOf(tie("value")),
    // Blanks belong to the value's bytes as well.
    tie("value").map((inner) => `[ ${inner}\n,\t${inner} ]`),
  ),
}));

/** Any JSON value, as text. */
export const anyJson: fc.Arbitrary<string> = value;

/** An object of any keys, each once: of two of the same key every parser keeps one. */
export function objectOf(member: fc.Arbitrary<string>, key: fc.Arbitrary<string> = anyText): fc.Arbitrary<string> {
  return fc
    .uniqueArray(fc.tuple(key, member), { maxLength: 4, selector: ([name]) => name })
    .map((members) => `{${members.map(([name, given]) => `${JSON.stringify(name)}:${given}`).join(",")}}`);
}

export function listOf(item: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.array(item, { maxLength: 4 }).map((items) => `[${items.join(",")}]`);
}

/** A document of the given members in any order; those that give undefined are left out. */
export function documentOf(members: Record<string, fc.Arbitrary<string | undefined>>): fc.Arbitrary<Uint8Array> {
  const names = Object.keys(members);
  const order = fc.shuffledSubarray(names, { minLength: names.length });
  return fc.tuple(fc.record(members), order).map(([given, inOrder]) => {
    const there = inOrder.filter((name) => given[name] !== undefined);
    return new TextEncoder().encode(`{${there.map((name) => `${JSON.stringify(name)}:${given[name]}`).join(",")}}`);
  });
}

/** Mostly there. */
export function sometimes(
  member: fc.Arbitrary<string>,
  ...instead: (string | undefined)[]
): fc.Arbitrary<string | undefined> {
  return fc.oneof({ weight: 4, arbitrary: member }, { weight: 1, arbitrary: fc.constantFrom(undefined, ...instead) });
}
