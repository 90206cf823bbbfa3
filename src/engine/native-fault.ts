import { type Checkpoint, Origin } from "../gen/cairn/v1/checkpoint_pb.ts";
import type { VersionMap } from "../gen/cairn/v1/value_pb.ts";
import { graphPathOf } from "./checkpoint.ts";
import { keptTasksOf } from "./kept-tasks.ts";

export interface NativeFault {
  /** Its path in the checkpoint. */
  field: string;
  description: string;
}

/** Whether a checkpoint is one that this engine can go on from. */
export function isNative(checkpoint: Checkpoint): boolean {
  return checkpoint.origin === Origin.NATIVE && nativeFault(checkpoint) === undefined;
}

/**
 * Anybody may put a checkpoint and say that it is native. What this engine never writes, and so can't go on from: a Send
 * without a value, steps and versions that are no whole numbers of a size that can be counted on.
 */
export function nativeFault(checkpoint: Checkpoint): NativeFault | undefined {
  const { step, pendingSends, channelVersions, versionsSeen } = checkpoint;
  if (step !== undefined && !isCountable(step)) return { field: "step", description: `${step} is too large` };
  const mute = pendingSends.findIndex(({ value }) => value === undefined);
  if (mute !== -1) return { field: `pending_sends[${mute}].value`, description: "a Send needs one" };
  if (graphPathOf(checkpoint) === undefined) {
    return { field: 'extra["graph_path"]', description: "is no list of nodes' names" };
  }
  if (keptTasksOf(checkpoint) === "malformed") {
    return { field: 'extra["kept_tasks"]', description: "is no list of tasks" };
  }
  const fault = versionFault("channel_versions", channelVersions);
  if (fault !== undefined) return fault;
  for (const [node, seen] of Object.entries(versionsSeen?.nodes ?? {})) {
    const unseen = versionFault(`versions_seen.nodes[${JSON.stringify(node)}]`, seen);
    if (unseen !== undefined) return unseen;
  }
  return undefined;
}

function versionFault(path: string, map: VersionMap | undefined): NativeFault | undefined {
  for (const [name, { number }] of Object.entries(map?.versions ?? {})) {
    if (typeof number.value === "bigint" && isCountable(number.value)) continue;
    const description = `${number.value} is no whole number below 2^53`;
    return { field: `${path}.versions[${JSON.stringify(name)}]`, description };
  }
  return undefined;
}

/** With room above: the next superstep's is one more. */
function isCountable(value: bigint): boolean {
  return Number.isSafeInteger(Number(value) + 1);
}
