import fc from "fast-check";
import { expect, test } from "vitest";
import { decodeMsgpack } from "./msgpack-decode.ts";
import { encodeMsgpack } from "./msgpack-encode.ts";
import { sliceMsgpackMap } from "./msgpack-slices.ts";
import { Ext, Float, type Plain } from "./value.ts";

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => new Uint8Array(array));
const leaf = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.double({ noNaN: true }).map((value) => new Float(value)),
  fc.string({ unit: "binary", maxLength: 300 }).filter((text) => text.isWellFormed()),
  bytes,
  fc.tuple(fc.integer({ min: 0, max: 127 }), bytes).map(([type, data]) => new Ext(type, data)),
);
const key = fc.string({ maxLength: 40 }).filter((name) => name !== "__proto__");
const { value } = fc.letrec<{ value: Plain }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    leaf,
    fc.array(tie("value"), { maxLength: 20 }),
    fc.dictionary(key, tie("value"), { maxKeys: 20 }),
  ),
}));

test("the members of a map are cut out as they stand", () => {
  fc.assert(
    fc.property(fc.dictionary(key, value, { maxKeys: 20 }), (map) => {
      const slices = sliceMsgpackMap(encodeMsgpack(map));
      const whole = Object.fromEntries([...(slices ?? [])].map(([name, slice]) => [name, decodeMsgpack(slice)]));
      expect(encodeMsgpack(whole)).toEqual(encodeMsgpack(decodeMsgpack(encodeMsgpack(map))));
    }),
  );
});

test("what is cut off is malformed, never a member", () => {
  const whole = encodeMsgpack({ a: [1, { b: "text" }], c: new Uint8Array(300) });
  for (let length = 0; length < whole.length; length++) {
    expect(() => sliceMsgpackMap(whole.subarray(0, length))).toThrow(/end of the bytes/);
  }
  expect(() => sliceMsgpackMap(new Uint8Array([...whole, 0]))).toThrow(/after the end/);
});

test("what is no map of texts is none", () => {
  for (const given of [1, "text", [], new Map<Plain, Plain>([[1, 2]])]) {
    expect(sliceMsgpackMap(encodeMsgpack(given))).toBeUndefined();
  }
});
