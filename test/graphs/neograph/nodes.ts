/** What run_neograph.py's nodes and conditions do, as functions of a nodes module. */
import type { BranchFunction, NodeFunction } from "../../../src/runs/modules/api.ts";
import type { Rule } from "./case.ts";

export const work: NodeFunction = (state, context) => {
  const visits = number(state[`visits ${context.node}`]);
  const labels = (context.params.labels ?? []) as string[];
  return {
    log: [context.node],
    [`visits ${context.node}`]: visits + 1,
    [`saw ${context.node}`]: [((state.log ?? []) as unknown[]).length, state.seed ?? null],
    ...(labels.length > 0 && { route: labels[visits % labels.length] }),
  };
};

export function decide({ reads, own, labels }: Rule): BranchFunction {
  return (state, context) => {
    const sum = reads.reduce((total, channel) => total + number(state[channel]), 0);
    const label = (number(state[own]) >= 3 ? labels.at(-1) : labels[sum % labels.length]) as string;
    // As graphs.md tells who moves a condition here: a label without a route is "default", where there is one.
    const routed = context.params.labels as string[];
    return routed.includes("default") && !routed.includes(label) ? "default" : label;
  };
}

function number(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
