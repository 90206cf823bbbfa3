// Graphs: valid ones that runs can be made of, and files that only look like one.
import fc from "fast-check";
import { expensiveExpression, expression } from "./expressions.ts";
import { hostileText } from "./texts.ts";

export interface GraphFile {
  name: string;
  text: string;
}

const kinds = ["last_value", "add", "append", "max", "merge", "any_value", "ephemeral", "untracked", "topic"];

/** Everything a run can do: steps, a loop with a guard, Sends, and an end. */
export const steps: GraphFile = graphOf("steps", {
  channels: { n: "add", log: "append", text: "last_value", map: "merge", x: "any_value", "a.b": "topic" },
  nodes: {
    a: { expression: { update: { n: "1", log: '["a"]', map: '{"k": size(state.log)}' } } },
    b: { expression: { update: { log: '["b" + string(size(state))]' }, goto: 'state.n < 3 ? ["a"] : []' } },
    each: { expression: { update: { log: "[string(state)]" } } },
  },
  edges: ["START -> a", "a -> b"],
  branches: [{ from: "b", cel: '[1, 2].map(i, {"node": "each", "arg": i})' }],
});

/** Stops for a person. */
export const asks: GraphFile = graphOf("asks", {
  channels: { n: "add", log: "append", text: "last_value", answer: "last_value" },
  nodes: {
    a: { expression: { update: { n: "1", log: '["a"]' } } },
    ask: { ask: { question: '{"n": state.n}', into: "answer" } },
    b: { expression: { update: { log: "[string(state.answer)]" } } },
  },
  edges: ["START -> a", "a -> ask", "ask -> b", "b -> END"],
});

function graphOf(name: string, parts: object): GraphFile {
  return { name, text: JSON.stringify({ name, ...parts }) };
}

/** A graph of one node and one branch around an expression. */
function around(source: fc.Arbitrary<string>): fc.Arbitrary<GraphFile> {
  return fc.tuple(source, source, fc.constantFrom(...kinds)).map(([update, cel, kind]) =>
    graphOf("cel", {
      channels: { n: "last_value", log: kind, text: "last_value", map: "last_value", x: "any_value" },
      nodes: { a: { expression: { update: { x: update } } }, b: { expression: { overwrite: { x: cel }, goto: cel } } },
      edges: ["START -> a", "a -> b"],
    }),
  );
}

export const celGraph = around(expression);
export const expensiveGraph = around(expensiveExpression);

const yaml = fc.oneof(
  fc.integer({ min: 1, max: 9 }).map((depth) => {
    const lines = Array.from({ length: depth }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`)}]`);
    return ["a0: &a0 [x]", ...lines].join("\n");
  }),
  fc.constantFrom(
    "a: &a [*a]",
    "&a a: *a",
    "<<: *x",
    "--- a\n--- b",
    "!!js/function 'x'",
    "? [a]\n: b",
    "%YAML 9.9\n---\n",
  ),
  fc
    .tuple(
      fc.constantFrom("[", "{a: ", "- ", "? ", "&a ", "!!map ", "'", '"', "|\n "),
      fc.integer({ min: 1, max: 20_000 }),
    )
    .map(([open, times]) => open.repeat(times)),
  fc.integer({ min: 1, max: 20_000 }).map((times) => `${"[".repeat(times)}${"]".repeat(times)}`),
  fc.tuple(hostileText, hostileText).map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`),
  fc.constantFrom(
    "name: 2020-01-01",
    "name: 0x10\nnodes: []",
    "nodes: {__proto__: {ask: {}}}",
    "channels: {n: {kind: 99}}",
  ),
);

/** A valid graph with one of its pieces replaced by something else. */
const bent: fc.Arbitrary<string> = fc
  .tuple(fc.constantFrom(steps.text, asks.text), fc.nat({ max: 1_000 }), hostileText)
  .map(([whole, where, text]) => {
    const pieces = whole.split(/("(?:[^"\\]|\\.)*")/);
    const at = (where * 2 + 1) % pieces.length;
    return pieces.with(at % 2 === 1 ? at : 1, JSON.stringify(text)).join("");
  });

/** The text of a graph file. */
export const graphText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(steps.text, asks.text) },
  { weight: 3, arbitrary: celGraph.map(({ text }) => text) },
  { weight: 3, arbitrary: bent },
  { weight: 3, arbitrary: yaml },
);
