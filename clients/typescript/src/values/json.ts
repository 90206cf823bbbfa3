import { depthMax, Float, integerOf, isPlainObject, type PlainValue } from "./plain.ts";
import { kindOf, refuse } from "./refusal.ts";

/** What V8 has had since Node 22 and TypeScript's library does not declare yet. */
const exact = JSON as unknown as {
  parse(text: string, revive: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): unknown;
};

/**
 * Encodes a value as JSON text. Integers of any size are written in digits, −0 as `-0.0`, a `Float` as `1.0`.
 * Throws VALUE_MALFORMED with the path of what JSON can't hold: NaN, infinities, bytes, `Map`, `undefined`, classes.
 */
export function encodeJson(value: unknown, path: readonly (string | number)[] = []): string {
  return JSON.stringify(jsonOf(value, [...path]));
}

function jsonOf(value: unknown, path: (string | number)[]): unknown {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "bigint") return exact.rawJSON(value.toString());
  if (typeof value === "number") return isInteger(value) ? value : exact.rawJSON(floatText(finite(value, path)));
  if (value instanceof Float) return exact.rawJSON(floatText(finite(value.value, path)));
  if (typeof value === "string") {
    if (!value.isWellFormed()) refuse(path, "text with half of a surrogate pair");
    return value;
  }
  if (path.length >= depthMax) refuse(path, `nested deeper than ${depthMax}`);
  if (Array.isArray(value)) return Array.from(value, (element, i) => jsonOf(element, [...path, i]));
  if (value instanceof Uint8Array) refuse(path, "JSON has no bytes: use MessagePack");
  if (!isPlainObject(value)) refuse(path, `${kindOf(value)} is not a JSON value`);
  // Without a prototype, so that a member named __proto__ or toJSON is like any other.
  const object: Record<string, unknown> = Object.create(null);
  for (const [key, element] of Object.entries(value)) {
    if (typeof key === "string" && !key.isWellFormed()) refuse([...path, key], "a name with half of a surrogate pair");
    if (element !== undefined) object[key] = jsonOf(element, [...path, key]);
  }
  return object;
}

/** What goes out as an integer: a larger number is a float that happens to be whole. */
function isInteger(value: number): boolean {
  return Number.isSafeInteger(value) && !Object.is(value, -0);
}

function finite(value: number, path: (string | number)[]): number {
  if (!Number.isFinite(value)) refuse(path, `JSON has no ${value}: use MessagePack`);
  return value;
}

function floatText(value: number): string {
  if (Object.is(value, -0)) return "-0.0";
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** Decodes JSON text. Integers that a `number` would round come as `bigint`. Throws VALUE_MALFORMED. */
export function decodeJson(text: string): PlainValue {
  try {
    return exact.parse(text, (_key, value, { source }) => {
      if (typeof value !== "number" || source === undefined || Number.isSafeInteger(value)) return value;
      return /^-?\d+$/.test(source) ? integerOf(BigInt(source)) : value;
    }) as PlainValue;
  } catch (error) {
    return refuse([], `not JSON: ${error instanceof Error ? error.message : error}`);
  }
}
