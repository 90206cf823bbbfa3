import type { Duration } from "@bufbuild/protobuf/wkt";
import { sha256Hex } from "../values/digest.ts";
import type { Cell } from "./cell.ts";
import { SendsChannel } from "./channels/sends.ts";
import { SENDS } from "./names.ts";
import { type GraphState, readChannels, sortedByBytes } from "./state.ts";
import type { Write } from "./write.ts";

/** A node to run in a superstep. */
export interface Task {
  id: string;
  node: string;
  /** What its node was called before a migration of the state, where that is another name: its subgraph still is. */
  calledAs?: string;
  /** Where it stands among its siblings; writes are applied in the order of these, by bytes. */
  path: string;
  /** Channels that caused it, sorted; empty for a Send. */
  triggers: string[];
  /** What it gets: the state's channels, or a Send's argument. */
  input: { state: Map<string, Cell> } | { argument: Cell };
  /** How long a Send lets it take. */
  timeout?: Duration;
}

/** A task with what it wrote. */
export interface FinishedTask extends Pick<Task, "node" | "path" | "triggers"> {
  writes: Write[];
}

/** What a Send's task counts as its trigger: it moves the superstep on, but is no channel. */
const SEND_TRIGGER = "__send__";

/**
 * The tasks of the next superstep: one for each Send, then one for each node with a trigger that is available and
 * newer than the node has seen (LangGraph's rule). Sends to nodes that the graph lacks are left out; see
 * `missingNodes`.
 */
export function prepareTasks(state: GraphState): Task[] {
  const step = state.step + 1;
  const tasks: Task[] = [];
  for (const [index, packet] of sendsOf(state).entries()) {
    if (!state.graph.nodes.has(packet.node)) continue;
    const path = sendPath(index);
    tasks.push({
      ...identityOf(state, path, packet.node, () => taskId(state, step, packet.node, "push", String(index))),
      path,
      triggers: [SEND_TRIGGER],
      input: { argument: packet.arg },
      ...(packet.timeout && { timeout: packet.timeout }),
    });
  }
  let values: Map<string, Cell> | undefined;
  for (const name of candidates(state)) {
    const node = state.graph.nodes.get(name);
    if (node === undefined || !isTriggered(state, name, node.triggers)) continue;
    values ??= readChannels(state);
    const triggers = sortedByBytes(node.triggers, (t) => t);
    const path = nodeTaskPath(name);
    tasks.push({
      ...identityOf(state, path, name, () => taskId(state, step, name, "pull", triggers.join("\0"))),
      path,
      triggers,
      input: { state: values },
    });
  }
  return tasks;
}

/** The path of the task that a Send stands for. */
export function sendPath(index: number): string {
  return `~push, ${String(index).padStart(10, "0")}`;
}

/** The path of the task of a node that is triggered. */
export function nodeTaskPath(node: string): string {
  return `~pull, ${node}`;
}

function identityOf(
  { kept }: GraphState,
  path: string,
  node: string,
  newId: () => string,
): Pick<Task, "id" | "node" | "calledAs"> {
  const known = kept?.tasks.get(path);
  if (known === undefined) return { id: newId(), node };
  return known.node === node ? { id: known.id, node } : { id: known.id, node, calledAs: known.node };
}

/** Nodes that Sends wait for and that the graph does not have. */
export function missingNodes(state: GraphState): string[] {
  return sendsOf(state).flatMap(({ node }) => (state.graph.nodes.has(node) ? [] : [node]));
}

export function sendsOf(state: GraphState): SendsChannel["packets"] {
  const channel = state.channels.get(SENDS);
  return channel instanceof SendsChannel ? channel.packets : [];
}

function candidates({ graph, updated, versions }: GraphState): string[] {
  if (updated !== undefined && updated.size > 0) {
    const names = new Set([...updated].flatMap((channel) => graph.triggered.get(channel) ?? []));
    return sortedByBytes([...names], (name) => name);
  }
  return versions.size === 0 ? [] : [...graph.nodes.keys()];
}

function isTriggered({ channels, versions, seen }: GraphState, node: string, triggers: readonly string[]): boolean {
  const seenByNode = seen.get(node);
  return triggers.some(
    (channel) =>
      channels.get(channel)?.available === true &&
      (seenByNode === undefined || (versions.get(channel) ?? 0) > (seenByNode.get(channel) ?? 0)),
  );
}

/** The formula stands in checkpoint.proto at PendingTask.id. */
function taskId(state: GraphState, step: number, node: string, kind: "pull" | "push", detail: string): string {
  return hashId([state.checkpointId, state.namespace, String(step), node, kind, detail]);
}

/** The formula stands in checkpoint.proto at InterruptSignal.id. */
export function interruptId(taskId: string, namespace: string, index: number): string {
  return hashId([taskId, namespace, "interrupt", String(index)]);
}

/** A UUID made of the first 16 bytes of SHA-256 over the parts, separated by 0x00. */
export function hashId(parts: string[]): string {
  const hex = sha256Hex(parts.join("\0"));
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}
