import type { GraphSpec } from "../gen/cairn/v1/graph_pb.ts";
import type { GraphFault } from "../gen/cairn/v1/graph_service_pb.ts";
import type { Check } from "./check.ts";
import { Faults, member } from "./faults.ts";
import { textFault } from "./names.ts";
import { checkChannels } from "./validate-channels.ts";
import { checkFlow } from "./validate-flow.ts";
import { checkMigrations } from "./validate-migrations.ts";
import { checkNodes } from "./validate-nodes.ts";

/** Limits on one graph. GraphSpec's comments state them. */
export const graphLimits = {
  channelsMax: 1000,
  nodesMax: 1000,
  edgesMax: 10_000,
  branchesMax: 1000,
  migrationsMax: 1000,
} as const;

export interface ValidateOptions {
  /** Functions of the nodes module; absent when none is loaded, and then no function's name is checked. */
  moduleFunctions?: ReadonlySet<string>;
}

/** Every fault of a graph, each with its path. What this version can't run yet is a fault as well. */
export function validateGraph(spec: GraphSpec, options: ValidateOptions = {}): GraphFault[] {
  const faults = new Faults();
  const fault = textFault(spec.name);
  if (fault !== undefined) faults.add("name", fault);
  checkGraph(spec, faults, options);
  return faults.all();
}

function checkGraph(spec: GraphSpec, faults: Faults, { moduleFunctions }: ValidateOptions): void {
  if (!checkSizes(spec, faults)) return;
  const checkInner = (path: string, inner: GraphSpec): void => {
    const innerFaults = new Faults();
    checkGraph(inner, innerFaults, { moduleFunctions });
    for (const fault of innerFaults.all()) faults.add(member(path, fault.path), fault.message);
  };
  const check: Check = { spec, faults, moduleFunctions, checkInner };
  checkChannels(check);
  checkNodes(check);
  checkFlow(check);
  checkMigrations(check);
}

/** A graph over a limit is not looked at further, so that checking it costs little. */
export function checkSizes(spec: GraphSpec, faults: Faults): boolean {
  const sizes: [path: string, size: number, max: number][] = [
    ["channels", Object.keys(spec.channels).length, graphLimits.channelsMax],
    ["nodes", Object.keys(spec.nodes).length, graphLimits.nodesMax],
    ["edges", spec.edges.length, graphLimits.edgesMax],
    ["branches", spec.branches.length, graphLimits.branchesMax],
    ["migrations", spec.migrations.length, graphLimits.migrationsMax],
  ];
  const over = sizes.filter(([, size, max]) => size > max);
  for (const [path, size, max] of over) faults.add(path, `${size} of them are over the limit of ${max}`);
  return over.length === 0;
}
