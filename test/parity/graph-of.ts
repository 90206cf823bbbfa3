import type { Case, CaseBranch, CaseGraph, CaseNode, CaseSend } from "./case.ts";

/** A case's graph as a graph file, its nodes played by the harness. */
export function graphFile(name: string, { graph }: Case, playerUrl: string): string {
  return JSON.stringify(specOf(name, graph, { url: playerUrl, prefix: "" }));
}

interface Player {
  url: string;
  /** Names of the enclosing nodes, as logs show them. */
  prefix: string;
}

function specOf(name: string, graph: CaseGraph, player: Player): Record<string, unknown> {
  return {
    name,
    channels: Object.fromEntries(Object.entries(graph.channels).map(([channel, kind]) => [channel, channelOf(kind)])),
    nodes: Object.fromEntries(Object.entries(graph.nodes).map(([node, spec]) => [node, nodeOf(node, spec, player)])),
    edges: graph.edges.map(([from, to]) => ({ from: [from].flat(), to })),
    branches: (graph.branches ?? []).map((branch) => ({
      from: branch.from,
      cel: decision(branch),
      targets: [...new Set(targets(branch))].filter((target) => target !== "END"),
    })),
    interruptBefore: graph.interrupt_before ?? [],
    interruptAfter: graph.interrupt_after ?? [],
  };
}

function channelOf(kind: string): unknown {
  return kind === "topic_accumulate" ? { kind: "topic", accumulate: true } : { kind };
}

function nodeOf(node: string, spec: CaseNode, player: Player): Record<string, unknown> {
  const common = {
    ...(spec.ends && { ends: spec.ends }),
    ...(spec.defer && { defer: true }),
    ...(spec.attempts && {
      retry: { maxAttempts: spec.attempts, initialInterval: "0.001s", maxInterval: "0.002s", noJitter: true },
    }),
  };
  if (spec.graph !== undefined) {
    const inner = specOf(node, spec.graph, { ...player, prefix: `${player.prefix}${node}/` });
    return { ...common, subgraph: { inline: inner } };
  }
  const params = { url: player.url, name: `${player.prefix}${node}`, ops: spec.do ?? [] };
  return { ...common, module: { function: "play", params } };
}

function decision(branch: CaseBranch): string {
  if (branch.send !== undefined) return branch.send.map(sends).join(" + ");
  const value = `state[${text(branch.on ?? "")}]`;
  const there = `${text(branch.on ?? "")} in state && ${value} != null`;
  if (branch.lt !== undefined) {
    const number = `(${there} ? double(${value}) : 0.0)`;
    return `${number} < ${float(branch.lt)} ? ${names(branch.then ?? [])} : ${names(branch.else ?? [])}`;
  }
  // As Python shows it; of what a case can't name, anything else will do.
  const shown = `(!(${there}) ? "None" : type(${value}) in [list, map, bool] ? "?" : string(${value}))`;
  const cases = Object.entries(branch.cases ?? {});
  return cases.reduceRight(
    (rest, [when, to]) => `${shown} == ${text(when)} ? ${names(to)} : (${rest})`,
    names(branch.default ?? []),
  );
}

function sends({ node, arg, over, as }: CaseSend): string {
  if (over === undefined) return `[{"node": ${text(node)}, "arg": ${literal(arg)}}]`;
  const list = `state[${text(over)}]`;
  const items = `(${text(over)} in state && ${list} != null ? ${list} : [])`;
  return `${items}.map(item, {"node": ${text(node)}, "arg": {${text(as ?? "")}: item}})`;
}

function targets({
  then = [],
  else: otherwise = [],
  cases = {},
  default: fallback = [],
  send = [],
}: CaseBranch): string[] {
  return [...then, ...otherwise, ...Object.values(cases).flat(), ...fallback, ...send.map(({ node }) => node)];
}

function names(list: string[]): string {
  return `[${list.map((name) => text(nodeName(name))).join(", ")}]`;
}

export function nodeName(name: string): string {
  return name === "START" ? "__start__" : name === "END" ? "__end__" : name;
}

/** JSON's texts and lists are CEL's as well; whole numbers are ints in both. */
const text = (value: string): string => JSON.stringify(value);
const literal = (value: unknown): string => JSON.stringify(value ?? null);
const float = (value: number): string => (Number.isInteger(value) ? `${value}.0` : String(value));
