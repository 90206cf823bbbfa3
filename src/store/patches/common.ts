import { SLICE_BYTES, turn } from "./turns.ts";

/** Part of a value, from `from` up to and without `to`. */
export interface Range {
  data: Uint8Array;
  from: number;
  to: number;
}

const lengthOf = ({ from, to }: Range): number => to - from;

/** How many bytes the two begin with alike. */
export async function commonPrefix(one: Range, other: Range): Promise<number> {
  const most = Math.min(lengthOf(one), lengthOf(other));
  let length = 0;
  while (length < most) {
    const slice = Math.min(SLICE_BYTES, most - length);
    if (!areEqual(one, one.from + length, other, other.from + length, slice)) return length + firstDifference();
    length += slice;
    if (length < most) await turn();
  }
  return most;

  function firstDifference(): number {
    return prefixWithin(one, one.from + length, other, other.from + length, Math.min(SLICE_BYTES, most - length));
  }
}

/** How many bytes the two end with alike. */
export async function commonSuffix(one: Range, other: Range): Promise<number> {
  const most = Math.min(lengthOf(one), lengthOf(other));
  let length = 0;
  while (length < most) {
    const slice = Math.min(SLICE_BYTES, most - length);
    const [oneFrom, otherFrom] = [one.to - length - slice, other.to - length - slice];
    if (!areEqual(one, oneFrom, other, otherFrom, slice))
      return length + suffixWithin(one, oneFrom, other, otherFrom, slice);
    length += slice;
    if (length < most) await turn();
  }
  return most;
}

/** How many of the next bytes, `most` of them at most, are alike: by halves, since native comparison is what is quick. */
export function prefixWithin(one: Range, oneFrom: number, other: Range, otherFrom: number, most: number): number {
  if (areEqual(one, oneFrom, other, otherFrom, most)) return most;
  let [alike, differs] = [0, most];
  while (differs - alike > 1) {
    const middle = (alike + differs) >> 1;
    if (areEqual(one, oneFrom + alike, other, otherFrom + alike, middle - alike)) alike = middle;
    else differs = middle;
  }
  return alike;
}

function suffixWithin(one: Range, oneFrom: number, other: Range, otherFrom: number, length: number): number {
  let [alike, differs] = [0, length];
  while (differs - alike > 1) {
    const middle = (alike + differs) >> 1;
    const start = length - middle;
    if (areEqual(one, oneFrom + start, other, otherFrom + start, middle - alike)) alike = middle;
    else differs = middle;
  }
  return alike;
}

function areEqual(one: Range, oneFrom: number, other: Range, otherFrom: number, length: number): boolean {
  return bytesOf(one, oneFrom, length).equals(bytesOf(other, otherFrom, length));
}

function bytesOf({ data }: Range, from: number, length: number): Buffer {
  return Buffer.from(data.buffer, data.byteOffset + from, length);
}
