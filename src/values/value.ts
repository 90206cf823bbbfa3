/**
 * Decoded values. What a language's own decoder would blur is told apart:
 *
 * - `number`: a whole number within ±(2^53 − 1), or a float that is not whole (NaN and infinities included)
 * - `bigint`: a whole number beyond that. MessagePack holds −2^63 to 2^64 − 1, JSON any
 * - `Float`: a float whose value is whole (1.0, −0.0, 1e300), so that it is a float again when it is encoded
 * - `PlainMap`: a map with text keys, without a prototype, so that a key named `__proto__` is like any other.
 *   JavaScript moves keys that look like indices to the front; maps are equal whatever the order of their keys
 * - `Map`: a MessagePack map that has a key which is not text
 * - `Uint8Array`: bytes; `Ext`: a MessagePack extension, kept as it is
 *
 * `Float` and `Ext` do not survive a structured clone: send a worker thread encoded bytes.
 */
export type Plain =
  | null
  | boolean
  | number
  | bigint
  | string
  | Float
  | Ext
  | Uint8Array
  | Plain[]
  | PlainMap
  | Map<Plain, Plain>;

export interface PlainMap {
  [key: string]: Plain;
}

/** Arrays and maps may be nested this deep. */
export const valueDepthMax = 1024;

/** A float whose value is a whole number. Arithmetic and comparison see its value. */
export class Float {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }

  valueOf(): number {
    return this.value;
  }

  toString(): string {
    return floatText(this.value);
  }
}

/** A MessagePack extension. */
export class Ext {
  /** −128 to 127. */
  readonly type: number;
  readonly data: Uint8Array;

  constructor(type: number, data: Uint8Array) {
    this.type = type;
    this.data = data;
  }
}

/** How a decoded float is represented. */
export function floatOf(value: number): number | Float {
  return Number.isInteger(value) ? new Float(value) : value;
}

/** How a decoded whole number is represented. */
export function integerOf(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** A float as JSON text that reads as a float again: `1.0`, `-0.0`, `1e+300`. */
export function floatText(value: number): string {
  if (Object.is(value, -0)) return "-0.0";
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

export function emptyMap(): PlainMap {
  return Object.create(null) as PlainMap;
}

/** Whether a value is a map with text keys: an object that is nothing else. */
export function isPlainMap(value: unknown): value is PlainMap {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
