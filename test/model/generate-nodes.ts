// Random nodes in the form of the parity cases, over channels of every kind.
import fc from "fast-check";
import type { CaseNode, CaseSend, Op } from "../parity/case.ts";

/** Every kind, and a second channel of the kind that is written most. */
export const kinds: Readonly<Record<string, string>> = {
  log: "append",
  n: "add",
  m: "max",
  doc: "merge",
  x: "last_value",
  y: "last_value",
  any: "any_value",
  eph: "ephemeral",
  unt: "untracked",
  tp: "topic",
  tpa: "topic_accumulate",
};

const small = fc.integer({ min: 1, max: 4 });
const letters = fc.subarray(["k", "l", "m"], { minLength: 1 });
export const text: fc.Arbitrary<string> = fc.constantFrom("p", "q");

/** A value that each channel takes. */
const values: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  log: letters,
  n: small,
  m: small,
  doc: fc.dictionary(text, small, { minKeys: 1, noNullPrototype: true }),
  x: text,
  y: text,
  any: small,
  eph: small,
  unt: small,
  tp: letters,
  tpa: fc.oneof(letters, text, fc.constant([])),
};

/** Channels with values for them; those of one write at a time come less often, as two in a superstep fail it. */
const often = ["log", "n", "m", "doc", "any", "tp", "tpa"];
const channel = fc.constantFrom(...often, ...often, "x", "y", "eph", "unt");
export const write: fc.Arbitrary<Record<string, unknown>> = channel.chain((name) =>
  (values[name] as fc.Arbitrary<unknown>).map((value) => ({ [name]: value })),
);

/** Writes of what their channels don't take. */
const misfit = fc.constantFrom({ n: "no number" }, { log: "no list" }, { doc: 1 });
const overwrite = fc.constantFrom({ log: ["new"] }, { n: 0 }, { doc: { r: 1 } }, { m: 1 });

const plain: fc.Arbitrary<Op> = fc.oneof(
  { weight: 12, arbitrary: write.map((write) => ({ write })) },
  { weight: 2, arbitrary: overwrite.map((overwrite) => ({ overwrite })) },
  { weight: 2, arbitrary: small.map((k) => ({ plus: { to: "n", from: "m", k } })) },
  { weight: 2, arbitrary: fc.constantFrom("x", "eph", "unt", "any").map((from) => ({ copy: { to: "any", from } })) },
  { weight: 2, arbitrary: fc.constantFrom("log", "tp", "tpa").map((from) => ({ size: { to: "m", from } })) },
  { weight: 1, arbitrary: fc.constant({ item: { to: "log", as: "item" } }) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 2 }).map((times) => ({ fail: { times } })) },
  {
    weight: 1,
    arbitrary: fc.oneof(
      fc.constant({ nothing: true }),
      misfit.map((write) => ({ write })),
    ),
  },
);

/** A question. Several nodes may ask the same. */
const question: fc.Arbitrary<Op> = fc
  .tuple(fc.constantFrom<unknown>("why", "who", { deep: [1] }), fc.constantFrom("x", "log", "any", "n", undefined))
  .map(([value, to]) => ({ interrupt: { value, ...(to !== undefined && { to, list: to === "log" }) } }));

export function sendTo(to: fc.Arbitrary<string>): fc.Arbitrary<CaseSend> {
  const argument = small.map((item) => ({ item: `s${item}`, n: item, tp: ["z"] }));
  return fc.oneof(
    fc.record({ node: to, arg: argument }),
    fc.record({ node: to, over: fc.constantFrom("tp", "tpa"), as: fc.constant("item") }),
  );
}

/** One in so many has it. */
export function oneIn<Value>(many: number, value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> {
  return fc.oneof({ weight: many - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });
}

/** A node that leaves its name in the log, and does some more. It may lead to those that `to` gives. */
export function playedNode(to: fc.Arbitrary<string>): fc.Arbitrary<CaseNode> {
  const op = fc.oneof(
    { weight: 12, arbitrary: plain },
    { weight: 4, arbitrary: question },
    { weight: 1, arbitrary: fc.array(to, { minLength: 1, maxLength: 2 }).map((goto): Op => ({ goto })) },
    { weight: 1, arbitrary: fc.array(sendTo(to), { minLength: 1, maxLength: 2 }).map((send): Op => ({ send })) },
  );
  return fc
    .record({
      text,
      ops: fc.array(op, { maxLength: 3 }),
      attempts: oneIn(2, fc.integer({ min: 2, max: 3 })),
      defer: oneIn(6, fc.constant(true)),
    })
    .map(({ text, ops, ...policies }) => ({ do: [{ log: { to: "log", text } }, ...ops], ...policies }));
}
