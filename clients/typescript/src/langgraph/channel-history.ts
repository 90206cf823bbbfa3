import type { CheckpointPendingWrite, DeltaChannelHistory, SerializerProtocol } from "@langchain/langgraph-checkpoint";
import type { CheckpointStore } from "../checkpoints/checkpoint-store.ts";
import type { CheckpointName } from "./config.ts";
import { deserialized } from "./serialized-values.ts";

/**
 * What delta channels are rebuilt from: per channel the nearest value stored at an ancestor, and the writes since, the
 * oldest first. The ancestor's own writes are among them, those of the checkpoint itself are not (LangGraph's
 * `BaseCheckpointSaver.getDeltaChannelHistory`). Only the line of parents counts, so other branches add nothing.
 */
export async function channelHistory(
  store: CheckpointStore,
  serde: SerializerProtocol,
  name: CheckpointName,
  channels: readonly string[],
): Promise<Record<string, DeltaChannelHistory>> {
  if (channels.length === 0) return {};
  const { channels: found, values } = await store.channelHistory(name, channels);
  const histories: Record<string, DeltaChannelHistory> = {};
  for (const channel of channels) {
    const { seed, writes = [] } = found[channel] ?? {};
    const read: CheckpointPendingWrite[] = [];
    for (const { taskId, value } of writes) {
      const where = `a write of ${taskId} to ${channel} before ${name.checkpointId}`;
      read.push([taskId, channel, await deserialized(serde, values, value, where)]);
    }
    const history: DeltaChannelHistory = { writes: read };
    const where = `channel ${channel} before ${name.checkpointId}`;
    if (seed !== undefined) history.seed = await deserialized(serde, values, seed, where);
    histories[channel] = history;
  }
  return histories;
}
