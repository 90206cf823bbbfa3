import { MongoNetworkTimeoutError } from "mongodb";
import type { Environment } from "../../system/environment.ts";
import { isTransient, toStoreError } from "./errors.ts";

/**
 * The longest that one command may take. All of the driver's own waits together are shorter; but a large command whose
 * connection the driver closes while it is still being sent waits for ever (the driver listens to the socket's "drain"
 * and "error" then, and a socket that is just destroyed has neither).
 */
const ANSWER_MS_MAX = 40_000;

/** The first pause before something is tried again; each doubles, up to the longest. */
const PAUSE_MS = 5;
const PAUSE_MS_MAX = 500;

/** Counts the time that may be spent on one operation, and pauses between its tries. */
export class Patience {
  readonly environment: Environment;
  readonly #deadlineMs: number;
  #pauseMs = PAUSE_MS;

  constructor(environment: Environment, patienceMs: number) {
    this.environment = environment;
    this.#deadlineMs = environment.clock.monotonicMs() + patienceMs;
  }

  get over(): boolean {
    return this.environment.clock.monotonicMs() >= this.#deadlineMs;
  }

  async pause(): Promise<void> {
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX);
    await new Promise<void>((resolve) => this.environment.clock.after(pauseMs, resolve));
  }
}

/** Repeats what does no harm when done twice, until it succeeds or patience is over. */
export async function persist<T>(patience: Patience, operation: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await answered(patience.environment, operation);
    } catch (error) {
      if (!isTransient(error) || patience.over) throw toStoreError(error);
    }
    await patience.pause();
  }
}

/** A command's answer. Throws a network error, with the outcome unknown, if the driver does not come back with one. */
export async function answered<T>({ clock }: Pick<Environment, "clock">, command: () => Promise<T>): Promise<T> {
  const { promise: silence, reject } = Promise.withResolvers<never>();
  const message = `no answer within ${ANSWER_MS_MAX / 1000} s`;
  const stopTimer = clock.after(ANSWER_MS_MAX, () => reject(new MongoNetworkTimeoutError(message)));
  try {
    return await Promise.race([command(), silence]);
  } finally {
    stopTimer();
  }
}
