import { malformed } from "./fault.ts";
import { Ext, emptyMap, floatOf, integerOf, type Plain, type PlainMap, valueDepthMax } from "./value.ts";

/** Decodes one MessagePack value without loss, see `Plain`. Throws VALUE_MALFORMED with the offset. */
export function decodeMsgpack(bytes: Uint8Array): Plain {
  const reader = new Reader(bytes);
  const value = reader.read(0);
  if (reader.offset !== bytes.length) throw malformed("bytes after the end of the MessagePack value", reader.offset);
  return value;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Shorter texts are decoded here when they are ASCII: a call of TextDecoder costs more than the loop. */
const shortTextBytes = 24;

class Reader {
  offset = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    // Not a Buffer: its `slice` would not copy, and what is decoded would be Buffers as well.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  read(depth: number): Plain {
    const at = this.#take(1);
    const byte = this.#bytes[at] as number;
    if (byte < 0x80) return byte;
    if (byte < 0x90) return this.#map(byte & 0x0f, depth);
    if (byte < 0xa0) return this.#array(byte & 0x0f, depth);
    if (byte < 0xc0) return this.#text(byte & 0x1f);
    if (byte >= 0xe0) return byte - 0x100;
    switch (byte) {
      case 0xc0:
        return null;
      case 0xc2:
        return false;
      case 0xc3:
        return true;
      case 0xca:
        return floatOf(this.#view.getFloat32(this.#take(4)));
      case 0xcb:
        return floatOf(this.#view.getFloat64(this.#take(8)));
      case 0xc1:
        throw malformed("0xc1, which MessagePack never uses,", at);
      default:
        return byte >= 0xcc && byte <= 0xd3 ? this.#integer(byte) : this.#sized(byte, depth);
    }
  }

  #integer(byte: number): number | bigint {
    switch (byte) {
      case 0xcc:
        return this.#view.getUint8(this.#take(1));
      case 0xcd:
        return this.#view.getUint16(this.#take(2));
      case 0xce:
        return this.#view.getUint32(this.#take(4));
      case 0xcf:
        return integerOf(this.#view.getBigUint64(this.#take(8)));
      case 0xd0:
        return this.#view.getInt8(this.#take(1));
      case 0xd1:
        return this.#view.getInt16(this.#take(2));
      case 0xd2:
        return this.#view.getInt32(this.#take(4));
      default:
        return integerOf(this.#view.getBigInt64(this.#take(8)));
    }
  }

  /** What says its length: bytes c4 to c6, ext c7 to c9, fixext d4 to d8, text d9 to db, array dc dd, map de df. */
  #sized(byte: number, depth: number): Plain {
    if (byte <= 0xc6) return this.#copy(this.#length(byte - 0xc4));
    if (byte <= 0xc9) return this.#ext(this.#length(byte - 0xc7));
    if (byte <= 0xd8) return this.#ext(1 << (byte - 0xd4));
    if (byte <= 0xdb) return this.#text(this.#length(byte - 0xd9));
    if (byte <= 0xdd) return this.#array(this.#length(byte - 0xdc + 1), depth);
    return this.#map(this.#length(byte - 0xde + 1), depth);
  }

  /** A length of 1, 2 or 4 bytes. */
  #length(log2Width: number): number {
    const at = this.#take(1 << log2Width);
    if (log2Width === 0) return this.#view.getUint8(at);
    return log2Width === 1 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #take(count: number): number {
    const at = this.offset;
    if (count > this.#bytes.length - at) throw malformed("MessagePack ends too early", at);
    this.offset = at + count;
    return at;
  }

  #copy(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.slice(at, at + length);
  }

  #ext(length: number): Ext {
    const type = this.#view.getInt8(this.#take(1));
    return new Ext(type, this.#copy(length));
  }

  #text(length: number): string {
    const at = this.#take(length);
    if (length < shortTextBytes) {
      let text = "";
      let i = at;
      for (; i < this.offset; i++) {
        const byte = this.#bytes[i] as number;
        if (byte >= 0x80) break;
        text += String.fromCharCode(byte);
      }
      if (i === this.offset) return text;
    }
    try {
      return utf8.decode(this.#bytes.subarray(at, this.offset));
    } catch {
      throw malformed("text that is not UTF-8", at);
    }
  }

  /** Every element takes at least a byte: a count that can't be true must not allocate. */
  #enter(count: number, bytesEach: number, depth: number): void {
    if (depth >= valueDepthMax) throw malformed(`nested deeper than ${valueDepthMax}`, this.offset);
    if (count * bytesEach > this.#bytes.length - this.offset) {
      throw malformed("MessagePack ends too early", this.offset);
    }
  }

  #array(count: number, depth: number): Plain[] {
    this.#enter(count, 1, depth);
    const array: Plain[] = [];
    for (let i = 0; i < count; i++) array.push(this.read(depth + 1));
    return array;
  }

  #map(count: number, depth: number): PlainMap | Map<Plain, Plain> {
    this.#enter(count, 2, depth);
    const map = emptyMap();
    for (let i = 0; i < count; i++) {
      const key = this.read(depth + 1);
      if (typeof key !== "string") return this.#mixedMap(map, key, count - i, depth);
      map[key] = this.read(depth + 1);
    }
    return map;
  }

  #mixedMap(begun: PlainMap, firstKey: Plain, left: number, depth: number): Map<Plain, Plain> {
    const map = new Map<Plain, Plain>(Object.entries(begun));
    map.set(firstKey, this.read(depth + 1));
    for (let i = 1; i < left; i++) {
      const key = this.read(depth + 1);
      map.set(key, this.read(depth + 1));
    }
    return map;
  }
}
