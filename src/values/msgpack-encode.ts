import { kindOf, Unencodable, under } from "./fault.ts";
import { Ext, Float, isPlainMap, type Plain, type PlainMap, valueDepthMax } from "./value.ts";

/**
 * Encodes a value as MessagePack in the shortest form. A number that is a safe integer becomes an integer, any
 * other a 64-bit float. A map's members that are `undefined` are left out, as JSON.stringify does; `undefined`
 * anywhere else, and objects of classes, are VALUE_MALFORMED with the path.
 */
export function encodeMsgpack(value: Plain): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  try {
    writer.write(value, 0);
  } catch (caught) {
    throw caught instanceof Unencodable ? caught.toCairnError() : caught;
  }
  return writer.finish();
}

/** The head of an array of so many elements. */
export function arrayHead(count: number): Uint8Array {
  const writer = new Writer();
  writer.head(count, 0x90, 16, 0xdc);
  return writer.finish();
}

/** Where values are encoded, one at a time, before they are copied out. One that grew beyond it had a buffer of its own. */
const scratch = Buffer.allocUnsafeSlow(16 * 1024);

class Writer {
  #bytes = scratch;
  #length = 0;

  finish(): Uint8Array<ArrayBuffer> {
    // Small ones come out of the heap itself this way, which takes a fraction of a buffer's time.
    if (this.#length <= 64) return new Uint8Array(this.#bytes.subarray(0, this.#length));
    return new Uint8Array(this.#bytes.buffer.slice(0, this.#length) as ArrayBuffer);
  }

  write(value: Plain, depth: number): void {
    if (typeof value === "string") this.#text(value);
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "bigint") this.#bigint(value);
    else if (typeof value === "boolean") this.#byte(value ? 0xc3 : 0xc2);
    else if (value === null) this.#byte(0xc0);
    else if (value instanceof Float) this.#float(value.value);
    else if (value instanceof Uint8Array) this.#binary(value);
    else if (value instanceof Ext) this.#ext(value);
    else this.#container(value, depth);
  }

  #container(value: unknown, depth: number): void {
    if (depth >= valueDepthMax) throw new Unencodable(`nested deeper than ${valueDepthMax}`);
    if (Array.isArray(value)) this.#array(value, depth);
    else if (value instanceof Map) this.#map(value as Map<Plain, Plain>, depth);
    else if (isPlainMap(value)) this.#plainMap(value, depth);
    else throw new Unencodable(`${kindOf(value)} can't be a value`);
  }

  #array(array: Plain[], depth: number): void {
    this.head(array.length, 0x90, 16, 0xdc);
    let i = 0;
    try {
      for (; i < array.length; i++) this.write(array[i] as Plain, depth + 1);
    } catch (caught) {
      throw under(caught, i);
    }
  }

  #plainMap(map: PlainMap, depth: number): void {
    const keys = Object.keys(map).filter((name) => map[name] !== undefined);
    this.head(keys.length, 0x80, 16, 0xde);
    let key = "";
    try {
      for (key of keys) {
        this.#text(key);
        this.write(map[key] as Plain, depth + 1);
      }
    } catch (caught) {
      throw under(caught, key);
    }
  }

  #map(map: Map<Plain, Plain>, depth: number): void {
    this.head(map.size, 0x80, 16, 0xde);
    let key: Plain = null;
    let element: Plain = null;
    try {
      for ([key, element] of map) {
        this.write(key, depth + 1);
        this.write(element, depth + 1);
      }
    } catch (caught) {
      throw under(caught, key);
    }
  }

  /** The head of something counted: in one byte below `fixMax`, else with two or four bytes of length. */
  head(count: number, fix: number, fixMax: number, wide16: number): void {
    if (count < fixMax) this.#byte(fix | count);
    else this.#wide(count, wide16);
  }

  #wide(count: number, wide16: number): void {
    if (count <= 0xffff) {
      this.#byte(wide16);
      const at = this.#grow(2);
      this.#bytes.writeUInt16BE(count, at);
    } else {
      if (count > 0xffffffff) throw new Unencodable("longer than MessagePack can say");
      this.#byte(wide16 + 1);
      const at = this.#grow(4);
      this.#bytes.writeUInt32BE(count, at);
    }
  }

  #text(text: string): void {
    // UTF-8 has no lone surrogates: writing one would turn it into U+FFFD.
    if (!text.isWellFormed()) throw new Unencodable("text with half of a surrogate pair");
    const length = Buffer.byteLength(text);
    if (length < 32) this.#byte(0xa0 | length);
    else if (length <= 0xff) this.#short(0xd9, length);
    else this.#wide(length, 0xda);
    const at = this.#grow(length);
    this.#bytes.write(text, at, "utf8");
  }

  #binary(data: Uint8Array): void {
    if (data.length <= 0xff) this.#short(0xc4, data.length);
    else this.#wide(data.length, 0xc5);
    const at = this.#grow(data.length);
    this.#bytes.set(data, at);
  }

  #ext({ type, data }: Ext): void {
    const fixed = [1, 2, 4, 8, 16].indexOf(data.length);
    if (fixed >= 0) this.#byte(0xd4 + fixed);
    else if (data.length <= 0xff) this.#short(0xc7, data.length);
    else this.#wide(data.length, 0xc8);
    const at = this.#grow(1 + data.length);
    this.#bytes.writeInt8(type, at);
    this.#bytes.set(data, at + 1);
  }

  #number(value: number): void {
    if (Number.isSafeInteger(value) && !Object.is(value, -0)) this.#integer(value);
    else this.#float(value);
  }

  #integer(value: number): void {
    if (value >= 0) {
      if (value < 0x80) this.#byte(value);
      else if (value <= 0xff) this.#short(0xcc, value);
      else if (value <= 0xffffffff) this.#wide(value, 0xcd);
      else this.#integer64(BigInt(value));
    } else if (value >= -0x20) this.#byte(value & 0xff);
    else if (value >= -0x80) this.#short(0xd0, value & 0xff);
    else if (value >= -0x8000) {
      this.#byte(0xd1);
      const at = this.#grow(2);
      this.#bytes.writeInt16BE(value, at);
    } else if (value >= -0x80000000) {
      this.#byte(0xd2);
      const at = this.#grow(4);
      this.#bytes.writeInt32BE(value, at);
    } else this.#integer64(BigInt(value));
  }

  #bigint(value: bigint): void {
    if (value >= -0x8000_0000n && value <= 0xffff_ffffn) this.#integer(Number(value));
    else this.#integer64(value);
  }

  #integer64(value: bigint): void {
    if (value > 0xffff_ffff_ffff_ffffn || value < -0x8000_0000_0000_0000n) {
      throw new Unencodable("an integer of more than 64 bits");
    }
    this.#byte(value >= 0n ? 0xcf : 0xd3);
    const at = this.#grow(8);
    if (value >= 0n) this.#bytes.writeBigUInt64BE(value, at);
    else this.#bytes.writeBigInt64BE(value, at);
  }

  #float(value: number): void {
    this.#byte(0xcb);
    const at = this.#grow(8);
    this.#bytes.writeDoubleBE(value, at);
  }

  #short(byte: number, length: number): void {
    this.#byte(byte);
    this.#byte(length);
  }

  #byte(byte: number): void {
    const at = this.#grow(1);
    this.#bytes[at] = byte;
  }

  /** Makes room and returns where it begins. It may replace the buffer, so it is called before the buffer is named. */
  #grow(count: number): number {
    const at = this.#length;
    this.#length = at + count;
    if (this.#length > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(this.#length, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, at);
      this.#bytes = larger;
    }
    return at;
  }
}
