import { toJson } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type GraphSpec, GraphSpecSchema } from "../../gen/cairn/v1/graph_pb.ts";
import { faultLine } from "../faults.ts";
import { readGraph } from "../read.ts";
import { validateGraph } from "../validate.ts";
import { importNeograph } from "./import.ts";
import type { ImportOptions } from "./options.ts";

interface Parts {
  [key: string]: unknown;
  channels?: unknown;
  nodes?: unknown;
  edges?: unknown;
}

const minimal: Parts = {
  schema_version: 1,
  name: "g",
  nodes: { a: { type: "search" } },
  edges: [{ from: "__start__", to: "a" }],
};

function imported(more: Parts, options: Partial<ImportOptions> = {}) {
  const text = JSON.stringify({ ...minimal, ...more });
  const { spec, faults, notes } = importNeograph(text, { kind: "module", ...options });
  return { spec, faults: faults.map(faultLine), notes: notes.map(({ path, message }) => `${path}: ${message}`) };
}

/** A graph file's JSON, as far as it is of interest. */
function json(spec: GraphSpec): Record<string, unknown> {
  return toJson(GraphSpecSchema, spec, { useProtoFieldName: true }) as Record<string, unknown>;
}

const route = (from: string, condition: string, routes: Record<string, string>) => ({ from, condition, routes });
const two = { a: { type: "t" }, b: { type: "t" } };
const toBoth = [
  { from: "__start__", to: "a" },
  { from: "__start__", to: "b" },
];

describe("what becomes of a definition", () => {
  it("nodes become functions of their type, with what it is told", () => {
    const { spec, faults } = imported({ nodes: { a: { type: "search", depth: 3, options: { all: [1.5, null] } } } });
    expect(faults).toEqual([]);
    expect(json(spec).nodes).toEqual({
      a: { module: { function: "search", params: { depth: 3, options: { all: [1.5, null] } } } },
    });
    expect(validateGraph(spec)).toEqual([]);
  });

  it("or handlers of workers; functions may be named otherwise", () => {
    const nodes = { a: { type: "llm_call" }, b: { type: "t" } };
    const parts = { nodes, conditional_edges: [route("a", "better", { yes: "b" })] };
    const functions = new Map([
      ["llm_call", "ask"],
      ["better", "isBetter"],
    ]);
    const worker = json(imported(parts, { kind: "worker", functions }).spec);
    expect(worker.nodes).toEqual({ a: { worker: { handler: "ask" } }, b: { worker: { handler: "t" } } });
    expect(worker.branches).toEqual([
      { from: "a", worker: { handler: "isBetter", params: { labels: ["yes"] } }, routes: { yes: "b" } },
    ]);
    const { spec } = imported(parts, { functions });
    expect(json(spec).nodes).toMatchObject({ a: { module: { function: "ask" } } });
    expect(validateGraph(spec)).toEqual([]);
  });

  it("channels keep their first values; those whose kind has none get them in a superstep before", () => {
    const channels = {
      log: { reducer: "append", initial: ["x"] },
      n: { initial: 1 },
      f: { initial: 1.5 },
      big: { initial: { "a b": ['é\n"', "least", true, null] } },
      none: { initial: null },
    };
    // What JSON.stringify can't write stands in its place as text.
    const text = JSON.stringify({ ...minimal, channels }).replace('"least"', "-9223372036854775808");
    const { spec, faults } = importNeograph(text, { kind: "module" });
    expect(faults).toEqual([]);
    const { nodes, edges } = json(spec);
    expect(json(spec).channels).toMatchObject({ log: { kind: "CHANNEL_KIND_APPEND", initial: ["x"] } });
    expect(nodes).toMatchObject({
      "neograph.initial": {
        expression: {
          update: {
            n: '"n" in state ? state["n"] : 1',
            f: '"f" in state ? state["f"] : 1.5',
            big: '"big" in state ? state["big"] : {"a b": ["é\\n\\"", -9223372036854775808, true, null]}',
          },
        },
      },
    });
    expect(edges).toEqual([
      { from: ["__start__"], to: "neograph.initial" },
      { from: ["neograph.initial"], to: "a" },
    ]);
    expect(validateGraph(spec)).toEqual([]);
  });

  it("retries: the node's numbers, then the graph's, then NeoGraph's own", () => {
    const { spec } = imported({
      nodes: { ...two, c: { type: "t" } },
      retry_policy: { max_retries: 2, initial_delay_ms: 0 },
      node_retry_policies: { b: { max_retries: 0 }, c: { max_delay_ms: 1500, backoff_multiplier: 1.5 } },
    });
    const policy = { max_attempts: 3, initial_interval: "0s", no_jitter: true };
    expect(json(spec).nodes).toMatchObject({
      a: { retry: { ...policy, backoff_factor: 2, max_interval: "5s" } },
      c: { retry: { ...policy, backoff_factor: 1.5, max_interval: "1.500s" } },
    });
    expect(spec.nodes.b?.retry).toBeUndefined();
  });

  it("a simple graph stays as it is; a condition beside another node gets a superstep of its own", () => {
    const ways = {
      nodes: { ...two, c: { type: "t" } },
      conditional_edges: [route("a", "is", { yes: "c", no: "__end__" })],
    };
    expect(Object.keys(imported(ways).spec.nodes)).toEqual(["a", "b", "c"]);
    const { spec, notes } = imported({ ...ways, edges: toBoth, interrupt_after: ["a", "b"] });
    expect(Object.keys(spec.nodes).sort()).toEqual(["a", "a.route", "b", "c"]);
    expect(json(spec)).toMatchObject({
      branches: [{ from: "a.route", module: { function: "is" }, routes: { yes: "c", no: "__end__" } }],
      interrupt_after: ["a.route", "b"],
    });
    expect(notes).toEqual([
      ": nodes were added that carry the ways between nodes: a decides in a superstep in which b may run",
    ]);
  });

  it("a node that starts nothing can be stopped after, too", () => {
    const { spec, faults } = imported({
      nodes: { ...two, j: { type: "t", barrier: { wait_for: ["a"] } } },
      edges: [...toBoth, { from: "b", to: "j" }],
      conditional_edges: [route("a", "is", { yes: "j" })],
      interrupt_after: ["b"],
    });
    expect(faults).toEqual([]);
    expect(validateGraph(spec)).toEqual([]);
    expect(spec.interruptAfter).toEqual(["b.route"]);
  });

  it("tells what is other than it was", () => {
    const { spec, faults, notes } = imported({
      _comment: "hi",
      "x-studio": { zoom: 2 },
      channels: { __route__: { _why: 1 } },
      nodes: { ...two, j: { type: "t", _at: [1, 2], barrier: { wait_for: ["a"] } } },
      edges: [...toBoth, { from: "a", to: "j" }, { from: "b", to: "j" }],
      metadata: { author: "me" },
    });
    expect(faults).toEqual([]);
    expect(notes).toEqual([
      "_comment: an annotation: left out",
      "x-studio: an annotation: left out",
      "channels.__route__._why: an annotation: left out",
      "nodes.j._at: an annotation: left out",
      "channels.__route__: is called route here: names that begin with __ are reserved",
      "edges[3]: j does not wait for b: left out",
      "metadata: is in the description",
    ]);
    expect(spec.description).toBe(`NeoGraph's metadata: {"author":"me"}`);
    expect(Object.keys(spec.channels)).toEqual(["route"]);
  });

  it("survives the way through a file", () => {
    const parts = { nodes: two, conditional_edges: [route("a", "route_channel", { "a b": "b", default: "__end__" })] };
    const { spec } = imported({ ...parts, channels: { __route__: {} } });
    const again = readGraph(JSON.stringify(json(spec)));
    expect(again.faults).toEqual([]);
    expect(json(again.spec)).toEqual(json(spec));
  });
});

/** What stands in the way, by what was changed of the minimal definition. */
const refusals: [what: string, Parts, faults: string[]][] = [
  [
    "another version",
    { schema_version: 2 },
    ["schema_version: must be 1: definitions without it are lenient, and what they mean is not settled"],
  ],
  [
    "an unknown key",
    { node: {} },
    [expect.stringMatching(/^node: unknown key; known are schema_version, name/) as never],
  ],
  ["a name of ours", { name: "" }, ["name: must be text that is not empty"]],
  [
    "names that can't be",
    { nodes: { "a:b": { type: "t" }, END: { type: "t" } }, edges: [{ from: "__start__", to: "END" }] },
    ['nodes["a:b"]: a name must not hold : or |', "nodes.END: END has a meaning of its own and can't be a name"],
  ],
  [
    "a custom reducer",
    { channels: { n: { reducer: "highest" } } },
    ['channels.n.reducer: there is nothing like the reducer "highest": only overwrite and append'],
  ],
  ["a reserved channel", { channels: { __x__: {} } }, ["channels.__x__: names that begin with __ are reserved"]],
  [
    "two channels called route",
    { channels: { __route__: {}, route: {} } },
    ["channels.__route__: would be called route, as another channel is"],
  ],
  [
    "what channels keep",
    { channels: { a: { retention: "latest" }, b: { persistence: "ephemeral" } } },
    [
      'channels.a.retention: only "unbounded" can be carried over',
      'channels.b.persistence: only "checkpoint" can be carried over',
    ],
  ],
  [
    "a first value that append drops",
    { channels: { l: { reducer: "append", initial: 1 } } },
    ["channels.l.initial: must be a list: NeoGraph's append drops anything else"],
  ],
  [
    "code of NeoGraph's",
    { nodes: { a: { type: "llm_call" } } },
    [
      "nodes.a.type: llm_call is code of NeoGraph's own: name the function that takes its place (--function llm_call=NAME)",
    ],
  ],
  [
    "a subgraph",
    { nodes: { a: { type: "subgraph", definition: {} } } },
    ["nodes.a.type: subgraphs can't be carried over: they hand channels over by maps of their own"],
  ],
  [
    "failure edges",
    { failure_edges: [{ from: "a", to: "a" }], failure_exits: { a: {} } },
    [
      "failure_edges: failures that lead to a node of their own can't be carried over",
      "failure_exits: nodes that end the run as failed can't be carried over",
    ],
  ],
  [
    "a node's retries",
    { node_retry_policies: { a: { attempt_timeout_ms: 100, max_visits: 2 } } },
    [
      "node_retry_policies.a.max_visits: can't be carried over",
      "node_retry_policies.a.attempt_timeout_ms: can't be carried over",
    ],
  ],
  [
    "a node that starts twice",
    { edges: [...(minimal.edges as []), ...(minimal.edges as [])] },
    ['edges[1]: NeoGraph starts "a" twice, by this edge and edges[0]; here an edge counts once'],
  ],
  [
    "appending in the order of edges",
    { nodes: two, edges: [...toBoth].reverse(), channels: { log: { reducer: "append" } } },
    [
      "edges[1]: NeoGraph appends what the first nodes write in the order of these edges, which here is that of their names: list a before b",
    ],
  ],
  [
    "a label that stands for the exit",
    { conditional_edges: [route("a", "c", { END: "a" })] },
    ["conditional_edges[0].routes.END: a label can't be END here"],
  ],
  ["no routes", { conditional_edges: [route("a", "c", {})] }, ["conditional_edges[0].routes: must name a route"]],
  [
    "edges beside a condition",
    { edges: [...(minimal.edges as []), { from: "a", to: "a" }, { from: "a", condition: "c", routes: { x: "a" } }] },
    ['edges[1]: "a" decides by a condition, which in NeoGraph replaces its other edges: this one is never taken'],
  ],
  [
    "a barrier that nothing leads to",
    { nodes: { ...two, a: { type: "t", barrier: { wait_for: ["b", "a", "x"] } } } },
    [
      'nodes.a.barrier.wait_for[0]: no edge leads from "b" to "a"',
      "nodes.a.barrier.wait_for[1]: a node can't wait for itself",
      'nodes.a.barrier.wait_for[2]: there is no node "x" (known: a, b)',
    ],
  ],
  [
    "numbers that would change",
    { nodes: { a: { type: "t", n: 2 ** 60 } } },
    ["nodes.a.n: 1152921504606847000 is beyond 2^53 and can't be held exactly here"],
  ],
  [
    "the wrong types",
    { nodes: [], edges: {}, channels: 1, interrupt_before: "a" },
    [
      "edges: must be a list",
      "channels: must be an object",
      "nodes: must be an object",
      "interrupt_before: must be a list",
      "nodes: a graph needs a node",
      "edges: no edge leads from __start__",
    ],
  ],
];

it.each(refusals)("refuses by name: %s", (_what, parts, faults) => {
  expect(imported(parts).faults).toEqual(faults);
});

it("refuses what no node can be added for", () => {
  const long = "x".repeat(255);
  const { faults } = imported({
    nodes: { [long]: { type: "t" }, b: { type: "t" } },
    edges: [
      { from: "__start__", to: "b" },
      { from: "__start__", to: long },
    ],
    conditional_edges: [route(long, "c", { x: "b" })],
  });
  expect(faults).toEqual([
    expect.stringMatching(/^nodes\.x+: the node "x+\.route" has to be added, but a name must be/),
  ]);
});

it("tells the faults of the text itself", () => {
  expect(importNeograph("{", { kind: "module" }).faults).toHaveLength(1);
  expect(importNeograph("[]", { kind: "module" }).faults.map(faultLine)).toContain("must be an object");
});

it("reads JSON as Python and C++ write it", () => {
  const text = `{\n\t"schema_version": 1,\n\t"name": "\\ud83d\\ude00 \\u00e9 \\/",\n\t"nodes": {"a": {"type": "t", "x": 1e3}},\n\t"edges": [{"from": "__start__", "to": "a"}]\n}\n`;
  const { spec, faults } = importNeograph(text, { kind: "module" });
  expect(faults).toEqual([]);
  expect(spec.name).toBe("😀 é /");
});

it("never throws, and what it imports is a valid graph", () => {
  const whole = {
    ...minimal,
    channels: { log: { reducer: "append", initial: [] }, __route__: {}, n: { initial: 1 } },
    nodes: { ...two, j: { type: "t", x: 1, barrier: { wait_for: ["a", { any_of: ["b", "j2"] }] } }, j2: { type: "t" } },
    edges: [...toBoth, { from: "a", to: "j" }, { from: "b", to: "j" }, { from: "j", to: "__end__" }],
    conditional_edges: [route("j2", "route_channel", { x: "j", default: "a" })],
    interrupt_before: ["a"],
    interrupt_after: ["j"],
    retry_policy: { max_retries: 0 },
    metadata: { a: 1 },
  };
  const names = ["a", "b", "j", "j2", "__start__", "__end__", "log", "n", "x", "", "constructor", "append", "toString"];
  const value = fc.oneof(fc.constantFrom(...names), fc.integer(), fc.jsonValue({ maxDepth: 2 }));
  const change = fc.record({ at: fc.array(fc.nat(), { maxLength: 6 }), value });
  const nodes = fc.constantFrom("module" as const, "worker" as const);
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: 3 }), nodes, (changes, kind) => {
      const definition = structuredClone(whole);
      for (const { at, value } of changes) replaceAt(definition, at, value);
      const { spec, faults } = importNeograph(JSON.stringify(definition), { kind });
      if (faults.length === 0) expect(validateGraph(spec)).toEqual([]);
    }),
    { numRuns: 1000 },
  );
});

/** Replaces what a walk along numbers, each taken as one of the members, comes to. */
function replaceAt(tree: object, [first = 0, ...rest]: number[], value: unknown): void {
  const keys = Object.keys(tree);
  const key = keys[first % keys.length] as keyof typeof tree | undefined;
  if (key === undefined) return;
  const inner: unknown = tree[key];
  if (rest.length > 0 && typeof inner === "object" && inner !== null) replaceAt(inner, rest, value);
  else Object.assign(tree, { [key]: value });
}
