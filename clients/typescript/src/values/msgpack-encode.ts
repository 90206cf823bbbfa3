// Written by hand because @msgpack/msgpack loses −0.0 and turns integers of more than 32 bits into floats.
import { depthMax, Extension, Float, isPlainObject } from "./plain.ts";
import { kindOf, refuse } from "./refusal.ts";

/** Encodes a value as MessagePack in its shortest form. Throws VALUE_MALFORMED with the path of what can't be. */
export function encodeMsgpack(value: unknown, path: readonly (string | number)[] = []): Uint8Array {
  const writer = new Writer(path);
  writer.write(value);
  return writer.finish();
}

const int64Min = -(2n ** 63n);
const uint64Max = 2n ** 64n - 1n;

class Writer {
  #bytes = Buffer.allocUnsafe(256);
  #length = 0;
  readonly #path: (string | number)[];

  constructor(path: readonly (string | number)[]) {
    this.#path = [...path];
  }

  finish(): Uint8Array {
    return new Uint8Array(this.#bytes.subarray(0, this.#length));
  }

  write(value: unknown): void {
    if (value === null) this.#byte(0xc0);
    else if (typeof value === "boolean") this.#byte(value ? 0xc3 : 0xc2);
    else if (typeof value === "string") this.#text(value);
    else if (typeof value === "bigint") this.#integer(value);
    else if (typeof value !== "number") this.#object(value);
    else if (Number.isSafeInteger(value) && !Object.is(value, -0)) this.#integer(value);
    else this.#float(value);
  }

  #object(value: unknown): void {
    if (value instanceof Float) this.#float(value.value);
    else if (value instanceof Uint8Array) this.#binary(value);
    else if (value instanceof Extension) this.#extension(value);
    else this.#container(value);
  }

  #container(value: unknown): void {
    if (this.#path.length >= depthMax) refuse(this.#path, `nested deeper than ${depthMax}`);
    if (Array.isArray(value)) {
      this.#head(value.length, 0x90, 16, undefined, 0xdc);
      for (let i = 0; i < value.length; i++) this.#inside(i, value[i]);
    } else if (value instanceof Map) {
      this.#head(value.size, 0x80, 16, undefined, 0xde);
      for (const [key, element] of value) {
        this.write(key);
        this.#inside(typeof key === "string" || typeof key === "number" ? key : String(key), element);
      }
    } else if (isPlainObject(value)) {
      const keys = Object.keys(value).filter((key) => value[key] !== undefined);
      this.#head(keys.length, 0x80, 16, undefined, 0xde);
      for (const key of keys) {
        this.#text(key);
        this.#inside(key, value[key]);
      }
    } else refuse(this.#path, `${kindOf(value)} is not a value`);
  }

  #inside(key: string | number, value: unknown): void {
    this.#path.push(key);
    this.write(value);
    this.#path.pop();
  }

  /** The head of something counted: in one byte below `fixMax`, else with one, two or four bytes of length. */
  #head(count: number, fix: number, fixMax: number, wide8: number | undefined, wide16: number): void {
    if (count < fixMax) this.#byte(fix | count);
    else if (wide8 !== undefined && count <= 0xff) this.#number(wide8, 1, BigInt(count));
    else if (count <= 0xffff) this.#number(wide16, 2, BigInt(count));
    else this.#number(wide16 + 1, 4, BigInt(count));
  }

  #text(text: string): void {
    // UTF-8 has no place for half a surrogate pair; it would silently become U+FFFD.
    if (!text.isWellFormed()) refuse(this.#path, "text with half of a surrogate pair");
    const length = Buffer.byteLength(text);
    this.#head(length, 0xa0, 32, 0xd9, 0xda);
    const at = this.#grow(length);
    this.#bytes.write(text, at, "utf8");
  }

  #binary(data: Uint8Array): void {
    this.#head(data.length, 0, 0, 0xc4, 0xc5);
    const at = this.#grow(data.length);
    this.#bytes.set(data, at);
  }

  #extension({ type, data }: Extension): void {
    const fixed = [1, 2, 4, 8, 16].indexOf(data.length);
    if (fixed >= 0) this.#byte(0xd4 + fixed);
    else this.#head(data.length, 0, 0, 0xc7, 0xc8);
    this.#byte(type & 0xff);
    const at = this.#grow(data.length);
    this.#bytes.set(data, at);
  }

  #integer(value: number | bigint): void {
    if (value >= -0x20 && value < 0x80) {
      this.#byte(Number(value) & 0xff);
      return;
    }
    const big = BigInt(value);
    if (big < int64Min || big > uint64Max) refuse(this.#path, "an integer of more than 64 bits");
    const negative = big < 0n;
    // A signed integer of n bits holds what, shifted up by half its range, fits in n bits.
    const magnitude = negative ? ~big << 1n : big;
    const log2Width = magnitude <= 0xffn ? 0 : magnitude <= 0xffffn ? 1 : magnitude <= 0xffffffffn ? 2 : 3;
    this.#number((negative ? 0xd0 : 0xcc) + log2Width, 1 << log2Width, big);
  }

  #number(head: number, width: number, value: bigint): void {
    this.#byte(head);
    const at = this.#grow(width);
    const wide = BigInt.asUintN(width * 8, value);
    if (width === 8) this.#bytes.writeBigUInt64BE(wide, at);
    else this.#bytes.writeUIntBE(Number(wide), at, width);
  }

  #float(value: number): void {
    this.#byte(0xcb);
    const at = this.#grow(8);
    this.#bytes.writeDoubleBE(value, at);
  }

  #byte(byte: number): void {
    const at = this.#grow(1);
    this.#bytes[at] = byte;
  }

  /** Makes room and returns where it begins. May replace the buffer: call it before the buffer is named. */
  #grow(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.#length, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }
}
