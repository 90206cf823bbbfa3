/** What a server meets of the world comes in through here and nowhere else, so that it can run from a seed. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00Z; may jump. */
  nowMs(): number;
  /** Milliseconds since an arbitrary point; never goes back. */
  monotonicMs(): number;
  /** Calls back once after `delayMs`; the returned function cancels it. A timer never keeps the process alive. */
  after(delayMs: number, callback: () => void): () => void;
}

export interface Random {
  /** `count` unpredictable bytes. */
  bytes(count: number): Uint8Array;
}

export interface Environment {
  clock: Clock;
  random: Random;
  /**
   * Hears of each act of the store that makes something durable (`durablePoints`), just before and just after it. The
   * act, or its answer, waits for a promise that is returned: here the machine can fail or be slow. Absent: it is neither.
   */
  onDurable?: (point: string, side: "before" | "after") => void | Promise<void>;
}

/** A number from 0 to below 1. */
export function fraction({ bytes }: Random): number {
  return new DataView(bytes(4).buffer).getUint32(0) / 2 ** 32;
}

/** The machine's clock and randomness. */
export const systemEnvironment: Environment = {
  clock: {
    nowMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    after: (delayMs, callback) => {
      const timer = setTimeout(callback, delayMs);
      timer.unref();
      return () => clearTimeout(timer);
    },
  },
  random: { bytes: randomBytes },
};

/** Asking the system costs more than what is asked for, so that is asked for in advance. */
const POOL_BYTES = 4096;

let pool = new Uint8Array(0);

function randomBytes(count: number): Uint8Array {
  if (count > POOL_BYTES / 16) return crypto.getRandomValues(new Uint8Array(count));
  if (pool.length < count) pool = crypto.getRandomValues(new Uint8Array(POOL_BYTES));
  const bytes = pool.slice(0, count);
  pool = pool.subarray(count);
  return bytes;
}
