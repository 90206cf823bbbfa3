import type { GraphState } from "./state.ts";
import { sortedByBytes } from "./state.ts";
import type { FinishedTask } from "./tasks.ts";
import type { Write } from "./write.ts";

/**
 * Applies the writes of a superstep's tasks to a state, in the order of the tasks' paths, and remembers in
 * `state.updated` which channels changed. The order of the acts is LangGraph's: it decides what later supersteps
 * are triggered by. With `versioned` false only the channels' values change: a look at how the state would be.
 * Throws RunFailure (INVALID_UPDATE); the state is then of no use.
 */
export function applyWrites(state: GraphState, tasks: readonly FinishedTask[], versioned = true): void {
  const sorted = sortedByBytes(tasks, ({ path }) => path);
  const moves = sorted.some(({ triggers }) => triggers.length > 0);
  markSeen(state, sorted);
  const nextVersion = versioned ? Math.max(0, ...state.versions.values()) + 1 : undefined;
  const updated = new Set<string>();
  const changed = (name: string): void => {
    if (nextVersion === undefined) return;
    state.versions.set(name, nextVersion);
    // A channel that holds nothing can't trigger a task.
    if (state.channels.get(name)?.available) updated.add(name);
  };
  for (const name of new Set(sorted.flatMap(({ triggers }) => triggers))) {
    if (state.channels.get(name)?.consume() && nextVersion !== undefined) state.versions.set(name, nextVersion);
  }
  for (const [name, writes] of byChannel(sorted)) {
    if (state.channels.get(name)?.update(writes)) changed(name);
  }
  if (moves) {
    for (const [name, channel] of state.channels) {
      if (channel.available && !updated.has(name) && channel.update([])) changed(name);
    }
  }
  // Perhaps the last superstep: what is deferred is due now. Sends that wait don't count (LangGraph's rule).
  if (moves && ![...updated].some((name) => state.graph.triggered.has(name))) {
    for (const [name, channel] of state.channels) if (channel.finish?.()) changed(name);
  }
  state.updated = updated;
}

function markSeen(state: GraphState, tasks: readonly FinishedTask[]): void {
  for (const { node, triggers } of tasks) {
    const seen = state.seen.get(node) ?? new Map<string, number>();
    for (const channel of triggers) {
      const version = state.versions.get(channel);
      if (version !== undefined) seen.set(channel, version);
    }
    state.seen.set(node, seen);
  }
}

function byChannel(tasks: readonly FinishedTask[]): Map<string, Write[]> {
  const writes = new Map<string, Write[]>();
  for (const write of tasks.flatMap((task) => task.writes)) {
    const list = writes.get(write.channel);
    if (list === undefined) writes.set(write.channel, [write]);
    else list.push(write);
  }
  return writes;
}
