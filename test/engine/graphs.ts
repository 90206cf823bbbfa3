// Graphs for tests of the engine, compiled without a server.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Cell } from "../../src/engine/cell.ts";
import { emptyState } from "../../src/engine/checkpoint.ts";
import { compileGraph } from "../../src/engine/graph.ts";
import type { GraphState } from "../../src/engine/state.ts";
import type { FinishedTask } from "../../src/engine/tasks.ts";
import { type Write, write } from "../../src/engine/write.ts";
import { ChannelKind, GraphSpecSchema } from "../../src/gen/cairn/v1/graph_pb.ts";
import type { Plain } from "../../src/values/value.ts";

type Edges = [from: string | string[], to: string][];

/** A state before any checkpoint, of a graph whose nodes do nothing. */
export function stateOf(channels: Record<string, ChannelKind>, nodes: string[], edges: Edges): GraphState {
  const init: MessageInitShape<typeof GraphSpecSchema> = {
    name: "g",
    channels: Object.fromEntries(Object.entries(channels).map(([name, kind]) => [name, { kind }])),
    nodes: Object.fromEntries(nodes.map((name) => [name, { kind: { case: "expression", value: {} } }])),
    edges: edges.map(([from, to]) => ({ from: [from].flat(), to })),
  };
  return emptyState(compileGraph(create(GraphSpecSchema, init), "hash"), "");
}

export const { LAST_VALUE, ADD, APPEND, MAX, MERGE, ANY_VALUE, EPHEMERAL, UNTRACKED, TOPIC, DELTA } = ChannelKind;

export function set(channel: string, value: Plain, overwrite = false): Write {
  return write(channel, Cell.of(value), overwrite);
}

/** A task of a node that has run and made these writes, besides those of its edges. */
export function ran(state: GraphState, node: string, ...writes: Write[]): FinishedTask {
  const compiled = state.graph.nodes.get(node);
  const edges = (compiled?.signals ?? []).map(({ channel, barrier }) => set(channel, barrier ? node : null));
  return { node, path: `~pull, ${node}`, triggers: compiled?.triggers ?? [], writes: [...writes, ...edges] };
}

export function read(state: GraphState, channel: string): Plain | undefined {
  return state.channels.get(channel)?.read()?.value;
}
