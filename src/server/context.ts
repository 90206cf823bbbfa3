import type { Metadata } from "@grpc/grpc-js";
import { CairnError, invalidField } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { Caller } from "./auth.ts";

/** What calls of all kinds have in common. */
export interface Call {
  readonly metadata: Metadata;
  readonly cancelled: boolean;
  getDeadline(): Date | number;
  on(event: "cancelled", listener: () => void): unknown;
  off(event: "cancelled", listener: () => void): unknown;
}

/** What a handler knows about its call besides the request. */
export interface CallContext {
  /** The space that the call works in. */
  readonly space: string;
  /** Aborted, with a CairnError as its reason, when the caller goes away, its deadline passes or the server stops. */
  readonly signal: AbortSignal;
  /** When the caller stops waiting, in milliseconds since 1970-01-01T00:00Z; Infinity when it never does. */
  readonly deadlineMs: number;
  readonly caller: Caller;
}

export const spaceKey = "cairn-space";
export const spaceBytesMax = 255;

/** The space that a call names, "default" when it names none. */
export function spaceOf(metadata: Metadata): string {
  const given = metadata.get(spaceKey);
  if (given.length === 0) return "default";
  const [space] = given;
  if (given.length > 1 || typeof space !== "string") throw invalidField(spaceKey, "must be given once, as text");
  if (space === "") throw invalidField(spaceKey, "must not be empty; leave it out for the space `default`");
  if (Buffer.byteLength(space) > spaceBytesMax) throw invalidField(spaceKey, `must be at most ${spaceBytesMax} bytes`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
  if (/[\x00-\x1f\x7f]/.test(space)) throw invalidField(spaceKey, "must not hold control characters");
  return space;
}

/** The caller went away or its deadline passed. */
export function callEnded(): CairnError {
  return new CairnError(ErrorReason.CALL_ENDED, "the call was cancelled or its deadline passed");
}

/** The server is about to end. */
export function serverStopping(): CairnError {
  return new CairnError(ErrorReason.SERVER_STOPPING, "the server is stopping");
}
