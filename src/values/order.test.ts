import fc from "fast-check";
import { expect, test } from "vitest";
import { compareBytes } from "./order.ts";

test("texts are ordered as their UTF-8 bytes are", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "é", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{10ffff}") });
  fc.assert(
    fc.property(text, text, (left, right) => {
      const bytes = Buffer.compare(Buffer.from(left), Buffer.from(right));
      expect(Math.sign(compareBytes(left, right))).toBe(bytes);
    }),
    { numRuns: 1_000 },
  );
});
