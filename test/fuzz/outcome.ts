// How a call ended, and whether it may have ended so.
import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { type ServiceError, status } from "@grpc/grpc-js";
import { ErrorInfoSchema } from "../../src/gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../src/gen/google/rpc/status_pb.ts";

/** How a call is made. `patient` ones wait for their answer, however long it takes. */
export type Manner =
  | { kind: "patient" }
  | { kind: "cancelled"; afterMs: number }
  | { kind: "hurried"; deadlineMs: number }
  /** Streams: take so many messages and go. Without `reads`: never look at any. */
  | { kind: "dropped"; messages: number; reads: boolean; afterMs: number };

export interface Outcome {
  code: status;
  /** Of google.rpc.ErrorInfo; empty when there is none. */
  reason: string;
  domain: string;
  details: string;
}

export const ok: Outcome = { code: status.OK, reason: "", domain: "", details: "" };

export function outcomeOf(error: ServiceError): Outcome {
  if (error.metadata === undefined) throw error;
  const [bytes] = error.metadata.get("grpc-status-details-bin");
  const { details } = bytes === undefined ? { details: [] } : fromBinary(StatusSchema, bytes as Buffer);
  const info = details.map((any) => anyUnpack(any, ErrorInfoSchema)).find((found) => found !== undefined);
  return { code: error.code, reason: info?.reason ?? "", domain: info?.domain ?? "", details: error.details };
}

/** What is wrong with an outcome; undefined when nothing is. */
export function faultOf({ code, reason, domain, details }: Outcome, manner: Manner): string | undefined {
  if (code === status.OK) return undefined;
  if (code === status.INTERNAL || code === status.UNKNOWN || code === status.DATA_LOSS)
    return "a fault of the server's";
  if (reason !== "") return domain === "cairn.dev" ? undefined : `the domain ${domain}`;
  // What the client's own end of gRPC says has no reason, and is only right where this side gave the cause.
  if (code === status.CANCELLED && manner.kind !== "patient" && manner.kind !== "hurried") return undefined;
  if (code === status.DEADLINE_EXCEEDED && manner.kind === "hurried") return undefined;
  if (code === status.RESOURCE_EXHAUSTED && /larger than max/.test(details)) return undefined;
  if (code === status.UNAVAILABLE) return "the connection was lost";
  if (code === status.DEADLINE_EXCEEDED) return "no answer came";
  return "an error without a reason";
}
