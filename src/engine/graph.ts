import {
  ChannelKind,
  type ChannelSpec,
  type GraphSpec,
  type NodeSpec,
  type WorkerNode,
} from "../gen/cairn/v1/graph_pb.ts";
import { fromJsonValue } from "../values/protobuf.ts";
import { compileCel, type Program } from "./cel.ts";
import { Cell } from "./cell.ts";
import { BarrierChannel, savedArrivals } from "./channels/barrier.ts";
import type { Channel } from "./channels/channel.ts";
import { DeferredChannel } from "./channels/deferred.ts";
import { PlainChannel } from "./channels/plain.ts";
import { ReducerChannel } from "./channels/reducer.ts";
import { type Reducer, reducers } from "./channels/reducers.ts";
import { SendsChannel } from "./channels/sends.ts";
import { TopicChannel } from "./channels/topic.ts";
import { type CompiledMigration, compileMigrations } from "./migrations.ts";
import { branchTo, END, joinChannel, SENDS, START } from "./names.ts";
import { type CompiledSubgraph, persistenceOf } from "./subgraph.ts";

/** A conditional edge. Either `program` decides, the function `module` of the nodes module, or `worker`. */
export interface CompiledBranch {
  program?: Program;
  module?: { function: string; params: unknown };
  worker?: WorkerNode;
  routes: Readonly<Record<string, string>>;
}

export interface CompiledNode {
  name: string;
  /** Absent for the entry. */
  spec: NodeSpec | undefined;
  /** Channels that trigger it. */
  triggers: string[];
  /** Channels that its having run writes: triggers of its successors and barriers. */
  signals: { channel: string; barrier: boolean }[];
  branches: CompiledBranch[];
  /** Compiled CEL of an expression node. */
  expression?: {
    update: [channel: string, Program][];
    overwrite: [channel: string, Program][];
    goto?: Program;
    toParent: boolean;
  };
  /** Compiled CEL of an ask node. */
  ask?: { question: Program; into: string };
  subgraph?: CompiledSubgraph;
  /** Compiled CEL of what a cached result depends on; absent: all of the state. */
  cacheKey?: Program;
}

/** A graph, ready to run. Expects a spec that validation has passed. */
export interface CompiledGraph {
  /** The registered graph that it is, or is a part of. */
  name: string;
  hash: string;
  /** The nodes that lead from the registered graph to this one; empty for itself. */
  path: readonly string[];
  spec: GraphSpec;
  nodes: ReadonlyMap<string, CompiledNode>;
  /** Channels of the state, as users know them, in the order of their names. */
  stateChannels: ReadonlySet<string>;
  /** State channels that checkpoints leave out. */
  untracked: ReadonlySet<string>;
  /** Every channel, control channels included, as it is restored from what a checkpoint kept. */
  channels: ReadonlyMap<string, (saved: Cell | undefined) => Channel>;
  /** Channel to the nodes it triggers. */
  triggered: ReadonlyMap<string, readonly string[]>;
  /** The step from an older schema_version, by the version. */
  migrations: ReadonlyMap<number, CompiledMigration>;
}

export function compileGraph(spec: GraphSpec, hash: string): CompiledGraph {
  return compileAt(spec, { name: spec.name, hash, path: [] });
}

type Place = Pick<CompiledGraph, "name" | "hash" | "path">;

function compileAt(spec: GraphSpec, place: Place): CompiledGraph {
  const nodes = new Map<string, CompiledNode>([[START, emptyNode(START, undefined)]]);
  for (const [name, node] of Object.entries(spec.nodes)) nodes.set(name, compileNode(name, node, place));
  const channels = new Map<string, (saved: Cell | undefined) => Channel>();
  for (const name of Object.keys(spec.channels).sort()) {
    channels.set(name, (saved) => stateChannel(name, spec.channels[name] as ChannelSpec, saved));
  }
  channels.set(START, (saved) => new PlainChannel(START, "ephemeral", saved));
  channels.set(SENDS, () => new SendsChannel());
  for (const name of nodes.keys()) {
    if (name === START) continue;
    const trigger = branchTo(name);
    const deferred = spec.nodes[name]?.defer === true;
    channels.set(trigger, (saved) =>
      deferred ? new DeferredChannel(saved) : new PlainChannel(trigger, "trigger", saved),
    );
  }
  connect(spec, nodes, channels);
  const triggered = new Map<string, string[]>();
  for (const { name, triggers } of nodes.values()) {
    for (const channel of triggers) triggered.set(channel, [...(triggered.get(channel) ?? []), name]);
  }
  const untracked = Object.entries(spec.channels).filter(([, { kind }]) => kind === ChannelKind.UNTRACKED);
  return {
    ...place,
    spec,
    nodes,
    stateChannels: new Set(Object.keys(spec.channels).sort()),
    untracked: new Set(untracked.map(([name]) => name)),
    channels,
    triggered,
    migrations: compileMigrations(spec),
  };
}

/** Adds what edges and branches do to the nodes they start from, and the barriers of waiting edges. */
function connect(
  spec: GraphSpec,
  nodes: Map<string, CompiledNode>,
  channels: Map<string, (saved: Cell | undefined) => Channel>,
): void {
  for (const { from, to } of spec.edges) {
    if (to === END) continue;
    const [only] = from;
    if (from.length === 1 && only !== undefined) {
      nodes.get(only)?.signals.push({ channel: branchTo(to), barrier: false });
      continue;
    }
    const channel = joinChannel(from, to);
    const deferred = spec.nodes[to]?.defer === true;
    const barrier = { name: channel, node: to, awaited: new Set(from), deferred };
    channels.set(channel, (saved) => new BarrierChannel(barrier, savedArrivals(saved)));
    nodes.get(to)?.triggers.push(channel);
    for (const name of from) nodes.get(name)?.signals.push({ channel, barrier: true });
  }
  for (const { from, decide, routes } of spec.branches) {
    const branch: CompiledBranch = { routes };
    if (decide.case === "cel") branch.program = compileCel(decide.value);
    if (decide.case === "module") branch.module = { function: decide.value.function, params: decide.value.params };
    if (decide.case === "worker") branch.worker = decide.value;
    nodes.get(from)?.branches.push(branch);
  }
}

function emptyNode(name: string, spec: NodeSpec | undefined): CompiledNode {
  return { name, spec, triggers: [name === START ? START : branchTo(name)], signals: [], branches: [] };
}

function compileNode(name: string, spec: NodeSpec, place: Place): CompiledNode {
  const node = emptyNode(name, spec);
  if (spec.cache !== undefined && spec.cache.key !== "") node.cacheKey = compileCel(spec.cache.key);
  if (spec.kind.case === "expression") {
    const { update, overwrite, goto, toParent } = spec.kind.value;
    const programs = (sources: Record<string, string>): [string, Program][] =>
      Object.entries(sources).map(([channel, source]) => [channel, compileCel(source)]);
    node.expression = { update: programs(update), overwrite: programs(overwrite), toParent };
    if (goto !== "") node.expression.goto = compileCel(goto);
  }
  if (spec.kind.case === "ask") {
    const { question, into } = spec.kind.value;
    node.ask = { question: compileCel(question), into };
  }
  if (spec.kind.case === "subgraph") {
    const { graph } = spec.kind.value;
    const inner =
      graph.case === "inline" ? compileAt(graph.value, { ...place, path: [...place.path, name] }) : undefined;
    const registered = graph.case === "name" ? graph.value : "";
    node.subgraph = { inline: inner, name: registered, ...persistenceOf(spec.kind.value) };
  }
  return node;
}

const plainKinds = new Map<ChannelKind, "lastValue" | "anyValue" | "ephemeral" | "untracked">([
  [ChannelKind.LAST_VALUE, "lastValue"],
  [ChannelKind.ANY_VALUE, "anyValue"],
  [ChannelKind.EPHEMERAL, "ephemeral"],
  [ChannelKind.UNTRACKED, "untracked"],
]);

/** The reducer of a kind that has one. */
export const reducerKinds: ReadonlyMap<ChannelKind, Reducer> = new Map<ChannelKind, Reducer>([
  [ChannelKind.ADD, "add"],
  [ChannelKind.APPEND, "append"],
  [ChannelKind.MAX, "max"],
  [ChannelKind.MERGE, "merge"],
]);

/** The kind whose reducer a channel has: its own, or a delta channel's choice. */
export function reducedBy({ kind, reducer }: ChannelSpec): ChannelKind {
  if (kind !== ChannelKind.DELTA) return kind;
  return reducer === ChannelKind.UNSPECIFIED ? ChannelKind.APPEND : reducer;
}

function stateChannel(name: string, spec: ChannelSpec, saved: Cell | undefined): Channel {
  const reducer = reducerKinds.get(reducedBy(spec));
  if (reducer !== undefined) {
    const initial = Cell.of(spec.initial === undefined ? reducers[reducer].initial() : fromJsonValue(spec.initial));
    const rules = { reducer, emptied: spec.kind === ChannelKind.DELTA ? initial : undefined };
    return new ReducerChannel(name, rules, saved ?? initial);
  }
  if (spec.kind === ChannelKind.TOPIC) return new TopicChannel(spec.accumulate, saved);
  return new PlainChannel(name, plainKinds.get(spec.kind) ?? "lastValue", saved);
}
