import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { PlainChannel } from "./channels/plain.ts";
import { RunFailure } from "./failure.ts";
import { oversize } from "./size.ts";
import type { GraphState } from "./state.ts";
import type { Write } from "./write.ts";

/**
 * What a channel has against a task's writes, given those of its siblings that have finished. Asked before the
 * task's result is saved: a result that no superstep could ever apply must not count as finished. Two writes to an
 * untracked channel show only when the superstep is applied, since such writes are never saved.
 */
export function refusalOf(
  state: GraphState,
  siblings: readonly Write[],
  writes: readonly Write[],
): RunFailure | undefined {
  const large = writes.find(({ cell }) => oversize(cell.typed.data.length) !== undefined);
  if (large !== undefined) return tooLarge(large);
  for (const name of new Set(writes.map(({ channel }) => channel))) {
    const channel = state.channels.get(name);
    if (channel === undefined || state.graph.untracked.has(name)) continue;
    const single = channel instanceof PlainChannel;
    const earlier = siblings.filter((w) => w.channel === name && (single || w.overwrite));
    const own = writes.filter((w) => w.channel === name);
    try {
      // Alone as well: a sibling's overwrite may come after it in the order of the paths, and then hides nothing.
      channel.copy().update(own);
      if (earlier.length > 0) channel.copy().update([...earlier, ...own]);
    } catch (thrown) {
      if (thrown instanceof RunFailure) return thrown;
      throw thrown;
    }
  }
  return undefined;
}

function tooLarge({ channel, cell, send }: Write): RunFailure {
  const what = send === undefined ? `channel ${JSON.stringify(channel)}` : `the Send to ${JSON.stringify(send.node)}`;
  return new RunFailure(ErrorReason.VALUE_TOO_LARGE, `${what}: ${oversize(cell.typed.data.length)}`, { channel });
}
