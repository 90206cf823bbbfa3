import { commonPrefix, commonSuffix, prefixWithin, type Range } from "./common.ts";

/** A step of making a value from its base: literal bytes, then bytes copied from the base. */
export interface Hunk {
  literal: Uint8Array;
  /** Where in the base to copy from, and how many bytes. */
  from: number;
  length: number;
}

/** An edit in more places than this is kept as one long literal from there on. */
const HUNKS_MAX = 64;
/** So many equal bytes are taken for the same place in both. */
const NEEDLE_BYTES = 24;
/** Where so many bytes at most have been replaced by as many others, the places after them are the same. */
const REPLACED_BYTES_MAX = 64;
/** How far ahead the same place is looked for. */
const WINDOW_BYTES = 64 * 1024;

/**
 * What makes `next` of `base`: their common beginning, their common end, and what else they share between these, found by
 * looking for a few bytes of the base a little further on. Takes turns with other work where they are large.
 */
export async function diff(base: Uint8Array, next: Uint8Array): Promise<Hunk[]> {
  const prefix = await commonPrefix(whole(base), whole(next));
  const suffix = await commonSuffix(rest(base, prefix), rest(next, prefix));
  const between = {
    base: { data: base, from: prefix, to: base.length - suffix },
    next: { data: next, from: prefix, to: next.length - suffix },
  };
  const nothing = next.subarray(0, 0);
  const hunks: Hunk[] = prefix > 0 ? [{ literal: nothing, from: 0, length: prefix }] : [];
  const reached = addShared(hunks, between.base, between.next);
  const literal = next.subarray(reached, between.next.to);
  if (literal.length + suffix > 0) hunks.push({ literal, from: between.base.to, length: suffix });
  return hunks;
}

const whole = (data: Uint8Array): Range => ({ data, from: 0, to: data.length });
const rest = (data: Uint8Array, from: number): Range => ({ data, from, to: data.length });

/** Adds hunks for what the two have in common, in order; tells how far they reach in `next`. */
function addShared(hunks: Hunk[], base: Range, next: Range): number {
  let [inBase, inNext] = [base.from, next.from];
  while (hunks.length < HUNKS_MAX - 1) {
    const shared = nextShared({ ...base, from: inBase }, { ...next, from: inNext });
    if (shared === undefined) break;
    const { from, at, length } = shared;
    hunks.push({ literal: next.data.subarray(inNext, at), from, length });
    inBase = from + length;
    inNext = at + length;
  }
  return inNext;
}

/** The next bytes that both have: where in the base, where in `next`, and how many. */
function nextShared(base: Range, next: Range): { from: number; at: number; length: number } | undefined {
  const replaced = bytesReplaced(base, next);
  if (replaced !== undefined) return extended(base, next, base.from + replaced, next.from + replaced);
  for (let skipped = 0; skipped <= WINDOW_BYTES; skipped = skipped === 0 ? NEEDLE_BYTES : skipped * 2) {
    const from = base.from + skipped;
    if (from + NEEDLE_BYTES > base.to) return undefined;
    const needle = base.data.subarray(from, from + NEEDLE_BYTES);
    const window = next.data.subarray(next.from, Math.min(next.to, next.from + skipped + WINDOW_BYTES));
    const found = Buffer.from(window.buffer, window.byteOffset, window.length).indexOf(needle);
    if (found >= 0) return extended(base, next, from, next.from + found);
  }
  return undefined;
}

/**
 * How many bytes have others in their place, where what follows is alike again. It is asked before looking further on, since
 * records of one form, as maps of versions have, resemble each other: the first place that fits may be another record's.
 */
function bytesReplaced(base: Range, next: Range): number | undefined {
  const most = Math.min(base.to - base.from, next.to - next.from, REPLACED_BYTES_MAX + NEEDLE_BYTES);
  let alike = 0;
  for (let at = 0; at < most; at++) {
    alike = base.data[base.from + at] === next.data[next.from + at] ? alike + 1 : 0;
    if (alike === NEEDLE_BYTES) return at + 1 - NEEDLE_BYTES;
  }
  return undefined;
}

/** Bytes that are equal at both places, with as many equal ones before and behind them as there are. */
function extended(base: Range, next: Range, from: number, at: number) {
  let before = 0;
  const most = Math.min(from - base.from, at - next.from);
  while (before < most && base.data[from - before - 1] === next.data[at - before - 1]) before++;
  const behind = prefixWithin(base, from, next, at, Math.min(base.to - from, next.to - at));
  return { from: from - before, at: at - before, length: before + behind };
}
