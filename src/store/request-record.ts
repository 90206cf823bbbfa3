import { create } from "@bufbuild/protobuf";
import { type Record, type RequestRecord, RequestRecordSchema } from "../gen/cairn/store/v1/record_pb.ts";
import type { RequestDraft } from "./store.ts";

/** The request that a record is written for, with its answer made from all else that the record says. */
export function requestOf(request: RequestDraft | undefined, record: Record): RequestRecord | undefined {
  if (request === undefined) return undefined;
  const { id, bodyHash, answer } = request;
  return create(RequestRecordSchema, { id, bodyHash, answer: typeof answer === "function" ? answer(record) : answer });
}
