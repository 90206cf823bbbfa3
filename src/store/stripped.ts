import type { Record } from "../gen/cairn/store/v1/record_pb.ts";
import type { Event } from "../gen/cairn/v1/event_pb.ts";
import { limits } from "../limits.ts";
import { rowOf } from "./draft.ts";
import type { Row, ThreadKey } from "./log.ts";

/** Records on their way to being rewritten, when checkpoints are removed from a thread. */

/** A row, and what its record is to say. */
export interface Change {
  row: Row;
  record: Record;
}

/** Names a checkpoint in a thread. */
export type Named = { namespace: string; id: string };

export const nameOf = ({ namespace, id }: Named): string => `${namespace}\0${id}`;

/** A record without these checkpoints and their pending writes. Its events and values are as they were. */
export function withoutCheckpoints(record: Record, names: ReadonlySet<string>): Record {
  const { checkpoint, writes } = record;
  return {
    ...record,
    ...(checkpoint && names.has(nameOf(checkpoint)) && { checkpoint: undefined, versions: undefined }),
    writes: writes.filter(({ namespace, checkpointId }) => !names.has(nameOf({ namespace, id: checkpointId }))),
  };
}

/** Whether an event tells that one of these checkpoints, or writes against it, was put. */
export function tellsOf({ body, namespace }: Event, names: ReadonlySet<string>): boolean {
  if (body.case !== "checkpointSaved" && body.case !== "writesPut") return false;
  return names.has(nameOf({ namespace, id: body.value.checkpointId }));
}

/** The record of a checkpoint whose parent is one of these, marked; undefined for others. */
export function withoutParent(record: Record, names: ReadonlySet<string>): Record | undefined {
  const { checkpoint } = record;
  if (checkpoint?.parentId === undefined || checkpoint.parentPruned) return undefined;
  if (!names.has(nameOf({ namespace: checkpoint.namespace, id: checkpoint.parentId }))) return undefined;
  return { ...record, checkpoint: { ...checkpoint, parentPruned: true } };
}

/** Whether nothing but the taken position is left of a record. */
export function isStub(record: Record): boolean {
  const { checkpoint, values, writes, events, request, threadMetadata, clearedWrites, deletedCheckpoints, call } =
    record;
  const lists = [values, writes, events, clearedWrites, deletedCheckpoints];
  return !checkpoint && !request && !threadMetadata && !call && lists.every((list) => list.length === 0);
}

/** The row as it is to be. Where nothing is left, it goes once nobody can mistake its position for a free one. */
export function rewritten(key: ThreadKey, { row, record }: Change, nowMs: number): Row {
  const next = rowOf(key, row.n, row.attempt, record);
  return isStub(record) ? { ...next, expiresAtMs: Math.trunc(nowMs) + limits.stubKeptMs } : next;
}
