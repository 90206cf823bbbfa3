// What the graphs of a modelled thread share, and their tasks.
import type { Write } from "./channels.ts";
import type { GraphModel } from "./model.ts";
import type { Target } from "./nodes.ts";

export const START = "__start__";

/** What all graphs of a thread have in common. */
export interface World {
  /** How often each node began to run in the present call. */
  ran: Map<string, number>;
  failures: Map<string, number>;
  /** The tasks of the present superstep that may fail, by their nodes. */
  failing: Map<string, Task>;
  /** What has come about, to see what a generator makes. */
  seen: Set<string>;
  /** What follows depends on which task was quicker. */
  unsettled: boolean;
  /** The most tasks of a superstep and elements of a list. */
  sizeMax: number;
}

export interface Task {
  node: string;
  /** Of a Send's task: its argument. */
  send: { argument: unknown } | undefined;
  /** Undefined until it has finished. */
  result: { writes: Write[]; targets: Target[] } | undefined;
  question: { index: number; value: unknown } | undefined;
  answers: unknown[];
  hasFailed: boolean;
  /** The subgraph that it has begun. */
  child: GraphModel | undefined;
}

/**
 * A case that is of no use: it has more tasks or elements than the world's limit, as what loops through subgraphs and
 * Sends doubles each time; or two tasks share a failure, and it is anyone's.
 */
export class OfNoUse extends Error {}

export function taskOf(node: string, send?: Task["send"]): Task {
  return { node, send, result: undefined, question: undefined, answers: [], hasFailed: false, child: undefined };
}
