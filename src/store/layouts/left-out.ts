import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { Record } from "../../gen/cairn/store/v1/record_pb.ts";
import { savedEvent } from "./saved-event.ts";
import type { RecordPlace } from "./step.ts";

/** Something that a record says twice, or that follows from where it stands. */
export interface Rule {
  /** Its bit in `Record.left_out`. */
  bit: number;
  /** Whether what is left out would come back exactly as it is. */
  holds(record: Record, place: RecordPlace): boolean;
  /** Changes a copy of the record, its checkpoint, its tail and its events. */
  leaveOut(copy: Record): void;
  restore(record: Record, place: RecordPlace): void;
}

/** Each record's events are numbered from its position times this. */
const EVENTS_PER_RECORD = 10_000n;
/** The last millisecond that a Date can tell. */
const DATE_MS_MAX = 8_640_000_000_000_000n;

const checkpointThread: Rule = {
  bit: 1,
  holds: ({ checkpoint }, { thread }) => checkpoint?.threadId === thread,
  leaveOut({ checkpoint }) {
    if (checkpoint) checkpoint.threadId = "";
  },
  restore({ checkpoint }, { thread }) {
    if (checkpoint) checkpoint.threadId = thread;
  },
};

const checkpointSeq: Rule = {
  bit: 2,
  holds: ({ checkpoint }, { n }) => checkpoint?.seq === BigInt(n),
  leaveOut({ checkpoint }) {
    if (checkpoint) checkpoint.seq = 0n;
  },
  restore({ checkpoint }, { n }) {
    if (checkpoint) checkpoint.seq = BigInt(n);
  },
};

/** The text of a native checkpoint's time is that of its milliseconds. */
const createdAt: Rule = {
  bit: 4,
  holds: ({ checkpoint }) => checkpoint?.createdAt !== undefined && checkpoint.createdAt === isoOf(checkpoint),
  leaveOut({ checkpoint }) {
    if (checkpoint) checkpoint.createdAt = undefined;
  },
  restore({ checkpoint }) {
    if (checkpoint) checkpoint.createdAt = isoOf(checkpoint);
  },
};

function isoOf({ createdAtMs }: { createdAtMs?: bigint }): string | undefined {
  if (createdAtMs === undefined || createdAtMs > DATE_MS_MAX || createdAtMs < -DATE_MS_MAX) return undefined;
  return new Date(Number(createdAtMs)).toISOString();
}

/** The run that made the checkpoint holds the lease. */
const checkpointRun: Rule = {
  bit: 8,
  holds: ({ checkpoint, tail }) => checkpoint?.runId !== undefined && checkpoint.runId === tail?.lease?.runId,
  leaveOut({ checkpoint }) {
    if (checkpoint) checkpoint.runId = undefined;
  },
  restore({ checkpoint, tail }) {
    if (checkpoint) checkpoint.runId = tail?.lease?.runId;
  },
};

/** What runs next are the nodes of the pending tasks. */
const nextNodes: Rule = {
  bit: 16,
  holds: ({ checkpoint }) =>
    checkpoint !== undefined &&
    checkpoint.nextNodes.length === checkpoint.pendingTasks.length &&
    checkpoint.nextNodes.every((node, index) => node === checkpoint.pendingTasks[index]?.node),
  leaveOut({ checkpoint }) {
    if (checkpoint) checkpoint.nextNodes = [];
  },
  restore({ checkpoint }) {
    if (checkpoint) checkpoint.nextNodes = checkpoint.pendingTasks.map(({ node }) => node);
  },
};

/** The checkpoint is the thread's head. */
const head: Rule = {
  bit: 32,
  holds: ({ checkpoint, tail }) =>
    checkpoint !== undefined &&
    tail !== undefined &&
    tail.headCheckpointId === checkpoint.id &&
    tail.headStep === (checkpoint.step ?? 0n) &&
    tail.graphName === (checkpoint.graphName ?? ""),
  leaveOut({ tail }) {
    if (tail) Object.assign(tail, { headCheckpointId: "", headStep: 0n, graphName: "" });
  },
  restore({ checkpoint, tail }) {
    if (!checkpoint || !tail) return;
    tail.headCheckpointId = checkpoint.id;
    tail.headStep = checkpoint.step ?? 0n;
    tail.graphName = checkpoint.graphName ?? "";
  },
};

const eventNumbers: Rule = {
  bit: 64,
  holds: ({ events }, place) =>
    events.length > 0 && events.every(({ number }, index) => number === numberOf(place, index)),
  leaveOut({ events }) {
    for (const event of events) event.number = 0n;
  },
  restore({ events }, place) {
    for (const [index, event] of events.entries()) event.number = numberOf(place, index);
  },
};

function numberOf({ n }: RecordPlace, index: number): bigint {
  return BigInt(n) * EVENTS_PER_RECORD + BigInt(index);
}

/** Events happen when their record is written. */
const eventTimes: Rule = {
  bit: 128,
  holds({ events, atMs }) {
    const { seconds, nanos } = timestampFromMs(Number(atMs));
    return events.length > 0 && events.every(({ at }) => at?.seconds === seconds && at.nanos === nanos);
  },
  leaveOut({ events }) {
    for (const event of events) event.at = undefined;
  },
  restore({ events, atMs }) {
    for (const event of events) event.at = timestampFromMs(Number(atMs));
  },
};

/** Events are of the run that holds the lease. */
const eventRuns: Rule = {
  bit: 256,
  holds({ events, tail }) {
    const runId = tail?.lease?.runId;
    return events.length > 0 && runId !== undefined && events.every((event) => event.runId === runId);
  },
  leaveOut({ events }) {
    for (const event of events) event.runId = "";
  },
  restore({ events, tail }) {
    for (const event of events) event.runId = tail?.lease?.runId ?? "";
  },
};

const lastEvent: Rule = {
  bit: 512,
  holds: ({ events, tail }) => events.length > 0 && tail?.lastEventNumber === events.at(-1)?.number,
  leaveOut({ tail }) {
    if (tail) tail.lastEventNumber = 0n;
  },
  restore({ events, tail }) {
    if (tail) tail.lastEventNumber = events.at(-1)?.number ?? 0n;
  },
};

/** In the order in which they are restored: a later one may need what an earlier one brings back. */
export const rules: readonly Rule[] = [
  checkpointThread,
  checkpointSeq,
  createdAt,
  checkpointRun,
  nextNodes,
  head,
  eventNumbers,
  eventTimes,
  eventRuns,
  lastEvent,
  savedEvent(1024),
];
