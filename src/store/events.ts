import { CairnError } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { Event } from "../gen/cairn/v1/event_pb.ts";
import { EVENTS_PER_RECORD } from "./draft.ts";
import type { Log, Row, ThreadKey } from "./log.ts";
import { decodeRow } from "./record-codec.ts";
import type { EventPage, ThreadTail } from "./store.ts";

/** Reads events after a number, of at most `recordLimit` records. Throws EVENTS_PRUNED, EVENTS_AHEAD. */
export async function readEvents(
  log: Pick<Log, "after">,
  key: ThreadKey,
  thread: ThreadTail,
  after: number,
  recordLimit: number,
): Promise<EventPage> {
  checkCursor(thread, after);
  const lastKnown = Number(thread.tail.lastEventNumber);
  // Nothing is kept of a thread that was deleted: its reader is at the end, also one that began at the beginning.
  if (!thread.exists || after === lastKnown) return { events: [], next: lastKnown, last: lastKnown };
  // The record of `after` itself may hold more, unless that is the last number it can have.
  const from = Math.max(Math.floor((after + 1) / EVENTS_PER_RECORD) - 1, Number(thread.tail.floor));
  const rows = await log.after(key, from, recordLimit);
  const events: Event[] = [];
  let last = lastKnown;
  for (const row of rows) {
    const record = decodeRow(key, row);
    if (record.floor) break;
    events.push(...record.events.filter(({ number }) => Number(number) > after));
    last = Math.max(last, Number(record.tail?.lastEventNumber ?? 0n));
  }
  return { events, next: Math.max(after, Math.min(readUpTo(rows, thread, recordLimit) ?? last, last)), last };
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

function checkCursor({ tail }: ThreadTail, after: number): void {
  const last = Number(tail.lastEventNumber);
  if (after > last) {
    throw new CairnError(ErrorReason.EVENTS_AHEAD, `event ${after} has not happened yet, the last one is ${last}`, {
      metadata: { last: `${last}` },
    });
  }
  const oldest = (Number(tail.floor) + 1) * EVENTS_PER_RECORD;
  if (after > 0 && tail.floor > 0n && after < oldest - 1) {
    throw new CairnError(ErrorReason.EVENTS_PRUNED, `events before ${oldest} are gone: begin after ${oldest - 1}`, {
      metadata: { oldest: `${oldest}` },
    });
  }
}
