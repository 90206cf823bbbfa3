import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import { CairnError } from "../errors.ts";
import { type GraphRecord, GraphRecordSchema, type Record, RecordSchema } from "../gen/cairn/store/v1/record_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { GraphRow, Row, ThreadKey } from "./log.ts";

/** The newest layout of records that this build reads, and the one it writes. */
export const LAYOUT = 2;

/** Decodes a row's record. Throws LAYOUT_TOO_NEW or DATA_CORRUPT. */
export function decodeRow(key: ThreadKey, row: Row): Record {
  return decode(RecordSchema, row.body, `record ${row.n} of thread ${JSON.stringify(key.thread)}`);
}

export function decodeGraph(row: GraphRow): GraphRecord {
  return decode(GraphRecordSchema, row.body, `revision ${row.revision} of graph ${JSON.stringify(row.name)}`);
}

function decode<Desc extends typeof RecordSchema | typeof GraphRecordSchema>(
  schema: Desc,
  body: Uint8Array,
  what: string,
): MessageShape<Desc> {
  const record = decodeMessage(schema, body, what);
  const { layout } = record as Record | GraphRecord;
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
