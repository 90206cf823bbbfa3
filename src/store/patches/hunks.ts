import { corrupt } from "../record-codec.ts";
import type { Hunk } from "./diff.ts";

/** What the numbers of a patch take at most, besides its literals. */
export const HUNKS_BYTES_MAX = 4096;

/** The bytes of a patch. Their form is described at Patch in record.proto. */
export function encodeHunks(hunks: readonly Hunk[]): Uint8Array {
  const numbers: number[] = [];
  pushVarint(numbers, hunks.length);
  for (const { literal, from, length } of hunks) {
    pushVarint(numbers, literal.length);
    pushVarint(numbers, from);
    pushVarint(numbers, length);
  }
  return Buffer.concat([Uint8Array.from(numbers), ...hunks.map(({ literal }) => literal)]);
}

/** Throws DATA_CORRUPT. */
export function decodeHunks(patch: Uint8Array, what: string): Hunk[] {
  const reader = new VarintReader(patch, what);
  const count = reader.next();
  if (count > patch.length) throw corrupt(what, "its patch has more hunks than bytes");
  const numbers = Array.from({ length: count }, () => [reader.next(), reader.next(), reader.next()] as const);
  let at = reader.at;
  const hunks = numbers.map(([literalBytes, from, length]) => {
    const literal = patch.subarray(at, at + literalBytes);
    at += literalBytes;
    return { literal, from, length };
  });
  if (at !== patch.length) throw corrupt(what, "its patch has another length than its hunks");
  return hunks;
}

function pushVarint(bytes: number[], number: number): void {
  let left = number;
  while (left >= 0x80) {
    bytes.push((left % 0x80) + 0x80);
    left = Math.floor(left / 0x80);
  }
  bytes.push(left);
}

class VarintReader {
  at = 0;
  readonly #bytes: Uint8Array;
  readonly #what: string;

  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#what = what;
  }

  next(): number {
    let number = 0;
    for (let factor = 1; factor <= 2 ** 49; factor *= 0x80) {
      const byte = this.#bytes[this.at++];
      if (byte === undefined) break;
      number += (byte & 0x7f) * factor;
      if (byte < 0x80) return number;
    }
    throw corrupt(this.#what, "its patch breaks off in a number");
  }
}
