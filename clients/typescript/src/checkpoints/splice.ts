import { crc32 } from "node:zlib";
import { create } from "@bufbuild/protobuf";
import { type Splice, type SpliceHunk, SpliceHunkSchema, SpliceSchema } from "../gen/cairn/v1/value_pb.ts";

/** A splice that saves less than this part of the value is not worth it. */
const WORTH_FRACTION_MAX = 0.75;
/** So many equal bytes are taken for the same place in both values. */
const NEEDLE_BYTES = 24;
/** How much at the beginning may differ: the head of a MessagePack array, which counts its elements. */
const HEAD_BYTES_MAX = 16;

/**
 * The value as a change of one that the server holds: what they begin and end with alike stays there. Undefined where
 * that saves too little.
 */
export function spliceOf(baseRef: string, base: Uint8Array, data: Uint8Array): Splice | undefined {
  const hunks: SpliceHunk[] = [];
  let literalBytes = 0;
  let at = 0;
  const add = (literalTo: number, from: number, length: number): void => {
    const literal = data.subarray(at, literalTo);
    literalBytes += literal.length;
    hunks.push(create(SpliceHunkSchema, { literal, from: BigInt(from), length: BigInt(length) }));
    at = literalTo + length;
  };
  const prefix = alike(base, 0, data, 0);
  if (prefix > 0) add(0, 0, prefix);
  let inBase = prefix;
  const behindHead = prefix < HEAD_BYTES_MAX ? behind(base, data, prefix) : undefined;
  if (behindHead) {
    const length = alike(base, behindHead.inBase, data, behindHead.inData);
    add(behindHead.inData, behindHead.inBase, length);
    inBase = behindHead.inBase + length;
  }
  const suffix = alikeAtEnd(base, inBase, data, at);
  if (at < data.length) add(data.length - suffix, base.length - suffix, suffix);
  if (literalBytes > data.length * WORTH_FRACTION_MAX) return undefined;
  return create(SpliceSchema, { baseRef, hunks, crc32: crc32(data) });
}

/** Where both go on alike behind a few bytes that differ. */
function behind(base: Uint8Array, data: Uint8Array, from: number): { inBase: number; inData: number } | undefined {
  const inBase = from + HEAD_BYTES_MAX;
  if (inBase + NEEDLE_BYTES > base.length) return undefined;
  const needle = base.subarray(inBase, inBase + NEEDLE_BYTES);
  const found = bufferOf(data.subarray(from, inBase + NEEDLE_BYTES + HEAD_BYTES_MAX)).indexOf(needle);
  if (found < 0) return undefined;
  let back = 0;
  const most = Math.min(HEAD_BYTES_MAX, found);
  while (back < most && base[inBase - back - 1] === data[from + found - back - 1]) back++;
  return { inBase: inBase - back, inData: from + found - back };
}

/** How many bytes are alike from the two places on: found by halves, as native comparison is what is quick. */
function alike(one: Uint8Array, oneFrom: number, other: Uint8Array, otherFrom: number): number {
  const most = Math.min(one.length - oneFrom, other.length - otherFrom);
  return longest(most, (from, to) =>
    bufferOf(one.subarray(oneFrom + from, oneFrom + to)).equals(other.subarray(otherFrom + from, otherFrom + to)),
  );
}

function alikeAtEnd(one: Uint8Array, oneFrom: number, other: Uint8Array, otherFrom: number): number {
  const most = Math.min(one.length - oneFrom, other.length - otherFrom);
  return longest(most, (from, to) =>
    bufferOf(one.subarray(one.length - to, one.length - from)).equals(
      other.subarray(other.length - to, other.length - from),
    ),
  );
}

/** The largest length up to `most` of which all is alike; `areAlike` tells it of a part. */
function longest(most: number, areAlike: (from: number, to: number) => boolean): number {
  if (areAlike(0, most)) return most;
  let [length, differs] = [0, most];
  while (differs - length > 1) {
    const middle = (length + differs) >> 1;
    if (areAlike(length, middle)) length = middle;
    else differs = middle;
  }
  return length;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
