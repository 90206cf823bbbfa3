import type { Case, Definition } from "./case.ts";

const START = "__start__";
const END = "__end__";

/** Nodes by name, each counting its visits; edges as "a b"; conditions by the node that decides. */
function definition(names: string, edges: string[], more: Partial<Definition> = {}): Definition {
  const nodes = names.split(" ");
  return {
    schema_version: 1,
    name: `by hand ${names} ${edges.join(", ")}`,
    nodes: Object.fromEntries(nodes.map((name) => [name, { type: "work" }])),
    edges: edges.map((edge) => {
      const [from = "", to = ""] = edge.split(" ");
      return { from, to };
    }),
    conditional_edges: [],
    ...more,
    channels: {
      log: { reducer: "append" },
      ...Object.fromEntries(nodes.flatMap((name) => [`visits ${name}`, `saw ${name}`].map((channel) => [channel, {}]))),
      ...more.channels,
    },
  };
}

function plain(definition: Definition, more: Partial<Case> = {}): Case {
  return { definition, conditions: {}, input: {}, max_steps: 50, ...more };
}

const wait = (...wait_for: (string | { any_of: string[] })[]) => ({ type: "work", barrier: { wait_for } });
const nodes = (names: string, more: Definition["nodes"]) => ({
  ...Object.fromEntries(names.split(" ").map((name) => [name, { type: "work" }])),
  ...more,
});

const diamond = [`${START} a`, "a b", "a c", "b j", "c d", "d j"];

/** What the reference says of NeoGraph, one by one. */
export const casesByHand: Record<string, Case> = {
  "an equal diamond runs its join once": plain(definition("a b c j", [`${START} a`, "a b", "a c", "b j", "c j"])),
  "an unequal diamond runs its join twice": plain(definition("a b c d j", diamond)),
  "with a barrier once": plain(definition("a b c d j", diamond, { nodes: nodes("a b c d", { j: wait("b", "d") }) })),
  "the end of one way does not stop the others": plain(
    definition("a b c d", [`${START} a`, "a b", `b ${END}`, "a c", "c d", `a ${END}`]),
  ),
  "a barrier that is never complete runs nothing": plain(
    definition("a b c j", [`${START} a`, `${START} b`, "b j", "c j"], {
      nodes: nodes("a b c", { j: wait("a", "b") }),
      conditional_edges: [{ from: "a", condition: "never", routes: { x: "j", default: "c" } }],
    }),
    { conditions: { never: { reads: [], own: "visits a", labels: ["other"] } } },
  ),
  "any of two, then the other again": plain(
    definition("a b c d j", [`${START} a`, `${START} b`, `${START} d`, "d c", "c j", "a j", "b j", "j a"], {
      nodes: nodes("a b c d", { j: wait("a", { any_of: ["b", "c"] }) }),
    }),
    { max_steps: 8 },
  ),
  "a signal of a node that is not waited for counts for nothing": plain(
    definition("a b c j", [`${START} a`, `${START} c`, "c b", "c j", "a j", "b j"], {
      nodes: nodes("a b c", { j: wait("a", "b") }),
    }),
  ),
  "a node that starts does not wait": plain(
    definition("a b c j", [`${START} a`, `${START} c`, `${START} j`, "c b", "a j", "b j"], {
      nodes: nodes("a b c", { j: wait("a", "b") }),
    }),
  ),
  "a condition sees what its siblings wrote": plain(
    definition("a b c d", [`${START} a`, `${START} b`], {
      conditional_edges: [{ from: "a", condition: "seen", routes: { no: "c", yes: "d" } }],
    }),
    { conditions: { seen: { reads: ["visits b"], own: "visits a", labels: ["no", "yes"] } } },
  ),
  "the steps are used up": plain(definition("a b", [`${START} a`, "a b", "b a"]), { max_steps: 7, supersteps: 7 }),
  "stops before and after": plain(
    definition("a b c d", [`${START} a`, "a b", "a c", "b d", "c d"], {
      interrupt_before: ["b", "c"],
      interrupt_after: ["a", "b"],
    }),
  ),
};

const call = (...ids: string[]) => ({
  role: "assistant",
  content: "",
  tool_calls: ids.map((id) => ({ id, name: "f", arguments: "{}" })),
});
const answer = (id: string) => ({ role: "tool", content: "done", tool_call_id: id });
const said = (role: string) => ({ role, content: "x" });

const histories: unknown[][] = [
  [],
  [said("user")],
  [call("1")],
  [call("1"), answer("1")],
  [call("1", "2"), answer("1")],
  [call("1"), said("user")],
  [call("1"), answer("1"), call("1")],
  [call("1"), answer("1"), call("2"), answer("2"), said("assistant")],
  [{ ...said("assistant"), tool_calls: [] }],
];

for (const [i, messages] of histories.entries()) {
  const routes = { true: "yes", false: "no" };
  const asked = definition("a yes no", [`${START} a`], {
    channels: { messages: { reducer: "append" } },
    conditional_edges: [{ from: "a", condition: "has_tool_calls", routes }],
  });
  casesByHand[`tool calls ${i}`] = plain(asked, { input: { messages } });
}

/** What NeoGraph does not compile. */
export const refusedByBoth: Record<string, Definition> = {
  "no start": definition("a b", ["a b"]),
  "an edge to nowhere": definition("a", [`${START} a`, "a b"]),
  "an edge and a condition": definition("a b", [`${START} a`, "a b"], {
    conditional_edges: [{ from: "a", condition: "route_channel", routes: { default: "b" } }],
  }),
  "two conditions": definition("a b", [`${START} a`], {
    conditional_edges: [
      { from: "a", condition: "route_channel", routes: { default: "b" } },
      { from: "a", condition: "has_tool_calls", routes: { true: "b", false: "b" } },
    ],
  }),
  "a barrier for what never comes": definition("a b j", [`${START} a`, `${START} b`, "a j"], {
    nodes: nodes("a b", { j: wait("a", "b") }),
  }),
  "a barrier for itself": definition("a j", [`${START} a`, "a j", "j j"], { nodes: nodes("a", { j: wait("a", "j") }) }),
  "a stop nowhere": definition("a", [`${START} a`], { interrupt_before: ["*"] }),
  "an unknown key": { ...definition("a", [`${START} a`]), what: 1 } as Definition,
};
