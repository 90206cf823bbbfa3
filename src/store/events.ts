import { CairnError } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { Event } from "../gen/cairn/v1/event_pb.ts";
import { EVENTS_PER_RECORD } from "./draft.ts";
import type { Log, Row, ThreadKey } from "./log.ts";
import { decodeRow } from "./record-codec.ts";
import type { EventPage, ThreadTail } from "./store.ts";

export interface EventQuery {
  /** Events with a greater number; 0: from the oldest kept. */
  after: number;
  /** The position up to which the reader has read before. */
  readTo?: number;
  recordLimit: number;
  /** How many of the thread's newest records are kept as events. */
  kept: number;
}

/** Reads a thread's events after a number. Throws EVENTS_PRUNED, EVENTS_AHEAD. */
export async function readEvents(
  log: Pick<Log, "after">,
  key: ThreadKey,
  thread: ThreadTail,
  { after, readTo, recordLimit, kept }: EventQuery,
): Promise<EventPage> {
  const last = Number(thread.tail.lastEventNumber);
  if (after > last) throw eventsAhead(after, last);
  // Nothing is kept of a thread that was deleted: its reader is at the end, also one that began at the beginning.
  if (!thread.exists) return { events: [], next: last, n: readTo ?? thread.n, last };
  const floor = Number(thread.tail.floor);
  // Whoever has the last event has missed none, however many records without events have come since.
  if (after === last && (after === 0 || positionBefore(after) >= floor))
    return { events: [], next: last, n: thread.n, last };
  const oldest = Math.max(floor, Number(thread.tail.eventsPrunedTo), thread.n - kept) + 1;
  checkKept(oldest, after, readTo);
  // The record of `after` itself may hold more, unless that is the last number it can have.
  const from = Math.max(positionBefore(after), oldest - 1, readTo ?? 0);
  return readRows(log, key, thread, after, from, recordLimit);
}

/** The last record that holds no event after this number. */
function positionBefore(after: number): number {
  return Math.floor((after + 1) / EVENTS_PER_RECORD) - 1;
}

async function readRows(
  log: Pick<Log, "after">,
  key: ThreadKey,
  thread: ThreadTail,
  after: number,
  from: number,
  recordLimit: number,
): Promise<EventPage> {
  const rows = await log.after(key, from, recordLimit);
  const events: Event[] = [];
  let last = Number(thread.tail.lastEventNumber);
  let n = from;
  for (const row of rows) {
    // The thread was deleted meanwhile. Who goes on from here is told so when it exists again.
    if (row.floor) break;
    const record = decodeRow(key, row);
    events.push(...record.events.filter(({ number }) => Number(number) > after));
    last = Math.max(last, Number(record.tail?.lastEventNumber ?? 0n));
    n = row.n;
  }
  return { events, next: Math.max(after, Math.min(readUpTo(rows, thread, recordLimit) ?? last, last)), n, last };
}

/**
 * The number up to which rows have been read: nothing lower will ever appear. Undefined: all there are. Rows that end
 * before the thread's tail are older than it (a MongoDB primary begins with what it knows to be a majority's, and that
 * may be less than the one before it has told): what they lack is read the next time.
 */
function readUpTo(rows: Row[], thread: ThreadTail, recordLimit: number): number | undefined {
  const end = rows.at(-1)?.n ?? 0;
  if (rows.length < recordLimit && end >= thread.n) return undefined;
  return end * EVENTS_PER_RECORD + EVENTS_PER_RECORD - 1;
}

/** Refuses a reader that has missed records which are not kept. */
function checkKept(oldest: number, after: number, readTo: number | undefined): void {
  const hasRead = readTo ?? (after === 0 ? oldest - 1 : positionBefore(after));
  if (hasRead >= oldest - 1) return;
  const number = oldest * EVENTS_PER_RECORD;
  throw new CairnError(ErrorReason.EVENTS_PRUNED, `events before ${number} are gone: begin after ${number - 1}`, {
    metadata: { oldest: `${number}` },
  });
}

function eventsAhead(after: number, last: number): CairnError {
  return new CairnError(ErrorReason.EVENTS_AHEAD, `event ${after} has not happened yet, the last one is ${last}`, {
    metadata: { last: `${last}` },
  });
}
