import { fromBinary } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import type { Metadata, ServiceError } from "@grpc/grpc-js";
import { Code, toCode } from "./code.ts";
import { CairnClientError, type FieldViolation } from "./error.ts";
import { BadRequestSchema, ErrorInfoSchema } from "./gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "./gen/google/rpc/status_pb.ts";

/** The domain of the server's own reasons; a proxy's reasons mean something else. */
const domain = "cairn.dev";

/** What grpc-js says of a call on a client that has been closed. */
const closedMessage = "Channel has been shut down";

/** Makes a `CairnClientError` of anything that was thrown. */
export function toClientError(thrown: unknown): CairnClientError {
  if (thrown instanceof CairnClientError) return thrown;
  if (isServiceError(thrown)) {
    const details = detailsOf(thrown.metadata);
    return new CairnClientError({
      code: toCode(thrown.code),
      message: thrown.details || thrown.message,
      cause: thrown,
      ...details,
    });
  }
  const message = thrown instanceof Error ? thrown.message : textOf(thrown);
  if (message === closedMessage) {
    // With a reason, so that it is not taken for a lost connection and tried again.
    return new CairnClientError({ code: Code.Cancelled, reason: "CALL_ENDED", message: "the client is closed" });
  }
  const cancelled = thrown instanceof Error && thrown.name === "AbortError";
  return new CairnClientError({ code: cancelled ? Code.Cancelled : Code.Unknown, message, cause: thrown });
}

/** Some values have no text: an object whose toString is not a function. */
function textOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return "something without a text was thrown";
  }
}

function isServiceError(thrown: unknown): thrown is ServiceError {
  return thrown instanceof Error && typeof (thrown as Partial<ServiceError>).code === "number" && "details" in thrown;
}

interface Details {
  reason?: string;
  metadata?: Record<string, string>;
  violations?: FieldViolation[];
}

function detailsOf(metadata: Metadata | undefined): Details {
  const [bytes] = metadata?.get("grpc-status-details-bin") ?? [];
  if (!(bytes instanceof Uint8Array)) return {};
  const details: Details = {};
  try {
    for (const any of fromBinary(StatusSchema, bytes).details) {
      const info = anyUnpack(any, ErrorInfoSchema);
      if (info?.domain === domain) Object.assign(details, { reason: info.reason, metadata: { ...info.metadata } });
      const request = anyUnpack(any, BadRequestSchema);
      if (request)
        details.violations = request.fieldViolations.map(({ field, description }) => ({ field, description }));
    }
  } catch {
    // A proxy's details may be anything: the status and its message still stand.
  }
  return details;
}
