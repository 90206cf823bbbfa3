import { member } from "../faults.ts";
import { isAnnotation, type Place, type Reader } from "./reader.ts";

export const START = "__start__";
export const END = "__end__";

/** NeoGraph's core-definition, as far as it could be read. Each part has its path in the file. */
export interface Definition {
  name: string;
  channels: Map<string, Channel>;
  nodes: Map<string, Node>;
  edges: Edge[];
  conditions: Condition[];
  interruptBefore: Named[];
  interruptAfter: Named[];
  retry: Place;
  nodeRetries: Map<string, Place>;
  metadata: Place;
}

export interface Named {
  path: string;
  name: string;
}

export interface Channel {
  path: string;
  /** With its path. */
  reducer: Named;
  initial: Place;
}

export interface Node {
  path: string;
  type: Named;
  /** What the node's type is told, without `type`, `barrier` and annotations. */
  config: Map<string, Place>;
  /** What its barrier waits for: a signal of each slot, from any of its alternatives. */
  slots: Slot[];
}

export type Slot = Named[];

export interface Edge {
  path: string;
  from: Named;
  to: Named;
}

export interface Condition {
  path: string;
  from: Named;
  condition: Named;
  /** Label to where it leads. */
  routes: Map<string, Named>;
}

const topKeys = [
  "schema_version",
  "name",
  "channels",
  "nodes",
  "edges",
  "conditional_edges",
  "interrupt_before",
  "interrupt_after",
  "retry_policy",
  "node_retry_policies",
  "failure_edges",
  "failure_exits",
  "metadata",
];

/** What a graph of ours has nothing for. */
const refusedKeys: Record<string, string> = {
  failure_edges: "failures that lead to a node of their own can't be carried over",
  failure_exits: "nodes that end the run as failed can't be carried over",
};

export function readDefinition(reader: Reader, root: Place): Definition {
  const at = reader.members(root, topKeys);
  const version = at("schema_version");
  if (version.tree !== 1n) {
    reader.fault(version.path, "must be 1: definitions without it are lenient, and what they mean is not settled");
  }
  for (const [key, why] of Object.entries(refusedKeys)) {
    const { path, tree } = at(key);
    const isEmpty = (tree instanceof Map && tree.size === 0) || (Array.isArray(tree) && tree.length === 0);
    if (tree !== undefined && !isEmpty) reader.fault(path, why);
  }
  const [edges, inline] = readEdges(reader, at("edges"));
  const conditional = reader.list(at("conditional_edges")).map((place) => readCondition(reader, place, []));
  return {
    name: reader.text(at("name")) ?? "",
    channels: new Map([...reader.map(at("channels"))].map(([name, place]) => [name, readChannel(reader, place)])),
    nodes: new Map([...reader.map(at("nodes"))].map(([name, place]) => [name, readNode(reader, place)])),
    edges,
    conditions: [...inline, ...conditional].filter((condition) => condition !== undefined),
    interruptBefore: readNames(reader, at("interrupt_before")),
    interruptAfter: readNames(reader, at("interrupt_after")),
    retry: at("retry_policy"),
    nodeRetries: reader.map(at("node_retry_policies")),
    metadata: at("metadata"),
  };
}

function readChannel(reader: Reader, place: Place): Channel {
  const at = reader.members(place, ["reducer", "initial", "retention", "retention_limit", "persistence"]);
  for (const [name, usual] of [
    ["retention", "unbounded"],
    ["persistence", "checkpoint"],
  ] as const) {
    const { path, tree } = at(name);
    if (tree !== undefined && tree !== usual) reader.fault(path, `only "${usual}" can be carried over`);
  }
  const { path, tree } = at("reducer");
  const name = tree === undefined ? "overwrite" : reader.text({ path, tree });
  return { path: place.path, reducer: { path, name: name ?? "overwrite" }, initial: at("initial") };
}

function readNode(reader: Reader, place: Place): Node {
  const members = reader.map(place);
  const named = readName(reader, members.get("type") ?? { path: member(place.path, "type"), tree: undefined });
  const config = new Map<string, Place>();
  for (const [key, each] of members) {
    if (key === "type" || key === "barrier") continue;
    if (isAnnotation(key)) reader.note(each.path, "an annotation: left out");
    else config.set(key, each);
  }
  const barrier = members.get("barrier");
  const slots = barrier === undefined ? [] : readSlots(reader, barrier);
  return { path: place.path, type: named ?? { path: place.path, name: "" }, config, slots };
}

function readSlots(reader: Reader, barrier: Place): Slot[] {
  const waitFor = reader.members(barrier, ["wait_for"])("wait_for");
  const slots = reader.list(waitFor).map((place): Slot => {
    if (!(place.tree instanceof Map)) return only(readName(reader, place));
    return readNames(reader, reader.members(place, ["any_of"])("any_of"), true);
  });
  if (slots.length === 0) reader.fault(waitFor.path, "must name a node");
  // A node that is named twice by itself is one slot.
  const seen = new Set<string>();
  return slots.filter(([first, ...others]) => {
    const isNew = first !== undefined && !(others.length === 0 && seen.has(first.name));
    if (isNew && others.length === 0) seen.add(first.name);
    return isNew;
  });
}

function readEdges(reader: Reader, place: Place): [edges: Edge[], inline: (Condition | undefined)[]] {
  const edges: Edge[] = [];
  const inline: (Condition | undefined)[] = [];
  for (const each of reader.list(place)) {
    const { tree } = each;
    if (tree instanceof Map && (tree.has("condition") || tree.get("type") === "conditional")) {
      inline.push(readCondition(reader, each, ["type"]));
      continue;
    }
    const at = reader.members(each, ["from", "to"]);
    const [from, to] = [readName(reader, at("from")), readName(reader, at("to"))];
    if (from !== undefined && to !== undefined) edges.push({ path: each.path, from, to });
  }
  return [edges, inline];
}

function readCondition(reader: Reader, place: Place, more: string[]): Condition | undefined {
  const at = reader.members(place, ["from", "condition", "routes", ...more]);
  const [from, condition] = [readName(reader, at("from")), readName(reader, at("condition"))];
  const routes = new Map<string, Named>();
  const places = reader.map(at("routes"));
  for (const [label, each] of places) {
    const target = readName(reader, each);
    if (target !== undefined) routes.set(label, target);
  }
  if (places.size === 0) reader.fault(at("routes").path, "must name a route");
  if (from === undefined || condition === undefined) return undefined;
  return { path: place.path, from, condition, routes };
}

function readNames(reader: Reader, place: Place, isNeeded = false): Named[] {
  const names = reader.list(place).flatMap((each) => only(readName(reader, each)));
  if (isNeeded && names.length === 0) reader.fault(place.path, "must name a node");
  return names;
}

function readName(reader: Reader, place: Place): Named | undefined {
  const name = reader.text(place);
  return name === undefined ? undefined : { path: place.path, name };
}

function only(named: Named | undefined): Named[] {
  return named === undefined ? [] : [named];
}
