import { create } from "@bufbuild/protobuf";
import { LeaseSchema, RecordSchema, TailSchema } from "../gen/cairn/store/v1/record_pb.ts";
import type { Environment } from "../system/environment.ts";
import { uuid4 } from "../system/uuid.ts";
import { type Prepared, rowOf } from "./draft.ts";
import type { ThreadKey } from "./log.ts";
import { requestOf } from "./request-record.ts";
import type { RequestDraft, ThreadTail } from "./store.ts";
import { summaryOf } from "./thread-record.ts";

/**
 * The record that deletes everything before it. The lease's epoch and the events' numbers go on from there, so
 * that nobody who held the old thread is mistaken for a holder of a new one.
 */
export function floorAfter(
  environment: Environment,
  key: ThreadKey,
  thread: ThreadTail,
  request: RequestDraft | undefined,
): Prepared {
  const n = thread.n + 1;
  const { lease, lastEventNumber, status } = thread.tail;
  const record = create(RecordSchema, {
    atMs: BigInt(Math.trunc(environment.clock.nowMs())),
    floor: true,
    tail: create(TailSchema, {
      lease: lease && create(LeaseSchema, { epoch: lease.epoch }),
      status,
      lastEventNumber,
      floor: BigInt(n),
      deleted: true,
    }),
  });
  record.request = requestOf(request, record);
  const row = rowOf(key, n, uuid4(environment), record);
  return { append: { key, row, rewrites: [], summary: summaryOf(key, n, record, false) }, record };
}
