import { compileCel } from "../engine/cel.ts";
import type { GraphSpec } from "../gen/cairn/v1/graph_pb.ts";
import type { Faults } from "./faults.ts";
import { unknown } from "./names.ts";

/** What the checks of a graph share. */
export interface Check {
  spec: GraphSpec;
  faults: Faults;
  moduleFunctions: ReadonlySet<string> | undefined;
  /** Checks a graph that is a part of this one. */
  checkInner(path: string, spec: GraphSpec): void;
}

/** Compiles an expression; what it says is wrong becomes a fault. */
export function checkCel({ faults }: Check, path: string, source: string): void {
  try {
    compileCel(source);
  } catch (error) {
    faults.add(path, error instanceof Error ? error.message : String(error));
  }
}

/** A function of the nodes module has to be there. */
export function checkFunction({ faults, moduleFunctions }: Check, path: string, name: string): void {
  if (moduleFunctions === undefined || moduleFunctions.has(name)) return;
  faults.add(path, unknown("function in the nodes module", name, moduleFunctions));
}

/** A node's name where one is needed. */
export function checkNodeName({ spec, faults }: Check, path: string, name: string, others: string[] = []): void {
  if (Object.hasOwn(spec.nodes, name) || others.includes(name)) return;
  faults.add(path, unknown("node", name, Object.keys(spec.nodes)));
}

/** A channel's name where one is needed. */
export function checkChannelName({ spec, faults }: Check, path: string, name: string): void {
  if (Object.hasOwn(spec.channels, name)) return;
  faults.add(path, unknown("channel", name, Object.keys(spec.channels)));
}
