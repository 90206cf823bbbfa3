import { mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, equals, fromJsonString, toJsonString } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChannelKind, type GraphSpec, GraphSpecSchema } from "../gen/cairn/v1/graph_pb.ts";
import type { Store } from "../store/store.ts";
import { systemEnvironment } from "../system/environment.ts";
import { faultLine } from "./faults.ts";
import { graphHash } from "./hash.ts";
import { loadGraphs } from "./load.ts";
import { parseGraph } from "./parse.ts";
import { readGraph } from "./read.ts";
import { validateGraph } from "./validate.ts";

const counter = `
name: counter
description: Counts, and asks whether to go on
channels:
  n: add
  log: {kind: append, initial: [start]}
  answer: last_value
nodes:
  count:
    expression:
      update: {n: "1", log: '["counted"]'}
  confirm:
    ask: {question: '"Go on at " + string(state.n) + "?"', into: answer}
    ends: END
edges:
  - [START, count]
  - count -> confirm
branches:
  - from: confirm
    cel: state.answer == "yes"
    routes: {true: count, false: END}
interrupt_before: confirm
schema_version: 2
`;

const lines = (text: string, functions?: string[]) =>
  readGraph(text, { moduleFunctions: functions && new Set(functions) }).faults.map(faultLine);

/** The smallest graph, with more of it given as text. */
const small = (more: string) => `name: g\nchannels: {n: add}\n${more}`;
const flow = `nodes: {a: {expression: {update: {n: "1"}}}}\nedges: [[START, a]]\n`;

describe("parsing", () => {
  it("takes a module's name for the whole of it", () => {
    const { spec, faults } = readGraph(
      small("nodes: {a: {module: search}, b: {module: [search]}}\nedges: [[START, a], [a, b]]"),
    );
    expect(faults.map(faultLine)).toEqual([
      "nodes.b.module: must be a map, or just the function's name (`module: search`)",
    ]);
    expect(spec.nodes.a?.kind).toMatchObject({ case: "module", value: { function: "search" } });
  });

  it("reads a whole graph with every shorthand", () => {
    const { spec, faults } = readGraph(counter);
    expect(faults.map(faultLine)).toEqual([]);
    expect(spec.channels.n?.kind).toBe(ChannelKind.ADD);
    expect(spec.edges.map(({ from, to }) => [from, to])).toEqual([
      [["__start__"], "count"],
      [["count"], "confirm"],
    ]);
    expect(spec.branches[0]?.routes).toEqual({ true: "count", false: "__end__" });
    expect(spec.nodes.confirm?.ends).toEqual(["__end__"]);
    expect(spec.interruptBefore).toEqual(["confirm"]);
    expect(spec.channels.log?.initial?.kind.case).toBe("listValue");
  });

  it("reads what protobuf writes as JSON", () => {
    const { spec } = readGraph(counter);
    const again = readGraph(toJsonString(GraphSpecSchema, spec));
    expect(again.faults.map(faultLine)).toEqual([]);
    expect(equals(GraphSpecSchema, again.spec, spec)).toBe(true);
  });

  it("tells every fault at once with its path", () => {
    expect(
      lines(`
name: 5
nam: x
channels:
  a: {kind: sum, initial: .nan}
  a: add
  b: [add]
  "c d": {accumulate: 1, initial: 9007199254740993}
nodes:
  x: {ask: {question: "1"}, expression: {update: {n: 1}}, timeout: {run: soon}}
edges: [[a, b, c], a, {from: [1], to: {}}]
schema_version: -1
`),
    ).toEqual([
      "channels.a: this key is there twice",
      "name: must be text (put it in quotes)",
      expect.stringMatching(/^nam: unknown key; known are name, description, channels/),
      expect.stringMatching(/^channels.a.kind: must be one of last_value, add, append/),
      "channels.a.initial: NaN can't be held here",
      "channels.b: must be a map, or just its kind (`n: add`)",
      'channels["c d"].accumulate: must be true or false',
      'channels["c d"].initial: 9007199254740993 is beyond 2^53 and can\'t be held exactly here',
      "nodes.x.expression: excludes ask: only one of them can be given",
      "nodes.x.timeout.run: must be a duration like 1.5s, or a number of seconds",
      "edges[0]: must be a map, a pair (`[a, b]`) or an arrow (`a -> b`)",
      "edges[1]: must be a map, a pair (`[a, b]`) or an arrow (`a -> b`)",
      "edges[2].from[0]: must be text (put it in quotes)",
      "edges[2].to: must be text (put it in quotes)",
      "schema_version: must be a whole number from 0 to 4294967295",
      'channels["c d"].kind: a channel needs a kind',
      'nodes.x.ask.into: there is no channel "" (known: a, b, c d)',
    ]);
  });

  it.each([
    ["a: [", /line 1/],
    ["a: 1\n---\nb: 2", /documents/],
    ["- x", /^must be a map$/],
    ["name: !!python/object x", /tag/i],
    ["? [a]\n: b", /a key must be text/],
    [`name: ${"x".repeat(1024 * 1024)}`, /over the limit of 1048576 bytes/],
    ["name: &a [*a]", /alias/i],
    [
      `a: &a [x,x,x,x,x,x,x,x,x,x]\n${[..."bcdefghi"].map((key, i) => `${key}: &${key} [${Array(10).fill(`*${"abcdefgh"[i]}`)}]`).join("\n")}`,
      /more than 200000 values/,
    ],
    [`${"[".repeat(5000)}`, /./],
  ])("bounds and refuses %#", (text, message) => {
    expect(lines(text).join("\n")).toMatch(message);
  });

  it("never throws, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => void parseGraph(text)),
      { numRuns: 300 },
    );
    const word = fc.constantFrom(
      ..."name: channels nodes edges {} [ ] - & * a ! | > ? START -> \n  \" '".split(" "),
      "\n",
      "\n  ",
    );
    fc.assert(
      fc.property(fc.array(word), (words) => void parseGraph(words.join(" "))),
      { numRuns: 1000 },
    );
  });

  it("takes __proto__ for a name like any other", () => {
    expect(lines("__proto__: 1")[0]).toMatch(/^__proto__: unknown key/);
    expect(lines(`name: g\nchannels: {__proto__: add}\n${flow}`)).toContain(
      "channels.__proto__: names that begin with __ are reserved",
    );
  });
});

describe("validation", () => {
  it.each<[string, string[]]>([
    [
      "{}",
      ["name: a name must not be empty", "nodes: a graph needs a node", "edges: no edge leads from __start__ (START)"],
    ],
    [small(`${flow}interrupt_after: [b]`), ['interrupt_after[0]: there is no node "b" (known: a)']],
    [
      small(flow.replace("[[START, a]]", "[[START, a], [a, b], [START, a], [a, a]]")),
      ['edges[1].to: there is no node "b" (known: a)'],
    ],
    [
      small(`nodes: {a: {}, b: {expression: {}}}\nedges: [[START, a]]`),
      ["nodes.a: a node needs a kind: worker, module, expression, ask or subgraph"],
    ],
    [
      small(`nodes: {a: {expression: {update: {m: "1"}, overwrite: {n: "1 +"}}}}\nedges: [[START, a]]`),
      [
        'nodes.a.expression.update.m: there is no channel "m" (known: n)',
        expect.stringMatching(/^nodes.a.expression.overwrite.n: .*(:|end)/),
      ],
    ],
    [
      small(
        `nodes: {"a:b": {expression: {}}, __x: {expression: {}}, END: {expression: {}}}\nedges: [[START, "a:b"], [START, __x]]`,
      ),
      [
        'nodes["a:b"]: a name must not hold : or |',
        "nodes.__x: names that begin with __ are reserved",
        "nodes.END: END has a meaning of its own and can't be a name",
      ],
    ],
    [
      `name: g\nchannels: {a: {}, b: {kind: topic, initial: 1, accumulate: true}, c: {kind: add, initial: [], accumulate: true}, d: {kind: delta, reducer: topic}, e: {kind: add, reducer: max}}\n${flow.replace("{n:", "{c:")}`,
      [
        "channels.a.kind: a channel needs a kind",
        "channels.b.initial: only add, append, max, merge and delta have one",
        "channels.c.initial: must be a number",
        "channels.c.accumulate: only a topic accumulates",
        "channels.d.reducer: must be append, merge, add or max",
        "channels.e.reducer: only a delta channel has one",
      ],
    ],
    [
      small(
        `nodes: {a: {worker: {wait: 0s}, defer: true, retry: {}, cache: {ttl: 0s}, timeout: {run: 1.5s, idle: 0s}, error_handler: b}}\nedges: [[START, a]]`,
      ),
      [
        "nodes.a.worker.wait: must be above 0",
        "nodes.a.cache.ttl: must be above 0",
        "nodes.a.timeout.idle: must be above 0",
        'nodes.a.error_handler: there is no node "b" (known: a)',
      ],
    ],
    [
      small(
        `nodes:\n  a: {subgraph: {inline: {channels: {n: add}, nodes: {b: {expression: {update: {x: "1"}}}}}}}\n  b: {subgraph: {}}\nedges: [[START, a]]`,
      ),
      [
        'nodes.a.subgraph.inline.nodes.b.expression.update.x: there is no channel "x" (known: n)',
        "nodes.a.subgraph.inline.edges: no edge leads from __start__ (START)",
        "nodes.b.subgraph: a subgraph needs a graph: a registered one's name, or one given inline",
      ],
    ],
    [
      small(`${flow}branches: [{from: a, cel: nope(1), routes: {x: b}, targets: c}, {from: z}, {from: a, module: {}}]`),
      [
        expect.stringMatching(/^branches\[0\].cel: unknown function/),
        'branches[0].routes.x: there is no node "b" (known: a)',
        'branches[0].targets[0]: there is no node "c" (known: a)',
        'branches[1].from: there is no node "z" (known: a)',
        "branches[1]: a branch needs what decides: cel, module or worker",
        "branches[2].module.function: must be named",
      ],
    ],
    [
      small(`${flow}migrations: [{from: 1, to: 1}, {from: 1, to: 2, set: {n: "("}}]`),
      [
        "migrations[0].to: must be later than `from`",
        "migrations[0].to: is later than schema_version",
        "migrations[1].to: is later than schema_version",
        "migrations[1].from: another migration starts from this version",
        expect.stringMatching(/^migrations\[1\].set.n: /),
      ],
    ],
    [
      small(
        `nodes: {a: {expression: {}}, b: {expression: {}}}\nedges: [[START, a], [[a, b], b], [[START, a], END], [END, a]]`,
      ),
      [
        "edges[2].from[0]: __start__ can't be waited for with others",
        expect.stringMatching(/^edges\[3\].from\[0\]: there is no node "__end__"/),
      ],
    ],
  ])("finds every fault %#", (text, expected) => {
    expect(lines(text)).toEqual(expected);
  });

  it("knows the functions of the nodes module", () => {
    const text = small("nodes: {a: {module: {}}, b: {module: {function: f}}}\nedges: [START -> a, a -> b]");
    expect(lines(text)).toEqual([]);
    expect(lines(text, ["a", "f"])).toEqual([]);
    expect(lines(text, ["f"])).toEqual([
      'nodes.a.module.function: there is no function in the nodes module "a" (known: f)',
    ]);
  });

  it("lets nodes be that nothing leads to, and edges be given twice", () => {
    const nodes = "nodes: {a: {expression: {}}, b: {expression: {}}}";
    expect(lines(small(`${nodes}\nedges: [START -> a, START -> a]`))).toEqual([]);
  });

  it("stops at limits without looking further", () => {
    const spec = create(GraphSpecSchema, { name: "g" });
    for (let i = 0; i < 1001; i++)
      spec.channels[`c${i}`] = {
        $typeName: "cairn.v1.ChannelSpec",
        kind: 0,
        reducer: 0,
        accumulate: false,
        description: "",
      };
    expect(validateGraph(spec).map(faultLine)).toEqual(["channels: 1001 of them are over the limit of 1000"]);
  });
});

describe("hash", () => {
  it("does not depend on the order of maps, and does on everything else", () => {
    const { spec } = readGraph(counter);
    const turned = create(GraphSpecSchema, {
      ...spec,
      nodes: Object.fromEntries(Object.entries(spec.nodes).reverse()),
      channels: Object.fromEntries(Object.entries(spec.channels).reverse()),
    });
    expect(graphHash(turned)).toBe(graphHash(spec));
    expect(graphHash(spec)).toMatch(/^[0-9a-f]{64}$/);
    expect(graphHash({ ...spec, schemaVersion: 3 })).not.toBe(graphHash(spec));
    const again = fromJsonString(GraphSpecSchema, toJsonString(GraphSpecSchema, spec));
    expect(graphHash(again)).toBe(graphHash(spec));
  });
});

describe("loading a folder", () => {
  const put: string[] = [];
  const store = {
    putGraph: async (space: string, { spec }: { spec: GraphSpec }) => put.push(`${space}/${spec.name}`),
  } as unknown as Store;

  it("registers all files, or none and tells of each fault in one line", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cairn-graphs-"));
    await writeFile(join(folder, "b.yaml"), counter);
    await writeFile(
      join(folder, "a.json"),
      JSON.stringify({
        name: "j",
        nodes: { a: { ask: { question: "1", into: "c" } } },
        channels: { c: "last_value" },
        edges: ["START -> a"],
      }),
    );
    await writeFile(join(folder, "notes.txt"), "not a graph");
    const parts = { store, environment: systemEnvironment };
    expect(await loadGraphs(folder, parts)).toEqual(["j", "counter"]);
    expect(put).toEqual(["default/j", "default/counter"]);
    await writeFile(join(folder, "c.yml"), "name: [\n");
    await writeFile(join(folder, "d.yml"), counter);
    await expect(loadGraphs(folder, parts)).rejects.toThrow(
      /c\.yml: .*line.* \| d\.yml: name: b\.yaml holds a graph of this name already$/,
    );
    expect(put).toHaveLength(2);
    await expect(loadGraphs(join(folder, "no"), parts)).rejects.toThrow("it is not there");
  });
});
