import { create } from "@bufbuild/protobuf";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { type SubgraphNode, SubgraphPersistence } from "../gen/cairn/v1/graph_pb.ts";
import { type Input, InputSchema } from "../gen/cairn/v1/run_service_pb.ts";
import { ValueSchema } from "../gen/cairn/v1/value_pb.ts";
import { isPlainMap } from "../values/value.ts";
import { Cell } from "./cell.ts";
import { RunFailure } from "./failure.ts";
import type { CompiledGraph } from "./graph.ts";
import type { Task } from "./tasks.ts";
import { type Write, write } from "./write.ts";

/** A graph that runs as a node of another. */
export interface CompiledSubgraph {
  /** Compiled with its enclosing graph; absent for one that is registered under `name`. */
  inline: CompiledGraph | undefined;
  name: string;
  /** Its state is saved, and outlives a stop. */
  saved: boolean;
  /** One state for the thread. */
  perThread: boolean;
}

export function persistenceOf({ persistence }: SubgraphNode): Pick<CompiledSubgraph, "saved" | "perThread"> {
  return {
    saved: persistence !== SubgraphPersistence.STATELESS,
    perThread: persistence === SubgraphPersistence.PER_THREAD,
  };
}

/**
 * The namespace of the subgraph that a task calls. What keeps one state for the thread has no task's id in it
 * (LangGraph's rule).
 */
export function namespaceOf(
  parent: string,
  { id, node, calledAs = node }: Pick<Task, "id" | "node" | "calledAs">,
  { perThread }: CompiledSubgraph,
): string {
  const own = perThread ? calledAs : `${calledAs}:${id}`;
  const outer = perThread ? nodePath(parent).join("|") : parent;
  return outer === "" ? own : `${outer}|${own}`;
}

/** The nodes that lead from the outermost graph to a namespace's. */
export function nodePath(namespace: string): string[] {
  return namespace === "" ? [] : namespace.split("|").map((part) => part.replace(/:[^:]*$/, ""));
}

/** What a subgraph gets: the values of the channels that it has as well, or those of a Send's argument. */
export function subgraphInput({ input, node }: Task, { stateChannels }: CompiledGraph): Input {
  const given = "state" in input ? input.state : argumentCells(input.argument, node);
  const shared = [...given].filter(([channel]) => stateChannels.has(channel));
  const values = shared.map(([channel, { typed }]) => [
    channel,
    create(ValueSchema, { source: { case: "inline", value: typed } }),
  ]);
  return create(InputSchema, { values: Object.fromEntries(values) });
}

function argumentCells(argument: Cell, node: string): Map<string, Cell> {
  const value = argument.value;
  if (!isPlainMap(value)) {
    const message = `the Send to ${JSON.stringify(node)}, a subgraph, needs a map of channel values as its argument`;
    throw new RunFailure(ErrorReason.INVALID_UPDATE, message, { node });
  }
  return new Map(Object.entries(value).map(([channel, item]) => [channel, Cell.of(item)]));
}

/** What a subgraph that has ended writes to the enclosing graph: its state, as far as that has the channels. */
export function subgraphUpdate(values: ReadonlyMap<string, Cell>, { stateChannels }: CompiledGraph): Write[] {
  return [...values].flatMap(([channel, cell]) => (stateChannels.has(channel) ? [write(channel, cell)] : []));
}
