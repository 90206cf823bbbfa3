// Readers of a thread's events that note what they hear.
import { expect } from "vitest";
import type { Thread, ThreadEvent } from "../../../clients/typescript/src/index.ts";

export interface Hearing {
  readonly events: ThreadEvent[];
  /** Resolves when the stream has ended, or was stopped. */
  readonly done: Promise<void>;
  stop(): void;
}

/** Begins to read, and goes on until the options or `stop` say so. */
export function hear(thread: Thread, options: Parameters<Thread["events"]>[0]): Hearing {
  const events: ThreadEvent[] = [];
  const stopped = new AbortController();
  const reading = async (): Promise<void> => {
    try {
      for await (const event of thread.events({ ...options, signal: stopped.signal })) events.push(event);
    } catch (error) {
      if (!stopped.signal.aborted) throw error;
    }
  };
  const done = reading();
  // Whoever awaits it hears of a failure.
  done.catch(() => {});
  return { events, done, stop: () => stopped.abort() };
}

/**
 * Durable numbers increase, and each ephemeral event follows the durable one whose number it has, in its own order. A
 * reader that has filtered has not always seen that one.
 */
export function expectOrdered(events: ThreadEvent[], { isFiltered = false } = {}): void {
  let durable = 0n;
  let told: [epoch: bigint, subNumber: bigint] = [0n, 0n];
  for (const { number, ephemeral } of events) {
    if (ephemeral === undefined) {
      expect(number).toBeGreaterThan(durable);
      durable = number;
      continue;
    }
    if (isFiltered) expect(number).toBeGreaterThanOrEqual(durable);
    else expect(number).toBe(durable);
    durable = number;
    const { epoch, subNumber } = ephemeral;
    expect(epoch > told[0] || (epoch === told[0] && subNumber > told[1])).toBe(true);
    told = [epoch, subNumber];
  }
}

/** Without those that may be lost. */
export function durable(events: ThreadEvent[]): ThreadEvent[] {
  return events.filter(({ ephemeral }) => ephemeral === undefined);
}
