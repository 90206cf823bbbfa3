import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";

/** Time and randomness, so that tests can decide them. */
export interface Environment {
  /** Milliseconds since 1970-01-01T00:00Z. */
  nowMs(): number;
  /** A number from 0 to below 1. */
  random(): number;
  /** A new UUID, for request ids. */
  uuid(): string;
  /** Resolves after so many milliseconds; rejects when the signal aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's own. */
export const systemEnvironment: Environment = {
  nowMs: () => Date.now(),
  random: () => Math.random(),
  uuid: () => randomUUID(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
};
