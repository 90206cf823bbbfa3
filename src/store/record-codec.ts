import { type DescMessage, fromBinary, type MessageShape, toBinary } from "@bufbuild/protobuf";
import { CairnError } from "../errors.ts";
import { type GraphRecord, GraphRecordSchema, type Record, RecordSchema } from "../gen/cairn/store/v1/record_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { LAYOUT, upgradedGraph, upgradedRecord } from "./layouts/chain.ts";
import { compacted, restore } from "./layouts/compact.ts";
import type { RecordPlace } from "./layouts/step.ts";
import { withoutVersions } from "./layouts/without-versions.ts";
import type { GraphRow, Row, ThreadKey } from "./log.ts";

export { LAYOUT } from "./layouts/chain.ts";

/** Encodes a record in the newest layout. */
export function encodeRecord(place: RecordPlace, record: Record): Uint8Array {
  return toBinary(RecordSchema, { ...compacted(withoutVersions(record), place), layout: LAYOUT });
}

/** Decodes a row's record, of whatever layout. Throws LAYOUT_TOO_NEW or DATA_CORRUPT. */
export function decodeRow({ thread }: Pick<ThreadKey, "thread">, { n, body }: Pick<Row, "n" | "body">): Record {
  const what = `record ${n} of thread ${JSON.stringify(thread)}`;
  const place = { thread, n };
  const record = upgradedRecord(known(decodeMessage(RecordSchema, body, what), what), place);
  if (!restore(record, place)) throw corrupt(what, "it leaves out what is not known here");
  return record;
}

/** Encodes a graph's record in the newest layout. */
export function encodeGraph(graph: GraphRecord): Uint8Array {
  return toBinary(GraphRecordSchema, { ...graph, layout: LAYOUT });
}

export function decodeGraph({ name, revision, body }: Pick<GraphRow, "name" | "revision" | "body">): GraphRecord {
  const what = `revision ${revision} of graph ${JSON.stringify(name)}`;
  return upgradedGraph(known(decodeMessage(GraphRecordSchema, body, what), what));
}

/** A record of a layout that this build reads. */
function known<Stored extends { layout: number }>(record: Stored, what: string): Stored {
  const { layout } = record;
  if (layout > LAYOUT) {
    throw new CairnError(
      ErrorReason.LAYOUT_TOO_NEW,
      `${what} has layout ${layout}, this server reads up to layout ${LAYOUT}`,
      { metadata: { layout: `${layout}`, known_layout: `${LAYOUT}` } },
    );
  }
  if (layout < 1) throw corrupt(what, "it names no layout");
  return record;
}

/** Decodes any stored message. Throws DATA_CORRUPT. */
export function decodeMessage<Desc extends DescMessage>(
  schema: Desc,
  body: Uint8Array,
  what: string,
): MessageShape<Desc> {
  try {
    return fromBinary(schema, body);
  } catch (cause) {
    throw corrupt(what, "it cannot be decoded", cause);
  }
}

/** Stored bytes are not what they should be. */
export function corrupt(what: string, why: string, cause?: unknown): CairnError {
  return new CairnError(ErrorReason.DATA_CORRUPT, `${what}: ${why}`, { metadata: { what }, cause });
}
