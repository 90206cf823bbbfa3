/** A letter of one server to another. */
export interface PostedLetter {
  /** The servers' ids. */
  from: string;
  to: string;
  /** Its place among all that the one writes to the other, from 1. */
  n: number;
  body: Uint8Array;
}

/**
 * What servers that share a store leave in it for each other. Nothing of it has to last: what is not fetched in some
 * minutes, and what a server that is gone looked for, is removed. Bodies are the callers' own. Every method throws
 * STORE_UNAVAILABLE only.
 */
export interface Post {
  /** Says what a server looks for, in place of what it said before; undefined: nothing. To be repeated while it holds. */
  want(server: string, body: Uint8Array | undefined): Promise<void>;
  /** What servers other than this one look for. */
  wanted(server: string): Promise<{ server: string; body: Uint8Array }[]>;
  /** Leaves letters. Safe to repeat. */
  send(letters: PostedLetter[]): Promise<void>;
  /** Letters to a server, at most `limit`, by sender and n. They stay until they are removed. */
  fetch(server: string, limit: number): Promise<PostedLetter[]>;
  remove(letters: PostedLetter[]): Promise<void>;
}

/** How long what a server looks for stands without being repeated. */
export const WANT_KEPT_MS = 20_000;

/** How long a letter lies before it is thrown away. */
export const LETTER_KEPT_MS = 600_000;
