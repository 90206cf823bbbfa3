// One value of a field: an ordinary one, or one at a limit of its type.
import { type DescEnum, type DescField, ScalarType } from "@bufbuild/protobuf";
import fc from "fast-check";
import type { Pools } from "./pools.ts";
import { type Limits, limitsOf } from "./rules.ts";
import { brokenUtf8, hostileJson, hostileText, jsonObject, jsonText, textOfBytes } from "./texts.ts";
import { type Bytes, delimited, type Encoded, fixed, float, text, varint, wire, zigzag } from "./wire.ts";

/**
 * `tame`: what a handler may well accept. `wild`: what it should refuse, or survive. `odd`, of messages: tame but for
 * one field.
 */
export type Style = "tame" | "odd" | "wild";

const utf8 = (given: string): Bytes => new TextEncoder().encode(given);

export function scalar(field: DescField, type: ScalarType, style: Style, pools: Pools): fc.Arbitrary<Encoded> {
  if (type === ScalarType.STRING) return style === "tame" ? tameText(field, pools) : wildText(limitsOf(field));
  if (type === ScalarType.BYTES) return style === "tame" ? tameBytes(field) : wildBytes(limitsOf(field));
  if (type === ScalarType.BOOL) {
    const values = style === "tame" ? [0n, 0n, 0n, 1n] : [1n, 2n, -1n, 2n ** 64n - 1n];
    return fc.constantFrom(...values).map((value) => ({ type: wire.varint, bytes: varint(value) }));
  }
  return style === "tame" ? tameNumber(type) : wildNumber(type);
}

export function enumeration(desc: DescEnum, style: Style): fc.Arbitrary<Encoded> {
  const numbers = desc.values.map(({ number }) => BigInt(number));
  // The first two are what is said most often: nothing, and the usual choice.
  const tame = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(...numbers.slice(0, 2)) },
    { weight: 2, arbitrary: fc.constantFrom(...numbers) },
  );
  const wild = fc.constantFrom(...numbers, -1n, BigInt(numbers.length), 2n ** 31n - 1n, -(2n ** 31n), 2n ** 63n);
  return (style === "tame" ? tame : wild).map((value) => ({ type: wire.varint, bytes: varint(value) }));
}

function tameText(field: DescField, pools: Pools): fc.Arbitrary<Encoded> {
  const { choices, isPlain, min } = limitsOf(field);
  if (choices.length > 0) return fc.constantFrom(...choices).map(text);
  const known = pools.of(field);
  const any = fc.string({ minLength: min, maxLength: 6 });
  return (known ?? (isPlain ? any : fc.oneof(any, hostileText))).map((given) => text(given.toWellFormed()));
}

function wildText({ min, max }: Limits): fc.Arbitrary<Encoded> {
  const sizes = [min, Math.max(0, min - 1), ...(max === undefined ? [70_000] : [max, max + 1])];
  return fc.oneof(
    { weight: 6, arbitrary: hostileText.map((given) => text(given.toWellFormed())) },
    { weight: 2, arbitrary: brokenUtf8.map(delimited) },
    {
      weight: 4,
      arbitrary: fc
        .constantFrom(...sizes)
        .chain(textOfBytes)
        .map(delimited),
    },
  );
}

function tameBytes({ name }: DescField): fc.Arbitrary<Encoded> {
  if (name === "equals_json") return jsonText.map(text);
  if (name === "metadata") return fc.oneof({ weight: 5, arbitrary: jsonObject }, jsonText).map(text);
  return fc.uint8Array({ maxLength: 20 }).map((bytes) => delimited(new Uint8Array(bytes)));
}

function wildBytes({ min, max }: Limits): fc.Arbitrary<Encoded> {
  const sizes = [0, min, ...(max === undefined ? [300_000] : [max, max + 1])];
  return fc.oneof(
    { weight: 2, arbitrary: hostileText.map((given) => delimited(utf8(given))) },
    { weight: 4, arbitrary: hostileJson.map(delimited) },
    { weight: 2, arbitrary: fc.constantFrom(...sizes).map((size) => delimited(new Uint8Array(size).fill(0x20))) },
    { weight: 2, arbitrary: fc.uint8Array({ maxLength: 300 }).map((bytes) => delimited(new Uint8Array(bytes))) },
  );
}

function tameNumber(type: ScalarType): fc.Arbitrary<Encoded> {
  return fc
    .oneof(
      { weight: 6, arbitrary: fc.integer({ min: 0, max: 8 }) },
      { weight: 1, arbitrary: fc.constantFrom(10_000, 20_000, 30_001) },
    )
    .map((value) => encode(type, BigInt(value)));
}

const integers = [0n, 1n, -1n, 2n ** 31n - 1n, 2n ** 31n, -(2n ** 31n), 2n ** 32n - 1n, 2n ** 32n, 2n ** 53n + 1n];
const longs = [2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n), 2n ** 64n - 1n];
const floats = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e308, 5e-324];

function wildNumber(type: ScalarType): fc.Arbitrary<Encoded> {
  if (type === ScalarType.DOUBLE) return fc.constantFrom(...floats).map((value) => float(value, 64));
  if (type === ScalarType.FLOAT) return fc.constantFrom(...floats).map((value) => float(value, 32));
  return fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...integers, ...longs).map((value) => encode(type, value)) },
    // More bytes than a varint may have.
    { weight: 1, arbitrary: fc.constant({ type: wire.varint, bytes: varint(2n ** 80n) }) },
  );
}

function encode(type: ScalarType, value: bigint): Encoded {
  switch (type) {
    case ScalarType.DOUBLE:
      return float(Number(value), 64);
    case ScalarType.FLOAT:
      return float(Number(value), 32);
    case ScalarType.FIXED32:
    case ScalarType.SFIXED32:
      return fixed(value, 32);
    case ScalarType.FIXED64:
    case ScalarType.SFIXED64:
      return fixed(value, 64);
    case ScalarType.SINT32:
    case ScalarType.SINT64:
      return { type: wire.varint, bytes: varint(zigzag(value)) };
    default:
      return { type: wire.varint, bytes: varint(value) };
  }
}
