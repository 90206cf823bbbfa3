import { create } from "@bufbuild/protobuf";
import { type Record, RecordSchema, type Tail } from "../../gen/cairn/store/v1/record_pb.ts";
import type { Event } from "../../gen/cairn/v1/event_pb.ts";
import { EVENTS_PER_RECORD } from "../draft.ts";
import { parseRef, valueRef } from "../value-ref.ts";
import { type ChangeValue, withCheckpointValues, withEventValues, withWriteValue } from "../values-of.ts";

/** Where a record goes that is copied: to which thread, and how far along its log. */
export interface Move {
  thread: string;
  shift: number;
  /** Runs that wait for their turn: nobody goes on with them in a copy. */
  waiting: ReadonlySet<string>;
}

/**
 * A record as it is to be in another thread. All that names positions moves along: references, places in the order,
 * numbers of events; patches name their bases by how far back they are. What it was written for stays behind: requests,
 * calls, and the thread's metadata.
 */
export function movedRecord(record: Record, move: Move): Record {
  const { layout, atMs, values, checkpoint, versions, clearedWrites, deletedCheckpoints, tail } = record;
  const { thread, shift, waiting } = move;
  const place = placeBy(shift);
  return create(RecordSchema, {
    ...{ layout, atMs, values, clearedWrites, deletedCheckpoints },
    tail: tail && movedTail(tail, shift),
    checkpoint: checkpoint && {
      ...withCheckpointValues(checkpoint, place),
      threadId: thread,
      seq: checkpoint.seq + BigInt(shift),
    },
    versions: versions && place(versions, { path: "", channel: "" }),
    writes: record.writes.map((group) => ({
      ...group,
      writes: group.writes.map((write) => withWriteValue(write, "", place)),
    })),
    events: record.events
      .filter(({ body, runId }) => body.case !== "runQueued" || !waiting.has(runId))
      .map((event) => movedEvent(withEventValues(event, "", place), shift)),
  });
}

export function movedTail(tail: Tail, shift: number): Tail {
  const by = (position: bigint) => (position === 0n ? 0n : position + BigInt(shift));
  return {
    ...tail,
    lastEventNumber: movedNumber(tail.lastEventNumber, shift),
    metadataAt: by(tail.metadataAt),
    floor: by(tail.floor),
    eventsPrunedTo: by(tail.eventsPrunedTo),
    calls: [],
  };
}

function movedEvent(event: Event, shift: number): Event {
  const { body } = event;
  const number = movedNumber(event.number, shift);
  if (body.case !== "checkpointSaved") return { ...event, number };
  return { ...event, number, body: { case: body.case, value: { ...body.value, seq: body.value.seq + BigInt(shift) } } };
}

/** A thread that was deleted and begun anew goes on from its last number, which lies before all that is copied. */
function movedNumber(number: bigint, shift: number): bigint {
  const moved = number + BigInt(shift * EVENTS_PER_RECORD);
  return number === 0n || moved < 0n ? 0n : moved;
}

function placeBy(shift: number): ChangeValue {
  return (value) => {
    if (value.source.case !== "ref") return value;
    const { n, index } = parseRef(value.source.value);
    return { ...value, source: { case: "ref", value: valueRef(n + shift, index) } };
  };
}
