import { corrupt } from "../record-codec.ts";
import type { Hunk } from "./diff.ts";
import { SLICE_BYTES, turn } from "./turns.ts";

/**
 * A value as pieces of what it is made of. Patches are applied to it one after the other without copying a byte, so
 * that a value behind dozens of patches costs one copy in the end.
 */
export class Rope {
  readonly #pieces: Uint8Array[];
  /** Where each piece ends. */
  readonly #ends: number[] = [];

  constructor(pieces: Uint8Array[]) {
    this.#pieces = pieces;
    let end = 0;
    for (const piece of pieces) {
      end += piece.length;
      this.#ends.push(end);
    }
  }

  get length(): number {
    return this.#ends.at(-1) ?? 0;
  }

  /** What the hunks make of it. Throws DATA_CORRUPT where they reach beyond it. */
  patched(hunks: readonly Hunk[], what: string): Rope {
    const pieces: Uint8Array[] = [];
    for (const { literal, from, length } of hunks) {
      if (from + length > this.length) throw corrupt(what, "its patch reaches beyond its base");
      if (literal.length > 0) pieces.push(literal);
      this.#copy(pieces, from, length);
    }
    return new Rope(pieces);
  }

  /** All of it in one piece. Takes turns with other work where it is large. */
  async joined(): Promise<Uint8Array> {
    const [only] = this.#pieces;
    if (only !== undefined && this.#pieces.length === 1)
      return new Uint8Array(only.buffer, only.byteOffset, only.length);
    const whole = new Uint8Array(this.length);
    let [at, sinceTurn] = [0, 0];
    for (const piece of this.#pieces) {
      for (let start = 0; start < piece.length; start += SLICE_BYTES) {
        const slice = piece.subarray(start, start + SLICE_BYTES);
        whole.set(slice, at);
        at += slice.length;
        sinceTurn += slice.length;
        if (sinceTurn >= SLICE_BYTES) {
          await turn();
          sinceTurn = 0;
        }
      }
    }
    return whole;
  }

  #copy(pieces: Uint8Array[], from: number, length: number): void {
    const to = from + length;
    for (let i = this.#pieceAt(from), at = from; at < to; i++) {
      const piece = this.#pieces[i] as Uint8Array;
      const end = this.#ends[i] as number;
      const start = end - piece.length;
      pieces.push(piece.subarray(at - start, Math.min(end, to) - start));
      at = end;
    }
  }

  /** Index of the piece that holds the byte at `position`. */
  #pieceAt(position: number): number {
    let [low, high] = [0, this.#ends.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#ends[middle] as number) > position) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
