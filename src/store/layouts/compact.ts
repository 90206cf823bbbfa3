import type { Record } from "../../gen/cairn/store/v1/record_pb.ts";
import { rules } from "./left-out.ts";
import type { RecordPlace } from "./step.ts";

const ALL = rules.reduce((bits, { bit }) => bits | bit, 0);

/** A record as layout 3 has it: without what `restored` brings back exactly. */
export function compacted(record: Record, place: RecordPlace): Record {
  const { checkpoint, tail, events } = record;
  const copy = {
    ...record,
    checkpoint: checkpoint && { ...checkpoint },
    tail: tail && { ...tail },
    events: events.map((event) => ({ ...event })),
    leftOut: 0,
  };
  for (const rule of rules) {
    if (!rule.holds(record, place)) continue;
    rule.leaveOut(copy);
    copy.leftOut |= rule.bit;
  }
  return copy;
}

/** Brings back, in place, what was left out. False when more has been left out than is known here. */
export function restore(record: Record, place: RecordPlace): boolean {
  if ((record.leftOut & ~ALL) !== 0) return false;
  for (const rule of rules) if ((record.leftOut & rule.bit) !== 0) rule.restore(record, place);
  record.leftOut = 0;
  return true;
}
