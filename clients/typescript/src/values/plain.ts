/**
 * What JavaScript values stand for in a thread's state, in both directions:
 *
 * | in JavaScript              | in MessagePack and JSON                                                     |
 * |----------------------------|-----------------------------------------------------------------------------|
 * | `number`, a safe integer   | an integer                                                                  |
 * | `number`, any other        | a 64-bit float; NaN and infinities in MessagePack only; `-0` stays `-0`     |
 * | `bigint`                   | an integer: −2^63 to 2^64 − 1 in MessagePack, any in JSON                   |
 * | `Float`                    | a float although its value is whole; comes back as a `number`               |
 * | `string`, `boolean`, `null`| themselves                                                                  |
 * | array, plain object        | list and map; members that are `undefined` are left out                     |
 * | `Map`                      | a map; one with a key that is not text comes back as a `Map`. MessagePack   |
 * | `Uint8Array`               | bytes. MessagePack only                                                     |
 * | `Extension`                | a MessagePack extension, kept as it is                                      |
 *
 * Integers beyond ±(2^53 − 1) come back as `bigint`, all others as `number`. Objects of other classes (`Date`,
 * `Set`) are refused: convert them to one of the above.
 */
export type PlainValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Float
  | Extension
  | Uint8Array
  | PlainValue[]
  | Map<PlainValue, PlainValue>
  | { [key: string]: PlainValue | undefined };

/** Makes a whole number a float: `new Float(1)` is 1.0 to the graph, where `1` is an integer. CEL tells them apart. */
export class Float {
  /** The number. */
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** A MessagePack extension, kept as it is. */
export class Extension {
  /** −128 to 127. */
  readonly type: number;
  /** The extension's bytes. */
  readonly data: Uint8Array;

  constructor(type: number, data: Uint8Array) {
    this.type = type;
    this.data = data;
  }
}

/** Lists and maps may be nested this deep. */
export const depthMax = 512;

/** Whether a value is an object that is nothing but a map with text keys. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** Sets a member, also when its name is `__proto__`, which an assignment would take for something else. */
export function setMember(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name !== "__proto__") object[name] = value;
  else Object.defineProperty(object, name, { value, enumerable: true, configurable: true, writable: true });
}

/** An integer as JavaScript holds it best. */
export function integerOf(value: bigint): number | bigint {
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
}
