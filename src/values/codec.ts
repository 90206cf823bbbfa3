import { create } from "@bufbuild/protobuf";
import { CairnError } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { type TypedValue, TypedValueSchema } from "../gen/cairn/v1/value_pb.ts";
import { malformed } from "./fault.ts";
import { decodeJson } from "./json-decode.ts";
import { encodeJson } from "./json-encode.ts";
import { decodeMsgpack } from "./msgpack-decode.ts";
import { encodeMsgpack } from "./msgpack-encode.ts";
import type { Plain } from "./value.ts";

/** Decodes a value of the types "json", "msgpack", "null" and "bytes". Others are VALUE_MALFORMED, naming the type. */
export function decode({ type, data }: Pick<TypedValue, "type" | "data">): Plain {
  switch (type) {
    case "json":
      return decodeJson(data);
    case "msgpack":
      return decodeMsgpack(data);
    case "bytes":
      return data;
    case "null":
      if (data.length > 0) throw malformed("a value of type null has no bytes, yet one is there", 0);
      return null;
    default:
      throw new CairnError(
        ErrorReason.VALUE_MALFORMED,
        `values of type ${JSON.stringify(type)} can't be decoded here`,
        {
          metadata: { type },
        },
      );
  }
}

/** A value as the engine writes it. */
export function msgpackValue(value: Plain): TypedValue {
  return { $typeName: "cairn.v1.TypedValue", type: "msgpack", data: encodeMsgpack(value) };
}

/** A value as people and tools read it. */
export function jsonValue(value: Plain): TypedValue {
  return create(TypedValueSchema, { type: "json", data: encodeJson(value) });
}
