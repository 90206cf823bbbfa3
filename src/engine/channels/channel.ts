import type { Cell } from "../cell.ts";
import type { Write } from "../write.ts";

/**
 * A channel of one thread: what it holds, and how the writes of a superstep change that. The rules are those of
 * LangGraph's channels of the same names.
 */
export interface Channel {
  /** Whether it holds something that a node can read or be triggered by. */
  readonly available: boolean;
  /** What readers see; undefined when it is not available. */
  read(): Cell | undefined;
  /** What a checkpoint keeps; undefined for nothing. */
  saved(): Cell | undefined;
  /**
   * Applies the writes of one superstep, in task order; none when the superstep did not write it. Returns whether
   * anything changed. Throws RunFailure (INVALID_UPDATE).
   */
  update(writes: readonly Write[]): boolean;
  /** A task that this channel triggered has run. Returns whether anything changed. */
  consume(): boolean;
  /** Nothing that the last superstep wrote triggers a node: what waits for that is let go. Returns whether anything changed. */
  finish?(): boolean;
  copy(): Channel;
}
