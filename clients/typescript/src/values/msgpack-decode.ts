import { depthMax, Extension, integerOf, type PlainValue, setMember } from "./plain.ts";
import { refuse } from "./refusal.ts";

/** Decodes one MessagePack value. Throws VALUE_MALFORMED when the bytes are not exactly one. */
export function decodeMsgpack(bytes: Uint8Array): PlainValue {
  const reader = new Reader(bytes);
  const value = reader.read(0);
  if (reader.offset !== bytes.length) refuse([], `bytes after the end of the value, at byte ${reader.offset}`);
  return value;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

class Reader {
  offset = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  read(depth: number): PlainValue {
    const byte = this.#view.getUint8(this.#take(1));
    if (byte < 0x80) return byte;
    if (byte < 0x90) return this.#map(byte & 0x0f, depth);
    if (byte < 0xa0) return this.#array(byte & 0x0f, depth);
    if (byte < 0xc0) return this.#text(byte & 0x1f);
    if (byte >= 0xe0) return byte - 0x100;
    if (byte === 0xc0) return null;
    if (byte === 0xc1) refuse([], `0xc1, which MessagePack never uses, at byte ${this.offset - 1}`);
    if (byte <= 0xc3) return byte === 0xc3;
    if (byte === 0xca) return this.#view.getFloat32(this.#take(4));
    if (byte === 0xcb) return this.#view.getFloat64(this.#take(8));
    if (byte >= 0xcc && byte <= 0xcf) return this.#unsigned(byte - 0xcc);
    if (byte >= 0xd0 && byte <= 0xd3) return this.#signed(byte - 0xd0);
    return this.#sized(byte, depth);
  }

  #unsigned(log2Width: number): number | bigint {
    if (log2Width < 3) return this.#length(log2Width);
    return integerOf(this.#view.getBigUint64(this.#take(8)));
  }

  #signed(log2Width: number): number | bigint {
    const at = this.#take(1 << log2Width);
    if (log2Width === 0) return this.#view.getInt8(at);
    if (log2Width === 1) return this.#view.getInt16(at);
    return log2Width === 2 ? this.#view.getInt32(at) : integerOf(this.#view.getBigInt64(at));
  }

  /** What says its length: bytes c4 to c6, extension c7 to c9 and d4 to d8, text d9 to db, array dc dd, map de df. */
  #sized(byte: number, depth: number): PlainValue {
    if (byte <= 0xc6) return this.#copy(this.#length(byte - 0xc4));
    if (byte <= 0xc9) return this.#extension(this.#length(byte - 0xc7));
    if (byte <= 0xd8) return this.#extension(1 << (byte - 0xd4));
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
    if (count > this.#bytes.length - at) refuse([], `MessagePack ends too early, at byte ${at}`);
    this.offset = at + count;
    return at;
  }

  #copy(length: number): Uint8Array {
    const at = this.#take(length);
    return new Uint8Array(this.#bytes.subarray(at, at + length));
  }

  #extension(length: number): Extension {
    const type = this.#view.getInt8(this.#take(1));
    return new Extension(type, this.#copy(length));
  }

  #text(length: number): string {
    const at = this.#take(length);
    try {
      return utf8.decode(this.#bytes.subarray(at, at + length));
    } catch {
      return refuse([], `text that is not UTF-8, at byte ${at}`);
    }
  }

  /** Every element takes a byte at least: a count that can't be true must not allocate. */
  #enter(count: number, depth: number): void {
    if (depth >= depthMax) refuse([], `nested deeper than ${depthMax}`);
    if (count > this.#bytes.length - this.offset) refuse([], `MessagePack ends too early, at byte ${this.offset}`);
  }

  #array(count: number, depth: number): PlainValue[] {
    this.#enter(count, depth);
    const array: PlainValue[] = [];
    for (let i = 0; i < count; i++) array.push(this.read(depth + 1));
    return array;
  }

  #map(count: number, depth: number): PlainValue {
    this.#enter(count, depth);
    const entries = new Map<PlainValue, PlainValue>();
    for (let i = 0; i < count; i++) entries.set(this.read(depth + 1), this.read(depth + 1));
    const object: { [key: string]: PlainValue } = {};
    for (const [key, value] of entries) {
      if (typeof key !== "string") return entries;
      setMember(object, key, value);
    }
    return object;
  }
}
