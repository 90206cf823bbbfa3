import type { Named } from "../stripped.ts";

/** What can be wrong in a store. */
export type Fault =
  /** A record that can't be decoded, or is of a newer layout. */
  | "unreadable-record"
  /** Something refers to a value that no record holds. */
  | "missing-value"
  /** A value whose bytes can't be rebuilt, or differ from its checksum. */
  | "damaged-value"
  /** A value that nothing refers to. */
  | "orphaned-value"
  /** Parts of a large value that no record refers to and that don't expire. */
  | "orphaned-parts"
  /** A checkpoint whose parent is not there, and is not marked as removed. */
  | "broken-parent"
  /** A record that look-ups miss, or find in the wrong place. */
  | "wrong-keys"
  /** A revision of a graph that can't be decoded, or is of a newer layout. */
  | "unreadable-graph";

/** One fault of a thread. */
export interface Finding {
  fault: Fault;
  /** Position of the record; 0 where there is none. */
  n: number;
  /** The value's reference, or the upload whose parts they are. */
  ref?: string;
  checkpoint?: Named;
  why: string;
}

/** Tells a finding from others of its thread. */
export function nameOfFinding({ fault, n, ref = "" }: Finding): string {
  return `${fault} ${n} ${ref}`;
}
