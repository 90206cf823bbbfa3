import {
  type CheckpointPendingWrite,
  type CheckpointTuple,
  type SerializerProtocol,
  TASKS,
} from "@langchain/langgraph-checkpoint";
import type { CheckpointStore, ReadCheckpoint } from "../checkpoints/checkpoint-store.ts";
import { type CheckpointName, configOf } from "./config.ts";
import { fromDocument } from "./document.ts";
import { fromForeign, isForeign } from "./foreign.ts";
import { fromMetadata } from "./metadata.ts";
import { lacksSends, withSends } from "./pending-sends.ts";
import { deserialized } from "./serialized-values.ts";
import { ownTaskIds } from "./task-ids.ts";

/** The name of a checkpoint that was read. */
export function nameOf({ checkpoint: { threadId, namespace, id } }: ReadCheckpoint): CheckpointName {
  return { threadId, namespace, checkpointId: id };
}

/** A checkpoint as LangGraph.js reads it; of another framework's what it has a place for. */
export async function toTuple(
  found: ReadCheckpoint,
  store: CheckpointStore,
  serde: SerializerProtocol,
): Promise<CheckpointTuple> {
  const name = nameOf(found);
  const { parentId } = found.checkpoint;
  const parent = parentId === undefined ? undefined : { ...name, checkpointId: parentId };
  const places = { config: configOf(name), ...(parent && { parentConfig: configOf(parent) }) };
  if (isForeign(found.checkpoint)) {
    const { channelValues, metadata } = fromForeign(found);
    return { ...places, checkpoint: fromDocument(found.checkpoint, channelValues, {}), metadata, pendingWrites: [] };
  }
  const whole = await fromOwn(found, serde);
  const isOld = parent !== undefined && lacksSends(whole);
  const checkpoint = isOld
    ? await withSends(whole, parent, store, (parentFound) => toPendingWrites(parentFound, serde))
    : whole;
  return {
    ...places,
    checkpoint,
    metadata: await fromMetadata(found.checkpoint.metadata),
    pendingWrites: await toPendingWrites(found, serde, checkpoint.channel_values[TASKS]),
  };
}

async function fromOwn({ checkpoint, values }: ReadCheckpoint, serde: SerializerProtocol) {
  const entries = Object.entries(checkpoint.channelValues).map(async ([channel, value]) => {
    const where = `channel ${channel} of checkpoint ${checkpoint.id}`;
    return [channel, await deserialized(serde, values, value, where)] as const;
  });
  return fromDocument(checkpoint, Object.fromEntries(await Promise.all(entries)), checkpoint.extra);
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
