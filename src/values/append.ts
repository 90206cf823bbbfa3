import { malformed } from "./fault.ts";
import { arrayHead } from "./msgpack-encode.ts";

/**
 * Concatenates encoded MessagePack arrays without decoding an element, so that every element keeps its bytes.
 * Only the heads are looked at. Throws VALUE_MALFORMED when one is not an array.
 */
export function appendEncoded(...arrays: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const heads = arrays.map(readArrayHead);
  const head = arrayHead(heads.reduce((sum, { count }) => sum + count, 0));
  const bodies = arrays.map((bytes, i) => bytes.subarray(heads[i]?.headBytes));
  const result = new Uint8Array(bodies.reduce((sum, { length }) => sum + length, head.length));
  result.set(head);
  let at = head.length;
  for (const body of bodies) {
    result.set(body, at);
    at += body.length;
  }
  return result;
}

/** Wraps encoded MessagePack values as one encoded array. */
export function encodedArray(elements: Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat([arrayHead(elements.length), ...elements]));
}

/** Whether encoded MessagePack holds an array. */
export function isEncodedArray(bytes: Uint8Array): boolean {
  const first = bytes[0] ?? 0;
  return first >>> 4 === 0x9 || first === 0xdc || first === 0xdd;
}

function readArrayHead(bytes: Uint8Array): { count: number; headBytes: number } {
  const first = bytes[0];
  if (first === undefined) throw malformed("MessagePack ends too early", 0);
  if (first >>> 4 === 0x9) return { count: first & 0x0f, headBytes: 1 };
  if (first !== 0xdc && first !== 0xdd) throw malformed("expected a MessagePack array", 0);
  const headBytes = first === 0xdc ? 3 : 5;
  if (bytes.length < headBytes) throw malformed("MessagePack ends too early", bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { count: first === 0xdc ? view.getUint16(1) : view.getUint32(1), headBytes };
}
