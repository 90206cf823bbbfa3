import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { isPlainMap, type Plain } from "../values/value.ts";
import { Cell, nullCell } from "./cell.ts";
import { RunFailure } from "./failure.ts";
import type { CompiledBranch, CompiledGraph, CompiledNode } from "./graph.ts";
import { branchTo, END, NO_WRITES } from "./names.ts";
import { copyState, type GraphState, readChannels } from "./state.ts";
import { type SendPacket, sendWrite, type Write, write } from "./write.ts";

/** What a node's code gives back. */
export interface NodeResult {
  /** Channel updates, in order. */
  update: Write[];
  /** Nodes to go to besides the edges, and Sends. */
  goto: (string | SendPacket)[];
  /** They are those of the enclosing graph, which this graph's node there has written. */
  toParent?: boolean;
  /** How many questions it asked and had answered; none when absent. */
  asked?: number;
}

/**
 * The writes of a node that has run, apart from those of its conditional edges: its updates, then where its
 * command goes, then its edges. Throws RunFailure for a channel or node that the graph does not have.
 */
export function resultWrites(graph: CompiledGraph, node: CompiledNode, { update, goto }: NodeResult): Write[] {
  for (const { channel } of update) {
    if (graph.stateChannels.has(channel)) continue;
    throw new RunFailure(
      ErrorReason.CHANNEL_NOT_FOUND,
      `node ${JSON.stringify(node.name)} writes to channel ${JSON.stringify(channel)}, which the graph does not have`,
      { node: node.name, channel },
    );
  }
  const edges = node.signals.map(({ channel, barrier }) => write(channel, barrier ? Cell.of(node.name) : nullCell()));
  return [...update, ...goto.flatMap((target) => targetWrites(graph, node, target)), ...edges];
}

/** The state that a conditional edge decides on: the channels' values with the node's own writes applied. */
export function branchState(state: GraphState, writes: readonly Write[]): Map<string, Cell> {
  const own = copyState(state);
  const touched = new Set(writes.map(({ channel }) => channel));
  for (const name of state.graph.stateChannels) {
    const channel = own.channels.get(name);
    // LangGraph updates every channel here, so those that live for one superstep are gone unless just written.
    channel?.update(touched.has(name) ? writes.filter((w) => w.channel === name) : []);
  }
  return readChannels(own);
}

/** The writes that a conditional edge's decision stands for. */
export function decisionWrites(
  graph: CompiledGraph,
  node: CompiledNode,
  branch: CompiledBranch,
  decision: Plain,
): Write[] {
  return targetsOf(decision, node.name).flatMap((target) => {
    if (typeof target !== "string") return targetWrites(graph, node, target);
    if (Object.keys(branch.routes).length === 0) return targetWrites(graph, node, target);
    const routed = Object.hasOwn(branch.routes, target) ? branch.routes[target] : undefined;
    if (routed !== undefined) return targetWrites(graph, node, routed);
    throw new RunFailure(
      ErrorReason.NODE_NOT_FOUND,
      `the conditional edge of node ${JSON.stringify(node.name)} gave ${JSON.stringify(target)}, which is none of its routes`,
      { node: node.name },
    );
  });
}

/**
 * Where to go, as conditional edges and goto expressions say it: a node's name, true or false, a list of names, or
 * of {"node": name, "arg": value} for Sends. null goes nowhere.
 */
export function targetsOf(decision: Plain, sourceNode: string): (string | SendPacket)[] {
  if (decision === null) return [];
  if (Array.isArray(decision)) return decision.flatMap((item) => targetsOf(item, sourceNode));
  // No node may be named END, so that here as in graph files it can stand for the exit.
  if (typeof decision === "string") return [decision === "END" ? END : decision];
  if (typeof decision === "boolean") return [String(decision)];
  if (isPlainMap(decision) && typeof decision.node === "string") {
    return [{ node: decision.node, arg: Cell.of(decision.arg ?? null), sourceNode, timeout: undefined }];
  }
  throw new RunFailure(
    ErrorReason.NODE_NOT_FOUND,
    `node ${JSON.stringify(sourceNode)} says where to go with something that is neither a node's name nor a list of names or {"node", "arg"} maps`,
    { node: sourceNode },
  );
}

function targetWrites(graph: CompiledGraph, from: CompiledNode, target: string | SendPacket): Write[] {
  const name = typeof target === "string" ? target : target.node;
  if (name === END && typeof target === "string") return [];
  if (graph.spec.nodes[name] === undefined || !Object.hasOwn(graph.spec.nodes, name)) {
    throw new RunFailure(
      ErrorReason.NODE_NOT_FOUND,
      `node ${JSON.stringify(from.name)} goes to ${JSON.stringify(name)}, which the graph does not have`,
      { node: from.name },
    );
  }
  return [typeof target === "string" ? write(branchTo(name), nullCell()) : sendWrite(target)];
}

/** A finished task has at least one write, so that it can be told from one that has not run. */
export function orNoWrites(writes: Write[]): Write[] {
  return writes.length > 0 ? writes : [write(NO_WRITES, nullCell())];
}

/** A write as it may be saved: undefined for untracked channels, and Sends without the untracked parts of their argument. */
export function savedWrite(graph: CompiledGraph, w: Write): Write | undefined {
  if (graph.untracked.has(w.channel)) return undefined;
  if (w.send === undefined || graph.untracked.size === 0) return w;
  const argument = w.send.arg.typed.type === "msgpack" || w.send.arg.typed.type === "json" ? w.send.arg.value : null;
  if (!isPlainMap(argument) || !Object.keys(argument).some((key) => graph.untracked.has(key))) return w;
  const kept = Object.entries(argument).filter(([key]) => !graph.untracked.has(key));
  return sendWrite({ ...w.send, arg: Cell.of(Object.assign(Object.create(null), Object.fromEntries(kept))) });
}
