import {
  type CheckpointPendingWrite,
  type CheckpointTuple,
  type SerializerProtocol,
  TASKS,
} from "@langchain/langgraph-checkpoint";
import type { CheckpointStore, ReadCheckpoint } from "../checkpoints/checkpoint-store.ts";
import { type CheckpointName, configOf } from "./config.ts";
import { fromDocument } from "./document.ts";
import { fromMetadata } from "./metadata.ts";
import { lacksSends, withSends } from "./pending-sends.ts";
import { deserialized } from "./serialized-values.ts";
import { ownTaskIds } from "./task-ids.ts";

/** The name of a checkpoint that was read. */
export function nameOf({ checkpoint: { threadId, namespace, id } }: ReadCheckpoint): CheckpointName {
  return { threadId, namespace, checkpointId: id };
}

/** A checkpoint as LangGraph.js reads it. */
export async function toTuple(
  found: ReadCheckpoint,
  store: CheckpointStore,
  serde: SerializerProtocol,
): Promise<CheckpointTuple> {
  const name = nameOf(found);
  const { parentId, channelValues, metadata } = found.checkpoint;
  const entries = Object.entries(channelValues).map(async ([channel, value]) => {
    const where = `channel ${channel} of checkpoint ${name.checkpointId}`;
    return [channel, await deserialized(serde, found.values, value, where)] as const;
  });
  const whole = fromDocument(found.checkpoint, Object.fromEntries(await Promise.all(entries)));
  const parent = parentId === undefined ? undefined : { ...name, checkpointId: parentId };
  const isOld = parent !== undefined && lacksSends(whole);
  const checkpoint = isOld
    ? await withSends(whole, parent, store, (parentFound) => toPendingWrites(parentFound, serde))
    : whole;
  return {
    config: configOf(name),
    checkpoint,
    metadata: await fromMetadata(metadata),
    pendingWrites: await toPendingWrites(found, serde, checkpoint.channel_values[TASKS]),
    ...(parent && { parentConfig: configOf(parent) }),
  };
}

/** The writes against a checkpoint, in the order of their tasks' paths, as the server gives them. */
async function toPendingWrites(
  { checkpoint, writes, values }: ReadCheckpoint,
  serde: SerializerProtocol,
  sends?: unknown,
): Promise<CheckpointPendingWrite[]> {
  const own = ownTaskIds(checkpoint, sends);
  const read = writes.map(async ({ taskId, taskPath, channel, value }): Promise<CheckpointPendingWrite> => {
    const where = `the write of task ${taskId} to channel ${channel} at checkpoint ${checkpoint.id}`;
    return [own(taskId, taskPath), channel, await deserialized(serde, values, value, where)];
  });
  return await Promise.all(read);
}
