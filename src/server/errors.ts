import { create, toBinary } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { status as GrpcStatus, Metadata, type StatusObject } from "@grpc/grpc-js";
import type { Logger } from "pino";
import { type CairnError, toCairnError } from "../errors.ts";
import { BadRequestSchema, ErrorInfoSchema } from "../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../gen/google/rpc/status_pb.ts";

export const errorDomain = "cairn.dev";

/**
 * Trailers ride in one header block, and gRPC's C core (Python, C++, Ruby) refuses one over 8 KiB: these two, the
 * first percent-encoded and the second in base64, stay below it with room for a proxy's headers.
 */
const messageBytesMax = 1000;
const detailsBytesMax = 4800;

/** The status that tells a caller of anything that was thrown. Faults of our own are logged and not told. */
export function toStatus(thrown: unknown, log: Logger, method: string): StatusObject {
  const error = toCairnError(thrown);
  const ours = error.code === GrpcStatus.INTERNAL || error.code === GrpcStatus.DATA_LOSS;
  if (ours) log.error({ method, err: error.cause instanceof Error ? error.cause : error }, error.message);
  const hidden = error.code === GrpcStatus.INTERNAL;
  const message = bounded(hidden ? "internal error; the server's log tells more" : error.message, messageBytesMax);
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", Buffer.from(details(error, message, hidden)));
  return { code: error.code, details: message, metadata };
}

function details(error: CairnError, message: string, hidden: boolean): Uint8Array {
  const all = hidden ? [] : error.violations;
  const metadata = hidden ? {} : error.metadata;
  const size = (bytes: Uint8Array) => bytes.length <= detailsBytesMax;
  const full = encode(error, message, metadata, all, 0);
  if (size(full)) return full;
  // What does not fit is left out and counted: first violations, then the ends of long texts.
  for (const textBytesMax of [1024, 200, 50]) {
    const short = Object.fromEntries(
      Object.entries(metadata)
        .slice(0, 16)
        .map(([key, value]) => [bounded(key, 60), bounded(value, textBytesMax)]),
    );
    for (let kept = all.length; kept > 0; kept = Math.floor(kept / 2)) {
      const some = all.slice(0, kept).map(({ field, description }) => ({
        field: bounded(field, textBytesMax),
        description: bounded(description, textBytesMax),
      }));
      const bytes = encode(error, message, short, some, all.length - kept);
      if (size(bytes)) return bytes;
    }
    const bytes = encode(error, message, short, [], all.length);
    if (all.length === 0 && size(bytes)) return bytes;
  }
  return encode(error, message, {}, [], all.length);
}

function encode(
  error: CairnError,
  message: string,
  metadata: Record<string, string>,
  violations: CairnError["violations"],
  leftOut: number,
): Uint8Array {
  const told = leftOut > 0 ? { ...metadata, violations_left_out: String(leftOut) } : metadata;
  const wellFormed = Object.fromEntries(Object.entries(told).map(([key, value]) => [key, value.toWellFormed()]));
  const info = create(ErrorInfoSchema, { domain: errorDomain, reason: error.reasonName, metadata: wellFormed });
  const packed = [anyPack(ErrorInfoSchema, info)];
  if (violations.length > 0) {
    const fieldViolations = violations.map(({ field, description }) => ({
      field: field.toWellFormed(),
      description: description.toWellFormed(),
      reason: error.reasonName,
    }));
    packed.push(anyPack(BadRequestSchema, create(BadRequestSchema, { fieldViolations })));
  }
  return toBinary(StatusSchema, create(StatusSchema, { code: error.code, message, details: packed }));
}

/** Well-formed text of at most so many bytes once it is percent-encoded, as grpc-message is. */
function bounded(text: string, bytesMax: number): string {
  const wellFormed = text.slice(0, bytesMax).toWellFormed();
  if (wellFormed.length === text.length && encodeURI(wellFormed).length <= bytesMax) return wellFormed;
  let short = "";
  let bytes = 3;
  for (const character of wellFormed) {
    bytes += encodeURI(character).length;
    if (bytes > bytesMax) break;
    short += character;
  }
  return `${short}...`;
}
