// Protobuf's wire format, written by hand: nothing on this side refuses or mends what is to be sent.

export type Bytes = Uint8Array<ArrayBuffer>;

export const wire = { varint: 0, fixed64: 1, delimited: 2, groupStart: 3, groupEnd: 4, fixed32: 5 } as const;

/** A value without its field's number. */
export interface Encoded {
  type: number;
  bytes: Bytes;
}

export const empty: Bytes = new Uint8Array();

export function concat(parts: readonly Uint8Array[]): Bytes {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Of negative numbers the two's complement in 64 bits; larger numbers take more bytes than protobuf allows. */
export function varint(value: bigint | number): Bytes {
  let rest = BigInt(value);
  if (rest < 0n) rest = BigInt.asUintN(64, rest);
  const bytes: number[] = [];
  do {
    const more = rest > 0x7fn;
    bytes.push(Number(rest & 0x7fn) | (more ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return new Uint8Array(bytes);
}

export function zigzag(value: bigint): bigint {
  return value < 0n ? -value * 2n - 1n : value * 2n;
}

/** One occurrence of a field. */
export function record(number: number, { type, bytes }: Encoded): Bytes {
  const tag = varint((number << 3) | type);
  return type === wire.delimited ? concat([tag, varint(bytes.length), bytes]) : concat([tag, bytes]);
}

export function delimited(bytes: Bytes): Encoded {
  return { type: wire.delimited, bytes };
}

export function text(given: string): Encoded {
  return delimited(new TextEncoder().encode(given));
}

export function fixed(value: bigint, bits: 32 | 64): Encoded {
  const view = new DataView(new ArrayBuffer(bits / 8));
  if (bits === 64) view.setBigUint64(0, BigInt.asUintN(64, value), true);
  else view.setUint32(0, Number(BigInt.asUintN(32, value)), true);
  return { type: bits === 64 ? wire.fixed64 : wire.fixed32, bytes: new Uint8Array(view.buffer) };
}

export function float(value: number, bits: 32 | 64): Encoded {
  const view = new DataView(new ArrayBuffer(bits / 8));
  if (bits === 64) view.setFloat64(0, value, true);
  else view.setFloat32(0, value, true);
  return { type: bits === 64 ? wire.fixed64 : wire.fixed32, bytes: new Uint8Array(view.buffer) };
}
