import type { DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";

/** Deadlines by kind of call, in milliseconds. */
export interface Deadlines {
  /** Ordinary calls. Default 30 s. */
  callMs: number;
  /** Calls that run a graph (RunStep, Run, Resume), copy or prune threads, and one attempt of a stream. Default 10 min. */
  runMs: number;
}

/** What deadlines are without being told. */
export const defaultDeadlines: Deadlines = { callMs: 30_000, runMs: 600_000 };

const running = new Set(["RunStep", "Run", "Resume", "CopyThread", "PruneThreads"]);

/** The deadline of a method when its caller names none. */
export function deadlineMsOf(method: DescMethod, deadlines: Deadlines): number {
  const long = method.methodKind !== "unary" || running.has(method.name);
  return long ? deadlines.runMs : deadlines.callMs;
}

/** Whether a request of this method can carry a request_id. */
export function takesRequestId(method: DescMethod): boolean {
  return method.input.fields.some((field) => field.name === "request_id");
}

/**
 * Whether a call may be repeated when nobody knows whether the server has seen it: it carries a request_id, or the
 * protos say that a repetition does no harm.
 */
export function isSafeToRetry(method: DescMethod): boolean {
  if (method.methodKind !== "unary" && method.methodKind !== "client_streaming") return false;
  return takesRequestId(method) || method.idempotency !== MethodOptions_IdempotencyLevel.IDEMPOTENCY_UNKNOWN;
}
