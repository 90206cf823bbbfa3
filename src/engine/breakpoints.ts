import { BREAKPOINT, START } from "./names.ts";
import type { GraphState } from "./state.ts";

/** Nodes at which a run stops; "*" means all. */
export type Breakpoints = readonly string[];

/**
 * The nodes among those given at which a static breakpoint stops the run. A breakpoint stops only when some
 * channel has moved since the last time a run was let pass, so that going on does not stop at the same place.
 */
export function stoppedNodes(state: GraphState, breakpoints: Breakpoints, nodes: readonly string[]): string[] {
  if (breakpoints.length === 0) return [];
  const passed = state.seen.get(BREAKPOINT);
  const moved = [...state.versions].some(([channel, version]) => version > (passed?.get(channel) ?? 0));
  if (!moved) return [];
  return nodes.filter((node) => (breakpoints.includes("*") ? node !== START : breakpoints.includes(node)));
}

/** Lets a run that goes on pass the breakpoints where it stands. */
export function passBreakpoints(state: GraphState): void {
  state.seen.set(BREAKPOINT, new Map(state.versions));
}
