import { create } from "@bufbuild/protobuf";
import {
  type Checkpoint,
  Origin,
  type PendingTask,
  Phase,
  type Send,
  ValuesLayout,
} from "../gen/cairn/v1/checkpoint_pb.ts";
import {
  NameSetSchema,
  type Value,
  type Version,
  type VersionMap,
  type VersionsSeen,
} from "../gen/cairn/v1/value_pb.ts";
import { encodeUtf8 } from "../values/utf8.ts";
import { BarrierChannel } from "./channels/barrier.ts";
import { SendsChannel } from "./channels/sends.ts";
import type { CompiledGraph } from "./graph.ts";
import { type KeptTasks, keptTasksEntry, keptTasksOf } from "./kept-tasks.ts";
import { SENDS } from "./names.ts";
import type { GraphState } from "./state.ts";
import type { CellSource } from "./task-status.ts";
import { prepareTasks, sendsOf, type Task } from "./tasks.ts";
import type { SendPacket } from "./write.ts";

/** Key of `extra` in a part of a registered graph: the nodes that lead there. */
const GRAPH_PATH = "graph_path";

/**
 * The nodes that lead from the registered graph that a checkpoint names to the one that made it. Undefined when that
 * can't be read: not our engine's then.
 */
export function graphPathOf({ extra }: Checkpoint): string[] | undefined {
  const encoded = Object.hasOwn(extra, GRAPH_PATH) ? extra[GRAPH_PATH] : undefined;
  if (encoded === undefined) return [];
  try {
    const path: unknown = JSON.parse(new TextDecoder().decode(encoded));
    return Array.isArray(path) && path.every((name) => typeof name === "string") ? path : undefined;
  } catch {
    return undefined;
  }
}

/** A state before any checkpoint. */
export function emptyState(graph: CompiledGraph, namespace: string): GraphState {
  const channels = new Map([...graph.channels].map(([name, make]) => [name, make(undefined)]));
  return {
    graph,
    namespace,
    checkpointId: "",
    step: -2,
    source: "",
    channels,
    versions: new Map(),
    seen: new Map(),
    updated: undefined,
    heads: new Map(),
    parents: {},
    kept: undefined,
  };
}

/** The state that a native checkpoint holds. */
export function stateOf(graph: CompiledGraph, checkpoint: Checkpoint, cellOf: CellSource): GraphState {
  const state = emptyState(graph, checkpoint.namespace);
  for (const [name, make] of graph.channels) {
    const value = Object.hasOwn(checkpoint.channelValues, name) ? checkpoint.channelValues[name] : undefined;
    if (value !== undefined) state.channels.set(name, make(cellOf(value)));
  }
  state.channels.set(SENDS, new SendsChannel(checkpoint.pendingSends.map((send) => packetOf(send, cellOf))));
  state.checkpointId = checkpoint.id;
  state.step = Number(checkpoint.step ?? -1n);
  state.source = checkpoint.source ?? "";
  state.versions = versionsOf(checkpoint.channelVersions);
  for (const [node, seen] of Object.entries(checkpoint.versionsSeen?.nodes ?? {}))
    state.seen.set(node, versionsOf(seen));
  const updated = checkpoint.updatedChannels?.names;
  state.updated = updated === undefined ? undefined : new Set(updated);
  state.heads = new Map(Object.entries(checkpoint.subgraphHeads));
  state.parents = checkpoint.parents;
  const kept = keptTasksOf(checkpoint);
  state.kept = kept === "malformed" ? undefined : kept;
  return state;
}

/** What only the run that makes a checkpoint knows. */
export interface CheckpointContext {
  id: string;
  threadId: string;
  parentId: string | undefined;
  source: "input" | "loop" | "update" | "fork";
  /** "" when no run makes it. */
  runId: string;
  nowMs: number;
  /** The user's metadata: a JSON object. */
  metadata: Uint8Array;
  /** Nodes that ran in the superstep. */
  ran: string[];
  /** Versions of the parent's channels: those that differ are new. */
  previousVersions: ReadonlyMap<string, number>;
  /** Of a checkpoint that a migration makes: the tasks that stay what they are. */
  kept?: KeptTasks | undefined;
}

/**
 * The checkpoint of a state that the next superstep starts from. Moves the state on: it stands at the new
 * checkpoint afterwards, one superstep further. Gives the tasks that are due as well.
 */
export function toCheckpoint(state: GraphState, context: CheckpointContext): { checkpoint: Checkpoint; tasks: Task[] } {
  state.checkpointId = context.id;
  state.step += 1;
  state.source = context.source;
  state.kept = context.kept;
  const tasks = prepareTasks(state);
  const { graph } = state;
  const newVersions = [...state.versions].filter(([name, version]) => context.previousVersions.get(name) !== version);
  // Written out with every field, as are the messages in it: `create` goes by reflection and takes a sixth of a step.
  const checkpoint: Checkpoint = {
    $typeName: "cairn.v1.Checkpoint",
    id: context.id,
    threadId: context.threadId,
    namespace: state.namespace,
    parentId: context.parentId,
    parents: state.parents,
    parentPruned: false,
    seq: 0n,
    step: BigInt(state.step),
    source: context.source,
    phase: context.source === "update" || context.source === "fork" ? Phase.UPDATED : Phase.COMPLETED,
    createdAt: new Date(context.nowMs).toISOString(),
    createdAtMs: BigInt(context.nowMs),
    runId: context.runId === "" ? undefined : context.runId,
    graphName: graph.name,
    graphHash: graph.hash,
    formatVersion: 1,
    schemaVersion: graph.spec.schemaVersion,
    origin: Origin.NATIVE,
    valuesLayout: ValuesLayout.CHANNELS,
    channelValues: savedValues(state),
    channelVersions: versionMap(state.versions),
    versionsSeen: seenMap(state.seen),
    newVersions: versionMap(newVersions),
    updatedChannels: state.updated && {
      $typeName: "cairn.v1.NameList",
      isNull: false,
      names: [...state.updated].sort(),
    },
    pendingTasks: tasks.map(pendingTask),
    currentNode: context.ran.at(-1),
    nextNodes: tasks.map(({ node }) => node),
    pendingSends: sendsOf(state).map(toSend),
    pendingInterrupts: [],
    barrierState: barriers(state),
    deltaCounters: {},
    metadata: context.metadata,
    subgraphHeads: Object.fromEntries(state.heads),
    extra: extraOf(state),
  };
  return { checkpoint, tasks };
}

function extraOf({ graph, kept }: GraphState): Checkpoint["extra"] {
  const extra: Checkpoint["extra"] = kept === undefined ? {} : keptTasksEntry(kept);
  if (graph.path.length > 0) extra[GRAPH_PATH] = encodeUtf8(JSON.stringify(graph.path));
  return extra;
}

/** Every channel that has been written and holds something worth keeping. */
function savedValues({ channels, versions }: GraphState): Record<string, Value> {
  const values: Record<string, Value> = {};
  for (const [name, channel] of channels) {
    const cell = versions.has(name) ? channel.saved() : undefined;
    if (cell !== undefined) values[name] = cell.toValue();
  }
  return values;
}

/** After a commit: the cells that were stored are named by their references from now on. */
export function adoptReferences(state: GraphState, stored: Checkpoint): void {
  for (const [name, channel] of state.channels) {
    const source = Object.hasOwn(stored.channelValues, name) ? stored.channelValues[name]?.source : undefined;
    const cell = channel.saved();
    if (source?.case === "ref" && cell !== undefined) cell.ref = source.value;
  }
  sendsOf(state).forEach((packet, i) => {
    const source = stored.pendingSends[i]?.value?.source;
    if (source?.case === "ref") packet.arg.ref = source.value;
  });
}

function pendingTask(task: Task): PendingTask {
  const stateOverride = "argument" in task.input ? task.input.argument.toValue() : undefined;
  const triggers = "argument" in task.input ? [] : task.triggers;
  return { $typeName: "cairn.v1.PendingTask", id: task.id, node: task.node, triggers, stateOverride };
}

function toSend({ node, arg, sourceNode, timeout }: SendPacket): Send {
  return { $typeName: "cairn.v1.Send", node, value: arg.toValue(), sourceNode, timeout };
}

function packetOf(send: Send, cellOf: CellSource): SendPacket {
  if (send.value === undefined) throw new Error(`the Send to ${send.node} has no value`);
  return { node: send.node, arg: cellOf(send.value), sourceNode: send.sourceNode, timeout: send.timeout };
}

/** Waiting nodes, with those upstream that have run; of several barriers of one node, together. */
function barriers({ channels }: GraphState): Checkpoint["barrierState"] {
  const waiting = new Map<string, string[]>();
  for (const channel of channels.values()) {
    if (!(channel instanceof BarrierChannel) || channel.arrived.length === 0 || channel.complete) continue;
    waiting.set(channel.node, [...(waiting.get(channel.node) ?? []), ...channel.arrived]);
  }
  const sets = [...waiting].map(([node, names]) => [
    node,
    create(NameSetSchema, { names: [...new Set(names)].sort() }),
  ]);
  return Object.fromEntries(sets);
}

/** Messages of small versions, which are made again and again. Nobody changes them. */
const versionMessages: Version[] = [];
const versionMessagesMax = 10_000;

function versionMessage(version: number): Version {
  const made = versionMessages[version];
  if (made !== undefined) return made;
  const message: Version = {
    $typeName: "cairn.v1.Version",
    number: { case: "int64Value", value: BigInt(version) },
  };
  if (version < versionMessagesMax) versionMessages[version] = message;
  return message;
}

function versionMap(numbers: Iterable<[string, number]>): VersionMap {
  const versions: VersionMap["versions"] = {};
  for (const [name, version] of numbers) versions[name] = versionMessage(version);
  return { $typeName: "cairn.v1.VersionMap", isNull: false, versions };
}

function seenMap(seen: GraphState["seen"]): VersionsSeen {
  const nodes: VersionsSeen["nodes"] = {};
  for (const [node, versions] of seen) nodes[node] = versionMap(versions);
  return { $typeName: "cairn.v1.VersionsSeen", isNull: false, nodes };
}

export function versionsOf(map: VersionMap | undefined): Map<string, number> {
  const versions = new Map<string, number>();
  for (const [name, version] of Object.entries(map?.versions ?? {}))
    versions.set(name, Number(version.number.value ?? 0));
  return versions;
}
