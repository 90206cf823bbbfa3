import type { CheckpointKey, Record } from "../gen/cairn/store/v1/record_pb.ts";
import type { PendingWrite } from "../gen/cairn/v1/checkpoint_pb.ts";
import { compareBytes } from "../values/order.ts";

/**
 * The pending writes of a checkpoint, merged from the records that touch them in the order of the log: an
 * ordinary idx keeps the write that was put first, a negative one the last, each decided by itself.
 */
export function mergeWrites(records: Iterable<Record>, namespace: string, checkpointId: string): PendingWrite[] {
  const merged = new Map<string, PendingWrite>();
  const isOurs = (key: CheckpointKey) => key.namespace === namespace && key.checkpointId === checkpointId;
  for (const record of records) {
    // A record voids the writes before it, never its own.
    if (record.clearedWrites.some(isOurs) || record.deletedCheckpoints.some(isOurs)) merged.clear();
    for (const group of record.writes) {
      if (group.namespace !== namespace || group.checkpointId !== checkpointId) continue;
      for (const write of group.writes) {
        const slot = `${write.idx}\0${write.taskId}`;
        if (write.idx < 0 || !merged.has(slot)) merged.set(slot, write);
      }
    }
  }
  return [...merged.values()].sort(compareWrites);
}

/** The order in which the writes of a checkpoint are read. */
export function compareWrites(left: PendingWrite, right: PendingWrite): number {
  return compareBytes(left.taskPath, right.taskPath) || compareBytes(left.taskId, right.taskId) || left.idx - right.idx;
}
