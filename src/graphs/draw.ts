import type { GraphSpec } from "../gen/cairn/v1/graph_pb.ts";

/**
 * Draws a graph as a Mermaid flowchart: static edges solid, waiting ones labelled, conditional ones and the ways
 * of commands dashed. Nodes get ids of our own, because Mermaid has words that break as ids (`end`).
 */
export function drawGraph(spec: GraphSpec): string {
  const names = Object.keys(spec.nodes);
  const ids = new Map(names.map((name, i) => [name, `n${i}`]));
  ids.set("__start__", "start");
  ids.set("__end__", "finish");
  const idOf = (name: string) => ids.get(name) ?? "unknown";
  const lines = ["flowchart TD", '  start(["START"])'];
  for (const name of names) lines.push(`  ${idOf(name)}${shape(spec, name)}`);
  lines.push('  finish(["END"])');
  for (const { from, to } of spec.edges) {
    const label = from.length > 1 ? "|all|" : "";
    for (const source of from) lines.push(`  ${idOf(source)} -->${label} ${idOf(to)}`);
  }
  for (const branch of spec.branches) {
    for (const [label, target] of waysOf(branch, names)) {
      lines.push(`  ${idOf(branch.from)} -.->${label === "" ? "" : `|${quoted(label)}|`} ${idOf(target)}`);
    }
  }
  for (const name of names) {
    for (const end of spec.nodes[name]?.ends ?? []) lines.push(`  ${idOf(name)} -.-> ${idOf(end)}`);
  }
  return `${lines.join("\n")}\n`;
}

/** An ask is a slanted box, as where a person enters something; where a run may stop is in the label. */
function shape(spec: GraphSpec, name: string): string {
  const stops = (list: string[]) => list.includes(name) || list.includes("*");
  const marks = [stops(spec.interruptBefore) ? "stop before" : "", stops(spec.interruptAfter) ? "stop after" : ""];
  const label = quoted([name, ...marks.filter((mark) => mark !== "")].join("<br>"));
  switch (spec.nodes[name]?.kind.case) {
    case "ask":
      return `[/${label}/]`;
    case "subgraph":
      return `[[${label}]]`;
    default:
      return `[${label}]`;
  }
}

/** Each way of a conditional edge, with its label. */
function waysOf(branch: GraphSpec["branches"][number], names: string[]): [label: string, target: string][] {
  const routes = Object.entries(branch.routes);
  const routed = new Set(routes.map(([, target]) => target));
  const others = branch.targets.filter((target) => !routed.has(target)).map((target): [string, string] => ["", target]);
  if (routes.length > 0 || others.length > 0) return [...routes, ...others];
  return [...names, "__end__"].map((name) => ["", name]);
}

/** Text in quotes, with what Mermaid or HTML would read as more than text written as entities. */
function quoted(text: string): string {
  const parts = text.split("<br>").map((part) => part.replaceAll(/[^\p{L}\p{N} _.,:;!?=+*/()-]/gu, entity));
  return `"${parts.join("<br>")}"`;
}

function entity(character: string): string {
  return `#${character.codePointAt(0)};`;
}
