import type { Converted } from "../../origins/document.ts";

/** A store of another framework's, which is only read. */
export interface Source {
  /** How many checkpoints it has. */
  count(): Promise<number>;
  /** The threads, in order. */
  threads(): AsyncIterable<string>;
  /** A thread's checkpoints with their writes, each behind those that it follows. */
  checkpoints(threadId: string): AsyncIterable<Converted>;
  close(): Promise<void>;
}
