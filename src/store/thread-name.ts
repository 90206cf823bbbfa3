import type { ThreadKey } from "./log.ts";

/** A thread's key as one text, for maps and sets. Space and thread may hold any character, so no separator would do. */
export function threadName({ space, thread }: ThreadKey): string {
  return JSON.stringify([space, thread]);
}
