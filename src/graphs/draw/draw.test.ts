import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readFlowchart } from "../../../test/support/mermaid.ts";
import { type GraphSpec, GraphSpecSchema } from "../../gen/cairn/v1/graph_pb.ts";
import { StateSnapshotSchema } from "../../gen/cairn/v1/run_service_pb.ts";
import { parseGraph } from "../parse.ts";
import { drawGraph } from "./draw.ts";
import { marksOf } from "./marks.ts";

/** Drawings are of specs as they are: what this version can't run can be drawn. */
function spec(text: string): GraphSpec {
  const { spec, faults } = parseGraph(text);
  expect(faults).toEqual([]);
  return spec;
}

const everything = spec(`
name: everything
nodes:
  split: { expression: {}, ends: [left] }
  left: { module: work, error_handler: mend }
  right: { worker: { handler: r } }
  ask: { ask: { question: '"?"', into: x } }
  join: { module: work, defer: true }
  mend: { module: mend }
  inner:
    subgraph:
      inline:
        nodes:
          left: { module: work, defer: true }
          deeper: { subgraph: { inline: { nodes: { leaf: { module: work } }, edges: [START -> leaf] } } }
        edges: [START -> left, left -> deeper]
        interrupt_after: left
  other: { subgraph: { name: triage } }
edges:
  - START -> split
  - split -> right
  - [[left, right], join]
  - join -> inner
  - inner -> other
branches:
  - { from: split, cel: state.x, routes: { "yes, please": left, no: END } }
  - { from: join, cel: state.x, targets: [ask] }
interrupt_before: [ask, inner]
`);

it("what is drawn", () => {
  expect(drawGraph(everything)).toBe(`flowchart TD
  start(["START"])
  n0["split"]
  n1["left"]
  n2["right"]
  n3[/"ask<br>stop before"/]
  n4["join<br>deferred"]
  n5["mend"]
  subgraph n6 ["inner<br>stop before"]
    n6_start(["START"])
    n6_n0["left<br>stop after<br>deferred"]
    subgraph n6_n1 ["deeper"]
      n6_n1_start(["START"])
      n6_n1_n0["leaf"]
      n6_n1_finish(["END"])
      n6_n1_start --> n6_n1_n0
    end
    n6_finish(["END"])
    n6_start --> n6_n0
    n6_n0 --> n6_n1
  end
  n7[["other<br>graph triage"]]
  finish(["END"])
  start --> n0
  n0 --> n2
  all0(("all"))
  n1 --> all0
  n2 --> all0
  all0 --> n4
  n4 --> n6
  n6 --> n7
  n0 -.->|"yes, please"| n1
  n0 -.->|"no"| finish
  n4 -.-> n3
  n0 -.-> n1
  n1 ==>|"on error"| n5
  classDef deferred stroke-dasharray:6 4
  class n4,n6_n0 deferred
`);
});

it("Mermaid reads it as it is meant", async () => {
  const { nodes, edges, subgraphs } = await readFlowchart(drawGraph(everything));
  expect(nodes.get("n4")).toEqual({ lines: ["join", "deferred"], shape: "square", classes: ["deferred"] });
  expect(nodes.get("n3")).toMatchObject({ lines: ["ask", "stop before"], shape: "lean_right" });
  expect(nodes.get("n7")).toMatchObject({ lines: ["other", "graph triage"], shape: "subroutine" });
  expect(nodes.get("all0")).toMatchObject({ lines: ["all"], shape: "circle" });
  expect(edges).toContainEqual({ from: "n0", to: "n1", label: "yes, please", stroke: "dotted" });
  expect(edges).toContainEqual({ from: "n1", to: "n5", label: "on error", stroke: "thick" });
  expect(edges).toContainEqual({ from: "n4", to: "n6", label: "", stroke: "normal" });
  expect(subgraphs.get("n6")?.lines).toEqual(["inner", "stop before"]);
  expect(subgraphs.get("n6")?.members.toSorted()).toEqual(["n6_finish", "n6_n0", "n6_n1", "n6_start"]);
  expect(subgraphs.get("n6_n1")?.members.toSorted()).toEqual(["n6_n1_finish", "n6_n1_n0", "n6_n1_start"]);
});

it("registered graphs that are at hand are drawn in their places, but none within itself", async () => {
  const outer = spec("nodes: { a: { subgraph: { name: b } }, b: { subgraph: { name: absent } } }\nedges: [START -> a]");
  const inner = spec("nodes: { x: { subgraph: { name: b } } }\nedges: [START -> x]");
  const { nodes, subgraphs } = await readFlowchart(drawGraph(outer, { graphs: new Map([["b", inner]]) }));
  expect([...subgraphs]).toEqual([["n0", { lines: ["a", "graph b"], members: expect.arrayContaining(["n0_n0"]) }]]);
  expect(nodes.get("n0_n0")?.lines).toEqual(["x", "graph b"]);
  expect(nodes.get("n1")?.lines).toEqual(["b", "graph absent"]);
});

describe("where a thread stands", () => {
  const state = create(StateSnapshotSchema, {
    nextNodes: ["left", "ask", "split", "mend"],
    tasks: [
      { node: "split" },
      { node: "right", finished: true, error: { message: "at first" } },
      { node: "left", finished: true },
      { node: "left", error: { message: "no" } },
      { node: "left", interruptIds: ["i"] },
      { node: "ask", interruptIds: ["i"] },
      { node: "inner" },
      { node: "gone" },
    ],
  });

  it("of a node with several tasks the one that matters most", () => {
    expect(Object.fromEntries(marksOf(state))).toEqual({
      split: "due",
      right: "finished",
      left: "failed",
      ask: "waits",
      inner: "due",
      gone: "due",
      mend: "due",
    });
  });

  it("is shown by classes", async () => {
    const drawn = drawGraph(everything, { marks: marksOf(state) });
    expect(drawn).toContain("\n  class n0,n6,n5 due\n");
    const { nodes } = await readFlowchart(drawn);
    const classes = [...nodes].flatMap(([id, { classes }]) => (classes.length === 0 ? [] : [[id, ...classes]]));
    expect(classes).toEqual([
      ["n0", "due"],
      ["n1", "failed"],
      ["n2", "finished"],
      ["n3", "waits"],
      ["n4", "deferred"],
      ["n5", "due"],
      ["n6_n0", "deferred"],
    ]);
  });
});

const hostile = [
  'a"]; end<b>',
  "end",
  "subgraph x",
  "%% comment",
  "%%{init: {}}%%",
  "`code`",
  "1. one",
  "- list",
  "+ list",
  "* list",
  "**bold** __bold__ _it_",
  "#35;",
  "&lt;b&gt; &amp;",
  "<script>alert(1)</script>",
  "<br>",
  "a<br/>b",
  "$$x^2$$",
  "fa:fa-car",
  "x|y",
  "a --> b",
  "click n0 call f()",
  "::: due",
  "@{ shape: circle }",
  "javascript:x",
  "\\u0041\\n",
  "😀 é 日本 \u202e\u0301",
  "(( ))",
  "[/x/]",
  "ﬂ°°35¶ß",
  " lead",
];

/** A graph with a text wherever a user can put one. */
function withEverywhere(text: string): GraphSpec {
  const inline = create(GraphSpecSchema, { nodes: { [text]: {} }, edges: [{ from: ["__start__"], to: text }] });
  const named = { kind: { case: "subgraph" as const, value: { graph: { case: "name" as const, value: text } } } };
  const nested = { kind: { case: "subgraph" as const, value: { graph: { case: "inline" as const, value: inline } } } };
  return create(GraphSpecSchema, {
    name: text,
    nodes: { [text]: { description: text }, named, [`${text} `]: nested },
    branches: [{ from: text, routes: { [text]: "named" } }],
    edges: [{ from: ["__start__"], to: text }],
  }) as GraphSpec;
}

describe("names with any characters", () => {
  it.each(hostile)("%j", async (text) => {
    const { nodes, edges, subgraphs } = await readFlowchart(drawGraph(withEverywhere(text)));
    expect([...nodes.keys()].sort()).toEqual(["finish", "n0", "n1", "n2_finish", "n2_n0", "n2_start", "start"]);
    expect(nodes.get("n0")?.lines.join("|").trim()).toBe(text.trim());
    expect(nodes.get("n1")?.lines.map((line) => line.trim())).toEqual(["named", `graph ${text}`.trim()]);
    expect(nodes.get("n2_n0")?.lines.join("|").trim()).toBe(text.trim());
    expect(subgraphs.get("n2")?.lines.join("|").trim()).toBe(text.trim());
    expect(edges).toHaveLength(3);
    expect(edges.find(({ stroke }) => stroke === "dotted")?.label.trim()).toBe(text.trim());
  });

  it("generated ones", async () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", minLength: 1 }),
      fc.constantFrom(...hostile).chain((a) => fc.constantFrom(...hostile).map((b) => a + b)),
    );
    await fc.assert(
      fc.asyncProperty(text, async (text) => {
        const { nodes, edges } = await readFlowchart(drawGraph(withEverywhere(text)));
        expect(nodes.size).toBe(7);
        expect(edges).toHaveLength(3);
        expect(nodes.get("n0")?.lines.join("|").trim()).toBe(text.trim());
      }),
      { numRuns: 300 },
    );
  });
});
