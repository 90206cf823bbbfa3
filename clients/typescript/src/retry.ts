import { Code } from "./code.ts";
import type { Environment } from "./environment.ts";
import { CairnClientError } from "./error.ts";
import { toClientError } from "./to-client-error.ts";

/** How calls that are safe to repeat are retried, and event streams resumed. */
export interface RetryPolicy {
  /** Attempts of one call in all. 1: never retry. */
  attemptsMax: number;
  /** Streams in a row that break without bringing an event, before a reader of events gives up. */
  streamsMax: number;
  /** The bound of the first wait, in milliseconds. Each wait is random between half its bound and the whole; the bound doubles. */
  backoffBaseMs: number;
  /** No bound goes beyond this, in milliseconds. */
  backoffMaxMs: number;
}

/** Calls: five attempts within about three seconds. Streams: about a minute, in which a server can be restarted. */
export const defaultRetry: RetryPolicy = { attemptsMax: 5, streamsMax: 30, backoffBaseMs: 200, backoffMaxMs: 5_000 };

/**
 * The wait after so many failed attempts. Half of it is random, so that clients that failed together don't return
 * together; the other half is not, so that all attempts together outlast the second that a channel may pause before
 * it connects again.
 */
export function backoffMs(failedAttempts: number, policy: RetryPolicy, random: () => number): number {
  const boundMs = Math.min(policy.backoffMaxMs, policy.backoffBaseMs * 2 ** (failedAttempts - 1));
  return boundMs / 2 + (random() * boundMs) / 2;
}

/**
 * Whether the server could not be reached, is stopping, or the connection broke during the call. A server that goes
 * away resets its streams, which grpc-js reports as INTERNAL or CANCELLED without any details of Cairn's.
 */
export function isConnectionLoss(error: CairnClientError): boolean {
  if (error.code === Code.Unavailable) return true;
  if (error.reason !== "") return false;
  if (error.code === Code.Internal) return error.message.includes("RST_STREAM");
  return error.code === Code.Cancelled && !isOwnAbort(error);
}

/** Marks a cancellation as the caller's own. */
export function abortedError(signal: AbortSignal): CairnClientError {
  const why: unknown = signal.reason;
  const message = why instanceof Error ? why.message : "the call was cancelled";
  return new CairnClientError({ code: Code.Cancelled, reason: "CALL_ENDED", message, cause: why });
}

function isOwnAbort(error: CairnClientError): boolean {
  return error.cause instanceof Error && error.cause.name === "AbortError";
}

/** What `withRetry` goes by. */
export interface RetryContext {
  environment: Environment;
  policy: RetryPolicy;
  /** When the call ends whatever happens, in milliseconds since 1970. */
  deadlineAtMs: number;
  signal?: AbortSignal;
}

/** Calls until it succeeds, the error is not a lost connection, or attempts or time run out. Throws the last error. */
export async function withRetry<T>(context: RetryContext, attempt: () => Promise<T>): Promise<T> {
  const { environment, policy, deadlineAtMs, signal } = context;
  for (let attempts = 1; ; attempts++) {
    try {
      return await attempt();
    } catch (thrown) {
      const error = toClientError(thrown);
      if (signal?.aborted) throw abortedError(signal);
      if (!isConnectionLoss(error) || attempts >= policy.attemptsMax) throw error;
      const waitMs = backoffMs(attempts, policy, environment.random);
      if (environment.nowMs() + waitMs >= deadlineAtMs) throw error;
      await wait(environment, waitMs, signal);
    }
  }
}

/** Waits, and says in our own words that the caller did not want to. */
export async function wait(environment: Environment, ms: number, signal?: AbortSignal): Promise<void> {
  try {
    await environment.sleep(ms, signal);
  } catch (thrown) {
    throw signal?.aborted ? abortedError(signal) : toClientError(thrown);
  }
}
