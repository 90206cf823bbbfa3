import type { GraphRecord, Record } from "../../gen/cairn/store/v1/record_pb.ts";

/** Where a record stands: what it says may be left out of it. */
export interface RecordPlace {
  thread: string;
  /** Its position. */
  n: number;
}

/**
 * One layout's difference from the one before. Steps are pure, and once released they never change: records of every
 * layout there ever was are upgraded through them when they are read.
 */
export interface Step {
  /** The layout that the step makes of the one before. */
  to: number;
  record(record: Record, place: RecordPlace): Record;
  graph(graph: GraphRecord): GraphRecord;
}
