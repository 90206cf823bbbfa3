import type { ServerOptions } from "../../src/server/start.ts";

/** What befalls a server, and where: at the `nth` time (from 1) that it comes by a side of a durable act. */
export interface Fault {
  at: string;
  nth: number;
  /** "die": SIGKILL. "hold": the act waits until the test lets it go on. */
  act: "die" | "hold";
  /** Dies this long afterwards, in the middle of whatever comes then. */
  delayMs?: number;
}

export interface ServerProcessOptions {
  server: ServerOptions;
  /** How far its clock is ahead, so that the lease of a server that was killed a moment ago is over. */
  aheadMs: number;
  /** Gets a line for each time the server comes by a side of a durable act. */
  passesFile: string;
  fault: Fault | undefined;
}

export function passName(point: string, side: "before" | "after"): string {
  return `${side} ${point}`;
}
