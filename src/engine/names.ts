/** Names that the engine gives to things of its own. Users' names can't collide: they may not begin with "__" or hold ":". */

export const START = "__start__";
export const END = "__end__";
/** The channel that holds the Sends to deliver in the next superstep. */
export const SENDS = "__sends__";
/** Written by a task that finished without writing anything, so that it is known to have finished. */
export const NO_WRITES = "__no_writes__";
/** Key of versions_seen under which a static breakpoint remembers what it has let pass. */
export const BREAKPOINT = "__interrupt__";

/** Control writes, with the negative index each is stored under. */
export const controlWrites = {
  __error__: -1,
  __interrupt__: -3,
  __resume__: -4,
  __paused__: -5,
} as const;

/** Whether a channel is the engine's own: a trigger, a barrier, the input, the Sends. */
export function isControl(channel: string): boolean {
  return channel.startsWith("__") || channel.includes(":");
}

/** The channel whose being written triggers a node. */
export function branchTo(node: string): string {
  return `branch:to:${node}`;
}

/** The channel that waits until all of `from` have run. Names hold neither "|" nor ":", so no two can be alike. */
export function joinChannel(from: readonly string[], to: string): string {
  return `join:${from.join("|")}:${to}`;
}
