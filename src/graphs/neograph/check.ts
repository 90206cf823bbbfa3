import { nameFault, textFault, unknown } from "../names.ts";
import { type Definition, END, type Named, type Node, START } from "./definition.ts";
import type { Reader } from "./reader.ts";

/** What NeoGraph itself refuses in a definition, and names that our graphs can't have. */
export function checkDefinition(reader: Reader, definition: Definition): void {
  if (definition.name !== "") refuse(reader, "name", textFault(definition.name));
  if (definition.nodes.size === 0) reader.fault("nodes", "a graph needs a node");
  for (const [name, { path }] of definition.nodes) refuse(reader, path, nameFault(name));
  for (const [name, node] of definition.nodes) checkBarrier(reader, definition, name, node);
  checkEdges(reader, definition);
  checkConditions(reader, definition);
  for (const named of [...definition.interruptBefore, ...definition.interruptAfter]) known(reader, definition, named);
  for (const [name, { path }] of definition.nodeRetries) known(reader, definition, { path, name });
}

function refuse(reader: Reader, path: string, fault: string | undefined): void {
  if (fault !== undefined) reader.fault(path, fault);
}

function known(reader: Reader, { nodes }: Definition, { path, name }: Named, also?: string): void {
  if (name !== also && !nodes.has(name)) reader.fault(path, unknown("node", name, nodes.keys()));
}

function checkEdges(reader: Reader, definition: Definition): void {
  const { edges, conditions } = definition;
  const routed = new Set(conditions.map(({ from }) => from.name));
  const firsts = new Map<string, string>();
  for (const { path, from, to } of edges) {
    known(reader, definition, from, START);
    known(reader, definition, to, END);
    if (from.name !== START) {
      const why = "decides by a condition, which in NeoGraph replaces its other edges: this one is never taken";
      if (routed.has(from.name)) reader.fault(path, `${quoted(from.name)} ${why}`);
      continue;
    }
    const before = firsts.get(to.name);
    if (before !== undefined && to.name !== END) {
      reader.fault(
        path,
        `NeoGraph starts ${quoted(to.name)} twice, by this edge and ${before}; here an edge counts once`,
      );
    }
    firsts.set(to.name, path);
  }
  if (firsts.size === 0) reader.fault("edges", `no edge leads from ${START}`);
}

function checkConditions(reader: Reader, definition: Definition): void {
  const seen = new Map<string, string>();
  for (const { path, from, routes } of definition.conditions) {
    known(reader, definition, from);
    for (const [label, target] of routes) {
      known(reader, definition, target, END);
      // Graph files take these for the entry and the exit, wherever they stand.
      if (["START", "END", START, END].includes(label)) reader.fault(target.path, `a label can't be ${label} here`);
    }
    const before = seen.get(from.name);
    if (before !== undefined)
      reader.fault(path, `${quoted(from.name)} decides by ${before} already: NeoGraph never asks this one`);
    seen.set(from.name, path);
  }
}

function checkBarrier(reader: Reader, definition: Definition, name: string, { slots }: Node): void {
  const members = new Set<string>();
  for (const slot of slots) {
    for (const named of slot) {
      known(reader, definition, named);
      if (named.name === name) reader.fault(named.path, "a node can't wait for itself");
      if (members.has(named.name)) reader.fault(named.path, `${quoted(named.name)} is there twice`);
      members.add(named.name);
    }
    const [first] = slot;
    if (first === undefined || slot.some((each) => signals(definition, each.name, name))) continue;
    if (slot.every((each) => definition.nodes.has(each.name) && each.name !== name)) {
      reader.fault(
        first.path,
        `no edge leads from ${slot.map((each) => quoted(each.name)).join(" or ")} to ${quoted(name)}`,
      );
    }
  }
}

function signals({ edges, conditions }: Definition, from: string, to: string): boolean {
  return (
    edges.some((edge) => edge.from.name === from && edge.to.name === to) ||
    conditions.some((each) => each.from.name === from && [...each.routes.values()].some(({ name }) => name === to))
  );
}

function quoted(name: string): string {
  return JSON.stringify(name);
}
