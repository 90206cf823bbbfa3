import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { CheckpointKeySchema, type Record, RecordSchema, type Tail } from "../gen/cairn/store/v1/record_pb.ts";
import { CheckpointsDeletedSchema, type Event, EventSchema } from "../gen/cairn/v1/event_pb.ts";
import { eventNumber, withoutHolder } from "./draft.ts";
import { LAYOUT } from "./record-codec.ts";
import type { ThreadTail } from "./store.ts";
import type { Named } from "./stripped.ts";

/** The record that is committed together with the removal of checkpoints, and tells of it. */
export function deletionRecord(thread: ThreadTail, deleted: Named[], nowMs: number): Record & { tail: Tail } {
  const n = thread.n + 1;
  const atMs = Math.trunc(nowMs);
  const events = eventsOf(deleted, n, atMs);
  const { lease, lastEventNumber } = thread.tail;
  const tail = {
    ...thread.tail,
    lease: withoutHolder(lease),
    lastEventNumber: events.at(-1)?.number ?? lastEventNumber,
  };
  const record = create(RecordSchema, {
    layout: LAYOUT,
    atMs: BigInt(atMs),
    events,
    changesOlder: true,
    deletedCheckpoints: deleted.map(({ namespace, id }) =>
      create(CheckpointKeySchema, { namespace, checkpointId: id }),
    ),
  });
  return { ...record, tail };
}

/** One event for each namespace. */
function eventsOf(deleted: Named[], n: number, atMs: number): Event[] {
  const byNamespace = Map.groupBy(deleted, ({ namespace }) => namespace);
  return [...byNamespace].map(([namespace, checkpoints], index) =>
    create(EventSchema, {
      number: eventNumber(n, index),
      namespace,
      at: timestampFromMs(atMs),
      body: {
        case: "checkpointsDeleted",
        value: create(CheckpointsDeletedSchema, { checkpointIds: checkpoints.map(({ id }) => id) }),
      },
    }),
  );
}
