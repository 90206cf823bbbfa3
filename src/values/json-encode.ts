import { kindOf, Unencodable, under } from "./fault.ts";
import { encodeUtf8 } from "./utf8.ts";
import { Ext, Float, floatText, isPlainMap, type Plain, type PlainMap, valueDepthMax } from "./value.ts";

/**
 * Writes a value as JSON text. What JSON has no word for (NaN, infinities, bytes, extensions, maps with keys
 * that are not text) is VALUE_MALFORMED with its path. Floats keep a point, integers of any size their digits.
 */
export function jsonText(value: Plain): string {
  try {
    return write(value, 0);
  } catch (caught) {
    throw caught instanceof Unencodable ? caught.toCairnError() : caught;
  }
}

export function encodeJson(value: Plain): Uint8Array<ArrayBuffer> {
  return encodeUtf8(jsonText(value));
}

function write(value: Plain, depth: number): string {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      return numberText(value);
    case "bigint":
    case "boolean":
      return String(value);
    default:
      return value === null ? "null" : writeObject(value, depth);
  }
}

function numberText(value: number): string {
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? String(value) : finiteFloatText(value);
}

function finiteFloatText(value: number): string {
  if (!Number.isFinite(value)) throw new Unencodable(`JSON has no ${value}`);
  return floatText(value);
}

function writeObject(value: unknown, depth: number): string {
  if (value instanceof Float) return finiteFloatText(value.value);
  if (value instanceof Uint8Array) throw new Unencodable("JSON has no bytes");
  if (value instanceof Ext) throw new Unencodable("JSON has no MessagePack extensions");
  if (value instanceof Map) throw new Unencodable("JSON has no maps with keys that are not text");
  if (depth >= valueDepthMax) throw new Unencodable(`nested deeper than ${valueDepthMax}`);
  if (Array.isArray(value)) return writeArray(value, depth);
  if (isPlainMap(value)) return writeMap(value, depth);
  throw new Unencodable(`${kindOf(value)} can't be a value`);
}

function writeArray(array: Plain[], depth: number): string {
  let text = "[";
  let i = 0;
  try {
    for (; i < array.length; i++) text += (i === 0 ? "" : ",") + write(array[i] as Plain, depth + 1);
  } catch (caught) {
    throw under(caught, i);
  }
  return `${text}]`;
}

function writeMap(map: PlainMap, depth: number): string {
  let text = "";
  let key = "";
  try {
    for (key of Object.keys(map)) {
      const element = map[key];
      if (element === undefined) continue;
      text += `${text === "" ? "" : ","}${JSON.stringify(key)}:${write(element, depth + 1)}`;
    }
  } catch (caught) {
    throw under(caught, key);
  }
  return `{${text}}`;
}
