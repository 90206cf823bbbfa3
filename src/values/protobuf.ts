import { toJson } from "@bufbuild/protobuf";
import { type Value, ValueSchema } from "@bufbuild/protobuf/wkt";
import { emptyMap, type Plain } from "./value.ts";

/** A google.protobuf.Value as a decoded value. Its numbers are doubles; those that are whole are taken as whole numbers. */
export function fromJsonValue(value: Value): Plain {
  return fromJson(toJson(ValueSchema, value));
}

function fromJson(json: unknown): Plain {
  if (Array.isArray(json)) return json.map(fromJson);
  if (typeof json !== "object" || json === null) return json as Plain;
  const map = emptyMap();
  for (const [key, value] of Object.entries(json)) map[key] = fromJson(value);
  return map;
}
