import { crc32 } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Splice } from "../gen/cairn/v1/value_pb.ts";
import { spliceOf } from "./splice.ts";

function applied(base: Uint8Array, { hunks }: Splice): Buffer {
  const pieces = hunks.flatMap(({ literal, from, length }) => [
    literal,
    base.subarray(Number(from), Number(from + length)),
  ]);
  return Buffer.concat(pieces);
}

const sent = ({ hunks }: Splice) => hunks.reduce((sum, { literal }) => sum + literal.length, 0);

test("makes the value of its base, whatever the two are", () => {
  const piece = fc.uint8Array({ maxLength: 60 });
  // Long pieces that both have, and short ones that only one of them has.
  const pair = fc.array(fc.tuple(piece, fc.constantFrom("both", "base", "data")), { maxLength: 8 }).map((pieces) => {
    const of = (side: string) =>
      pieces.filter(([, whose]) => whose === "both" || whose === side).map(([bytes]) => bytes);
    return [new Uint8Array(Buffer.concat(of("base"))), new Uint8Array(Buffer.concat(of("data")))] as const;
  });
  fc.assert(
    fc.property(pair, ([base, data]) => {
      const splice = spliceOf("1.0", base, data);
      if (splice === undefined) return;
      expect(applied(base, splice).equals(data)).toBe(true);
      expect(splice.crc32).toBe(crc32(data));
      expect(sent(splice)).toBeLessThanOrEqual(data.length * 0.75);
    }),
    { numRuns: 500 },
  );
});

test("sends what was appended to a list, in JSON and in MessagePack, whose head counts the elements", () => {
  const items = Array.from({ length: 300 }, (_, i) => ({ i, text: `message ${i * 7919}` }));
  const json = (count: number) => new TextEncoder().encode(JSON.stringify(items.slice(0, count)));
  const appended = spliceOf("1.0", json(299), json(300));
  expect(appended && sent(appended)).toBeLessThan(60);
  const pack = (count: number, text: string) =>
    Buffer.concat([Buffer.from([0xdc, count >> 8, count & 255]), Buffer.from(text.repeat(count))]);
  const longer = spliceOf("1.0", pack(299, "abcdefg"), pack(300, "abcdefg"));
  expect(longer && sent(longer)).toBeLessThan(40);
});

test("sends what changed in the middle, and gives up where nothing is alike", () => {
  const base = Buffer.from("0123456789".repeat(500));
  const data = Buffer.concat([base.subarray(0, 2_000), Buffer.from("changed"), base.subarray(2_100)]);
  const splice = spliceOf("1.0", base, data);
  expect(splice && sent(splice)).toBe(7);
  expect(spliceOf("1.0", base, Buffer.alloc(5_000, "x"))).toBeUndefined();
});
