// CEL: well-formed and not, and above all expressions that would take for ever if their work were not bounded.
import fc from "fast-check";
import { hostileText } from "./texts.ts";

const quoted = hostileText.map((text) => JSON.stringify(text.toWellFormed()));

const atoms = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom("state.n", "state.log", "state.text", "state.map", "state", "state.x") },
  {
    weight: 2,
    arbitrary: fc.constantFrom("state.__proto__", 'state["constructor"]', "state.toString", "state.map.a", "this", "v"),
  },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      "0",
      "1",
      "-1",
      "9223372036854775807",
      "-9223372036854775808",
      "18446744073709551615u",
      "1u",
    ),
  },
  { weight: 3, arbitrary: fc.constantFrom("1.0", "-0.0", "1e308", "0.0/0.0", "true", "false", "null", 'b"\\xff"') },
  { weight: 3, arbitrary: quoted },
);

/** Expressions of the whole language, most of them of the wrong types. */
const { any } = fc.letrec<{ any: string }>((tie) => {
  const one = (make: (a: string) => string) => tie("any").map(make);
  const two = (make: (a: string, b: string) => string) => fc.tuple(tie("any"), tie("any")).map(([a, b]) => make(a, b));
  const operator = fc.constantFrom("+", "-", "*", "/", "%", "<", ">=", "==", "!=", "in", "&&", "||");
  const macro = fc.constantFrom("all", "exists", "exists_one", "map", "filter");
  const method = fc.constantFrom(
    "size()",
    "split('')",
    "lowerAscii()",
    "trim()",
    "join()",
    "reverse()",
    "charAt(0)",
    "quote()",
  );
  const called = fc.constantFrom(
    "size",
    "string",
    "int",
    "double",
    "uint",
    "bytes",
    "type",
    "dyn",
    "duration",
    "timestamp",
  );
  return {
    any: fc.oneof(
      { maxDepth: 4, withCrossShrink: false },
      atoms,
      fc.tuple(tie("any"), operator, tie("any")).map(([a, op, b]) => `(${a} ${op} ${b})`),
      fc.tuple(tie("any"), macro, tie("any")).map(([a, name, b]) => `${a}.${name}(v, ${b})`),
      fc.tuple(tie("any"), method).map(([a, name]) => `${a}.${name}`),
      fc.tuple(called, tie("any")).map(([name, a]) => `${name}(${a})`),
      two((a, b) => `[${a}, ${b}]`),
      two((a, b) => `{${a}: ${b}}`),
      two((a, b) => `${a}[${b}]`),
      fc.tuple(tie("any"), tie("any"), tie("any")).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
      one((a) => `has(${a}.b)`),
      one((a) => `!${a}`),
      one((a) => `-${a}`),
      two((a, b) => `string(${a}).matches(string(${b}))`),
      two((a, b) => `"%s %d %x".format([${a}, ${b}])`),
      two((a, b) => `string(${a}).replace(string(${b}), "xx")`),
    ),
  };
});

const list = fc.constantFrom(
  "state.log",
  'state.text.split("")',
  "[0,1,2,3,4,5,6,7,8,9]",
  "state.map",
  `[${Array.from({ length: 2_000 }, (_, i) => i)}]`,
);

function nestedMacros([range, macro, depth]: [string, string, number]): string {
  let inner = macro === "map" ? "1" : "true";
  for (let i = depth; i > 0; i--)
    inner = `${range.length > 1_000 && i > 1 ? "[1,2]" : range}.${macro}(v${i}, ${inner})`;
  return inner;
}

/** Work that grows with a power of the state, or exponentially with the expression. */
const expensive: fc.Arbitrary<string> = fc.oneof(
  fc
    .tuple(list, fc.constantFrom("all", "map", "filter", "exists_one"), fc.integer({ min: 2, max: 9 }))
    .map(nestedMacros),
  list.map((a) => `${a}.all(v, ${a}.all(w, v != [w]))`),
  list.map((a) => `${a}.all(v, !(v in ${a}.map(w, w)) || true)`),
  list.map((a) => `${a}.all(v, ${a} == ${a})`),
  list.map((a) => `${a}.map(v, ${a}).map(v, ${a} + v)`),
  list.map((a) => `${a}.all(v, state.text.matches("(a|b|ab)*c{1,50}$"))`),
  list.map((a) => `${a}.all(v, state.text.contains(state.text + "x") || true)`),
  list.map((a) => `${a}.all(v, state.text.lowerAscii().size() > 0)`),
  list.map((a) => `${a}.map(v, state.text).join(state.text)`),
  list.map((a) => `${a}.all(v, state.text.replace("a", state.text).size() > 0)`),
  list.map((a) => `${a}.all(v, state.text.split("").size() > 0)`),
  list.map((a) => `${a}.all(v, state == state)`),
  fc.integer({ min: 2, max: 40 }).map((depth) => doubled("state.text", depth)),
  fc.integer({ min: 2, max: 40 }).map((depth) => doubled("state.log", depth)),
  fc.constantFrom(
    'state.text.matches("(x+x+)+y")',
    'state.text.matches("(.*)*$")',
    '"a".matches("(a{1,1000}){1,1000}")',
  ),
);

/** `a + a`, of the result again, and so on. */
function doubled(what: string, depth: number): string {
  let inner = what;
  for (let i = 0; i < depth; i++) inner = `[${inner}].map(v${i}, v${i} + v${i})[0]`;
  return inner;
}

/** What makes parsers recurse. */
const deep: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom("(", "[", "{1:", "!", "-", "a.", "a[", "1+", "1?", "f("), fc.integer({ min: 1, max: 6_000 }))
  .map(([open, times]) => {
    const closing: Record<string, string> = { "(": ")", "[": "]", "{1:": "}", "a[": "]", "f(": ")" };
    const close = closing[open] ?? "";
    return `${open.repeat(times)}1${close.repeat(times)}`;
  });

export const expression: fc.Arbitrary<string> = fc.oneof(
  { weight: 12, arbitrary: any },
  { weight: 2, arbitrary: deep },
  { weight: 1, arbitrary: hostileText.map((text) => text.toWellFormed()) },
);

export const expensiveExpression = expensive;
