import { compareBytes } from "../values/order.ts";
import type { StateView } from "./cel.ts";
import type { Cell } from "./cell.ts";
import type { Channel } from "./channels/channel.ts";
import type { CompiledGraph } from "./graph.ts";
import type { KeptTasks } from "./kept-tasks.ts";

/** One graph's state in one thread and namespace while it is worked on. */
export interface GraphState {
  readonly graph: CompiledGraph;
  readonly namespace: string;
  /** The checkpoint it stands at; "" before any. */
  checkpointId: string;
  /** That checkpoint's superstep; −2 before any. */
  step: number;
  source: string;
  channels: Map<string, Channel>;
  /** Channel versions: whole numbers from 1; absent for a channel never written. */
  versions: Map<string, number>;
  /** Node to the channel versions it has seen. */
  seen: Map<string, Map<string, number>>;
  /** Channels that the last superstep changed, so that only the nodes they trigger are looked at; undefined: look at all. */
  updated: Set<string> | undefined;
  /** Where the thread's subgraphs with one state for it stand: namespace to checkpoint. */
  heads: Map<string, string>;
  /** Where the enclosing graphs stand: namespace to checkpoint. Empty for the outermost graph. */
  parents: Record<string, string>;
  /** At a checkpoint of an older schema_version, or one that a migration made: whose tasks are due. */
  kept: KeptTasks | undefined;
}

/** A state to try things on: changing it leaves the original as it was. */
export function copyState(state: GraphState): GraphState {
  return {
    ...state,
    channels: new Map([...state.channels].map(([name, channel]) => [name, channel.copy()])),
    versions: new Map(state.versions),
    seen: new Map([...state.seen].map(([node, versions]) => [node, new Map(versions)])),
    updated: state.updated && new Set(state.updated),
    heads: new Map(state.heads),
  };
}

/** The values of the state's channels that hold one, by name. */
export function readChannels(state: GraphState): Map<string, Cell> {
  const values = new Map<string, Cell>();
  for (const name of state.graph.stateChannels) {
    const cell = state.channels.get(name)?.read();
    if (cell !== undefined) values.set(name, cell);
  }
  return values;
}

/** Channel values as expressions see them; decoded when asked for. */
export function viewOf(cells: ReadonlyMap<string, Cell>): StateView {
  return {
    keys: () => cells.keys(),
    has: (channel) => cells.has(channel),
    get: (channel) => cells.get(channel)?.value,
  };
}

/** Names in the order of their UTF-8 bytes: the order in which tasks' writes are applied. */
export function sortedByBytes<T>(items: readonly T[], key: (item: T) => string): T[] {
  return [...items].sort((a, b) => compareBytes(key(a), key(b)));
}
