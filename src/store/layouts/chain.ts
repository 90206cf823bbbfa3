import type { GraphRecord, Record } from "../../gen/cairn/store/v1/record_pb.ts";
import type { RecordPlace, Step } from "./step.ts";
import { to2 } from "./to-2.ts";
import { to3 } from "./to-3.ts";
import { to4 } from "./to-4.ts";

/** In order, from layout 1 on. A new layout is a file of its own and its entry here. */
const steps: readonly Step[] = [to2, to3, to4];

/** The newest layout of records that this build reads, and the one it writes. */
export const LAYOUT = steps.length + 1;

/** A record of any older layout as the newest one has it. */
export function upgradedRecord(record: Record, place: RecordPlace): Record {
  for (const step of missing(record)) record = { ...step.record(record, place), layout: step.to };
  return record;
}

export function upgradedGraph(graph: GraphRecord): GraphRecord {
  for (const step of missing(graph)) graph = { ...step.graph(graph), layout: step.to };
  return graph;
}

function missing({ layout }: { layout: number }): readonly Step[] {
  return layout === LAYOUT ? [] : steps.slice(layout - 1);
}
