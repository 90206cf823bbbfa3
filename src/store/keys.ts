import type { Record } from "../gen/cairn/store/v1/record_pb.ts";
import type { Event } from "../gen/cairn/v1/event_pb.ts";

/** Look-up keys: the texts by which a thread's rows are found other than by position. */

/** The row that holds the checkpoint with this id, in any namespace. */
export const checkpointKey = (id: string): string => `c:${id}`;
/** Rows that put or void writes against the checkpoint. */
export const writesKey = (namespace: string, checkpointId: string): string => `w:${namespace}\0${checkpointId}`;
/** Rows that hold a checkpoint made by the run. */
export const madeByKey = (runId: string): string => `r:${runId}`;
/** The row that refers to the parts. */
export const partsKey = (upload: string): string => `p:${upload}`;
/** Rows that tell of the request. */
export const requestKey = (requestId: string): string => `q:${requestId}`;
/** Rows that tell of a run, or of any run, waiting, starting or stopping. */
export const runKey = (runId: string | undefined): string => (runId === undefined ? "u" : `u:${runId}`);

/** Whether an event tells of a run waiting, starting or stopping. */
export function isOfLifecycle(body: Event["body"]["case"]): boolean {
  return body === "runQueued" || body === "runStarted" || body === "runStopped";
}

/** All keys of a record's row. Derived from the record alone, so that a rewritten row gets the right ones. */
export function keysOf(record: Record): string[] {
  const keys = new Set<string>();
  // A floor's row is found by its request only, so that deleting a thread can be retried.
  if (record.request) keys.add(requestKey(record.request.id));
  if (record.floor) return [...keys];
  const { checkpoint } = record;
  if (checkpoint) {
    keys.add(checkpointKey(checkpoint.id));
    if (checkpoint.runId) keys.add(madeByKey(checkpoint.runId));
  }
  for (const { namespace, checkpointId } of [...record.writes, ...record.clearedWrites]) {
    keys.add(writesKey(namespace, checkpointId));
  }
  for (const { storage } of record.values) if (storage.case === "parts") keys.add(partsKey(storage.value.upload));
  for (const { body, runId } of record.events) {
    if (!isOfLifecycle(body.case)) continue;
    keys.add(runKey(undefined));
    keys.add(runKey(runId));
  }
  return [...keys];
}
