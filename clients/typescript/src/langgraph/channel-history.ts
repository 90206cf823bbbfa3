import type { CheckpointPendingWrite, DeltaChannelHistory, SerializerProtocol } from "@langchain/langgraph-checkpoint";
import type { CheckpointStore } from "../checkpoints/checkpoint-store.ts";
import type { CheckpointName } from "./config.ts";
import { deserialized } from "./serialized-values.ts";

/** Ancestors a call: delta channels are stored whole at least every 100 updates, unless a graph says otherwise. */
const PAGE_SIZE = 100;

/**
 * What delta channels are rebuilt from: per channel the nearest value stored at an ancestor, and the writes since, the
 * oldest first. The ancestor's own writes are among them, those of the checkpoint itself are not (LangGraph's
 * `BaseCheckpointSaver.getDeltaChannelHistory`). Walks up the line of parents, so other branches add nothing.
 */
export async function channelHistory(
  store: CheckpointStore,
  serde: SerializerProtocol,
  { threadId, namespace, checkpointId }: CheckpointName,
  channels: readonly string[],
): Promise<Record<string, DeltaChannelHistory>> {
  const histories = new Map(channels.map((channel) => [channel, { writes: [] } as DeltaChannelHistory]));
  const open = new Set(channels);
  const query = { namespace, ancestorsOf: checkpointId, pageSize: PAGE_SIZE };
  for await (const { checkpoint, writes, values } of store.list(threadId, query)) {
    if (checkpoint.id === checkpointId) continue;
    const found: CheckpointPendingWrite[] = [];
    for (const { taskId, channel, value } of writes) {
      if (!open.has(channel)) continue;
      const where = `a write of ${taskId} to ${channel} at ${checkpoint.id}`;
      found.push([taskId, channel, await deserialized(serde, values, value, where)]);
    }
    for (const channel of open) {
      const history = histories.get(channel) as DeltaChannelHistory;
      history.writes.push(...found.filter(([, written]) => written === channel).reverse());
      if (!Object.hasOwn(checkpoint.channelValues, channel)) continue;
      const where = `channel ${channel} at ${checkpoint.id}`;
      history.seed = await deserialized(serde, values, checkpoint.channelValues[channel], where);
      open.delete(channel);
    }
    if (open.size === 0) break;
  }
  for (const history of histories.values()) history.writes.reverse();
  return Object.fromEntries(histories);
}
