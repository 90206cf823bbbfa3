import { create } from "@bufbuild/protobuf";
import { type TypedValue, TypedValueSchema, type Value, ValueSchema } from "../gen/cairn/v1/value_pb.ts";
import { decodeJson, encodeJson } from "./json.ts";
import { decodeMsgpack } from "./msgpack-decode.ts";
import { encodeMsgpack } from "./msgpack-encode.ts";
import type { PlainValue } from "./plain.ts";
import { refuse } from "./refusal.ts";

/** The encodings that `encode` writes. Cairn's engine computes in MessagePack, which also holds bytes and NaN. */
export type Encoding = "msgpack" | "json";

/** A value whose type only its framework knows (`pickle`, say): its bytes, as they are. */
export class OpaqueValue {
  /** The framework's name of the encoding. */
  readonly type: string;
  /** The encoded bytes. */
  readonly data: Uint8Array;

  constructor(type: string, data: Uint8Array) {
    this.type = type;
    this.data = data;
  }
}

/**
 * Encodes a value for the wire; `PlainValue` says what stands for what. An `OpaqueValue` keeps its type and bytes.
 * Throws a `CairnClientError` with reason VALUE_MALFORMED and the path of what can't be encoded.
 */
export function encode(value: unknown, encoding: Encoding = "msgpack"): TypedValue {
  return encodeAt([], value, encoding);
}

/** As `encode`, for a value that stands somewhere: its refusal names the place. */
export function encodeAt(path: readonly string[], value: unknown, encoding: Encoding = "msgpack"): TypedValue {
  if (value instanceof OpaqueValue) return create(TypedValueSchema, { type: value.type, data: value.data });
  const json = encoding === "json";
  const data = json ? new TextEncoder().encode(encodeJson(value, path)) : encodeMsgpack(value, path);
  return create(TypedValueSchema, { type: encoding, data });
}

/**
 * Decodes a value from the wire. Types other than json, msgpack, null and bytes come as an `OpaqueValue`.
 * Throws a `CairnClientError` with reason VALUE_MALFORMED when the bytes are not what the type says.
 */
export function decode(value: Pick<TypedValue, "type" | "data">): PlainValue | OpaqueValue {
  switch (value.type) {
    case "null":
      return null;
    case "msgpack":
      return decodeMsgpack(value.data);
    case "json":
      return decodeJson(utf8Text(value.data));
    case "bytes":
      return value.data;
    default:
      return new OpaqueValue(value.type, value.data);
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function utf8Text(data: Uint8Array): string {
  try {
    return utf8.decode(data);
  } catch {
    return refuse([], "JSON that is not UTF-8");
  }
}

/** Encodes every member of an object as an inline `Value`: the channels of an input or an update. */
export function encodeChannels(values: Record<string, unknown>, encoding?: Encoding): Record<string, Value> {
  const given = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(
    given.map(([name, value]) => [
      name,
      create(ValueSchema, { source: { case: "inline", value: encodeAt([name], value, encoding) } }),
    ]),
  );
}

/** Decodes every member of a map of values. */
export function decodeChannels(values: Record<string, TypedValue>): Record<string, PlainValue | OpaqueValue> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, decode(value)]));
}
