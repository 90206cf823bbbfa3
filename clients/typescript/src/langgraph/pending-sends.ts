import { type Checkpoint, maxChannelVersion, TASKS } from "@langchain/langgraph-checkpoint";
import type { CheckpointStore } from "../checkpoints/checkpoint-store.ts";
import type { CheckpointName } from "./config.ts";

/** The first format whose checkpoints hold the Sends that are due. */
const FORMAT_WITH_SENDS = 4;

/** Whether the Sends that are due stand among the writes of the checkpoint's parent. */
export function lacksSends({ v }: Checkpoint): boolean {
  return v < FORMAT_WITH_SENDS;
}

/** A checkpoint of an older format, with the Sends that are due. */
export async function withSends(
  checkpoint: Checkpoint,
  parent: CheckpointName,
  store: CheckpointStore,
  read: (
    found: Awaited<ReturnType<CheckpointStore["get"]>>,
  ) => Promise<[task: string, channel: string, value: unknown][]>,
): Promise<Checkpoint> {
  const writes = await read(await store.get(parent.threadId, parent));
  const sends = writes.filter(([, channel]) => channel === TASKS).map(([, , value]) => value);
  const versions = Object.values(checkpoint.channel_versions);
  const version = versions.length > 0 ? maxChannelVersion(...versions) : 1;
  return {
    ...checkpoint,
    channel_values: { ...checkpoint.channel_values, [TASKS]: sends },
    channel_versions: { ...checkpoint.channel_versions, [TASKS]: version },
  };
}
