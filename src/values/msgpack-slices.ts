import { malformed } from "./fault.ts";
import { valueDepthMax } from "./value.ts";

/**
 * The members of a MessagePack map whose keys are text, each as its bytes: what a framework's own extensions say stays as it
 * is. Undefined when the bytes are no such map. Throws VALUE_MALFORMED with the offset.
 */
export function sliceMsgpackMap(bytes: Uint8Array): Map<string, Uint8Array> | undefined {
  const slicer = new Slicer(bytes);
  const count = slicer.opensMap();
  if (count === undefined) return undefined;
  const members = new Map<string, Uint8Array>();
  for (let i = 0; i < count; i++) {
    const key = slicer.text();
    if (key === undefined) return undefined;
    members.set(key, slicer.value());
  }
  if (slicer.offset !== bytes.length) throw malformed("bytes after the end of the MessagePack value", slicer.offset);
  return members;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

class Slicer {
  offset = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  opensMap(): number | undefined {
    const byte = this.#byte();
    if (byte >= 0x80 && byte < 0x90) return byte & 0x0f;
    if (byte === 0xde) return this.#size(2);
    return byte === 0xdf ? this.#size(4) : undefined;
  }

  text(): string | undefined {
    const byte = this.#byte();
    const isText = (byte >= 0xa0 && byte < 0xc0) || (byte >= 0xd9 && byte <= 0xdb);
    if (!isText) return undefined;
    const length = byte < 0xc0 ? byte & 0x1f : this.#size(2 ** (byte - 0xd9));
    const at = this.#skip(length);
    return utf8.decode(this.#bytes.subarray(at, at + length));
  }

  /** The bytes of the next value. */
  value(): Uint8Array {
    const at = this.offset;
    this.#pass(0);
    return this.#bytes.subarray(at, this.offset);
  }

  #pass(depth: number): void {
    if (depth > valueDepthMax) throw malformed(`values deeper than ${valueDepthMax}`, this.offset);
    for (let inside = this.#passHead(); inside > 0; inside--) this.#pass(depth + 1);
  }

  /** Passes a value but for what it holds; gives how many values that are. */
  #passHead(): number {
    const byte = this.#byte();
    if (byte < 0x80 || byte >= 0xe0) return 0;
    if (byte < 0x90) return 2 * (byte & 0x0f);
    if (byte < 0xa0) return byte & 0x0f;
    if (byte < 0xc0) return this.#none(byte & 0x1f);
    if (byte <= 0xc3) return 0;
    if (byte <= 0xc6) return this.#none(this.#size(2 ** (byte - 0xc4)));
    if (byte <= 0xc9) return this.#none(this.#size(2 ** (byte - 0xc7)) + 1);
    if (byte <= 0xcb) return this.#none(byte === 0xca ? 4 : 8);
    if (byte <= 0xd3) return this.#none(2 ** ((byte - 0xcc) % 4));
    if (byte <= 0xd8) return this.#none(2 ** (byte - 0xd4) + 1);
    if (byte <= 0xdb) return this.#none(this.#size(2 ** (byte - 0xd9)));
    if (byte <= 0xdd) return this.#size(byte === 0xdc ? 2 : 4);
    return 2 * this.#size(byte === 0xde ? 2 : 4);
  }

  #none(bytes: number): 0 {
    this.#skip(bytes);
    return 0;
  }

  #byte(): number {
    return this.#bytes[this.#skip(1)] as number;
  }

  #size(bytes: number): number {
    const at = this.#skip(bytes);
    if (bytes === 1) return this.#view.getUint8(at);
    return bytes === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at);
  }

  #skip(bytes: number): number {
    const at = this.offset;
    if (at + bytes > this.#bytes.length) throw malformed("the end of the bytes", at);
    this.offset += bytes;
    return at;
  }
}
