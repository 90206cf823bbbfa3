import { create, toBinary } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type Record, type Tail, TailSchema } from "../gen/cairn/store/v1/record_pb.ts";
import { type Thread, ThreadSchema, ThreadStatus } from "../gen/cairn/v1/thread_service_pb.ts";
import { encodeUtf8 } from "../values/utf8.ts";
import type { Row, ThreadKey, ThreadSummary } from "./log.ts";
import type { ThreadTail } from "./store.ts";
import { tagsOfMetadata } from "./tags.ts";

/** How a thread stands, from its newest row. */
export function threadTail(row: Row | undefined, record: Record | undefined): ThreadTail {
  if (!row || !record) return { n: 0, tail: create(TailSchema, { status: ThreadStatus.IDLE }), exists: false };
  const tail = record.tail ?? create(TailSchema);
  return { n: row.n, tail, exists: !tail.deleted };
}

/** The thread as the API tells of it. */
export function threadOf(key: ThreadKey, tail: Tail, updatedAtMs: number, metadata: Uint8Array): Thread {
  return create(ThreadSchema, {
    id: key.thread,
    status: statusOf(tail),
    metadata,
    createdAt: timestampFromMs(Number(tail.createdAtMs)),
    updatedAt: timestampFromMs(updatedAtMs),
    graphName: tail.graphName,
    headCheckpointId: tail.headCheckpointId,
    headStep: tail.headStep,
    runId: tail.lease?.runId ?? "",
    lastEventNumber: tail.lastEventNumber,
    ttl: tail.ttlMs === 0n ? undefined : durationFromMs(Number(tail.ttlMs)),
  });
}

/** A thread is busy as long as runs are in line, between two of them as well. */
function statusOf({ status, calls }: Tail): ThreadStatus {
  return calls.length > 0 ? ThreadStatus.BUSY : status;
}

export const EMPTY_METADATA: Uint8Array = encodeUtf8("{}");

/**
 * What lists say of a thread after this record. `isFirst` says that the record created the thread: what an
 * earlier thread of the same id left in the list is then replaced.
 */
export function summaryOf(key: ThreadKey, n: number, record: Record, isFirst: boolean): ThreadSummary {
  const tail = record.tail ?? create(TailSchema);
  const thread = threadOf(key, tail, Number(record.atMs), new Uint8Array());
  const json = record.threadMetadata ?? (isFirst || tail.deleted ? EMPTY_METADATA : undefined);
  return {
    n,
    deleted: tail.deleted,
    createdAtMs: Number(tail.createdAtMs),
    status: statusOf(tail),
    ...(tail.expiresAtMs > 0n && { expiresAtMs: Number(tail.expiresAtMs) }),
    body: toBinary(ThreadSchema, thread),
    ...(json && { metadata: { json, tags: tagsOfMetadata(json) } }),
  };
}
