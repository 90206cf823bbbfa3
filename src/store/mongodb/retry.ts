import type { Environment } from "../../system/environment.ts";
import { isTransient, toStoreError } from "./errors.ts";

/** The first pause before something is tried again; each doubles, up to the longest. */
const PAUSE_MS = 5;
const PAUSE_MS_MAX = 500;

/** Counts the time that may be spent on one operation, and pauses between its tries. */
export class Patience {
  readonly #environment: Environment;
  readonly #deadlineMs: number;
  #pauseMs = PAUSE_MS;

  constructor(environment: Environment, patienceMs: number) {
    this.#environment = environment;
    this.#deadlineMs = environment.clock.monotonicMs() + patienceMs;
  }

  get over(): boolean {
    return this.#environment.clock.monotonicMs() >= this.#deadlineMs;
  }

  async pause(): Promise<void> {
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(2 * pauseMs, PAUSE_MS_MAX);
    await new Promise<void>((resolve) => this.#environment.clock.after(pauseMs, resolve));
  }
}

/** Repeats what does no harm when done twice, until it succeeds or patience is over. */
export async function persist<T>(patience: Patience, operation: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await operation();
    } catch (error) {
      if (!isTransient(error) || patience.over) throw toStoreError(error);
    }
    await patience.pause();
  }
}
