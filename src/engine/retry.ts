import { type Duration, durationMs } from "@bufbuild/protobuf/wkt";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { RetryPolicy } from "../gen/cairn/v1/graph_pb.ts";
import type { RunFailure } from "./failure.ts";

/** LangGraph's defaults. */
const defaults = { attempts: 3, firstMs: 500, factor: 2, longestMs: 128_000, jitterMs: 1_000 } as const;

/** Errors of a program, not of the world: another attempt would meet them again. */
const programErrors = new Set(["TypeError", "ReferenceError", "SyntaxError", "RangeError", "EvalError", "URIError"]);

/** Whether a node's failure is worth another attempt. What the engine refuses (an update, a target) never is. */
export function isRetried({ maxAttempts, retryOn }: RetryPolicy, failure: RunFailure, attempts: number): boolean {
  if (attempts >= (maxAttempts || defaults.attempts)) return false;
  if (failure.isFinal) return false;
  if (failure.reason === ErrorReason.NODE_TIMEOUT) return retryOn.length === 0 || retryOn.includes("Timeout");
  if (failure.reason === ErrorReason.WORKER_LOST) return retryOn.length === 0 || retryOn.includes("WorkerLost");
  if (failure.reason !== ErrorReason.NODE_FAILED) return false;
  return retryOn.length === 0 ? !programErrors.has(failure.kind) : retryOn.includes(failure.kind);
}

/** How long to wait after so many failed attempts. `random`: from 0 to below 1. */
export function retryDelayMs(policy: RetryPolicy, failedAttempts: number, random: number): number {
  const factor = policy.backoffFactor || defaults.factor;
  const growing = msOf(policy.initialInterval, defaults.firstMs) * factor ** (failedAttempts - 1);
  const delayMs = Math.min(msOf(policy.maxInterval, defaults.longestMs), growing);
  return policy.noJitter ? delayMs : delayMs + random * defaults.jitterMs;
}

function msOf(duration: Duration | undefined, absent: number): number {
  return duration === undefined ? absent : durationMs(duration);
}
