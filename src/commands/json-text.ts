// JSON in and out of the command, without loss: digits of any number, floats, bytes, maps, extensions.
import { encodeJson } from "../../clients/typescript/src/values/json.ts";
import { Extension, Float, isPlainObject, setMember } from "../../clients/typescript/src/values/plain.ts";
import { UsageError } from "./usage-error.ts";

/** The tags that stand for what JSON lacks. `$object` wraps an object that would be taken for one of them. */
const tags = new Set(["$bytes", "$float", "$map", "$ext", "$opaque", "$ref", "$object"]);

/** A value as JSON text: compact, or indented for people. */
export function jsonText(value: unknown, indent?: number): string {
  const text = encodeJson(tagged(value));
  if (indent === undefined) return text;
  // Indenting must not round the numbers it passes: they go through as they are written.
  const raw = JSON as unknown as { rawJSON(text: string): unknown };
  const revive = (_key: string, parsed: unknown, context?: { source?: string }) =>
    typeof parsed === "number" && context?.source !== undefined ? raw.rawJSON(context.source) : parsed;
  return JSON.stringify(JSON.parse(text, revive as (key: string, value: unknown) => unknown), undefined, indent);
}

function tagged(value: unknown): unknown {
  if (typeof value === "number" && !Number.isFinite(value)) return { $float: String(value) };
  if (typeof value !== "object" || value === null || value instanceof Float) return value;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return { $bytes: base64(value) };
  if (value instanceof Extension) return { $ext: [value.type, base64(value.data)] };
  if (value instanceof Map) return { $map: Array.from(value, ([key, element]) => [tagged(key), tagged(element)]) };
  if (Array.isArray(value)) return value.map(tagged);
  if (isPlainObject(value)) {
    const object = mapped(value, tagged);
    return isTagged(value) ? { $object: object } : object;
  }
  if ("ref" in value) return { $ref: value.ref };
  const { type, data } = value as { type: string; data: Uint8Array };
  return { $opaque: [type, base64(data)] };
}

/** Reads a JSON argument. `what` names it in the error: `--input`. */
export function parseJson(text: string, what: string): unknown {
  const revive = (_key: string, value: unknown, context?: { source?: string }) => {
    if (typeof value !== "number" || context?.source === undefined) return value;
    if (/^-?\d+$/.test(context.source)) return Number.isSafeInteger(value) ? value : BigInt(context.source);
    return Number.isInteger(value) ? new Float(value) : value;
  };
  try {
    return untagged(JSON.parse(text, revive as (key: string, value: unknown) => unknown));
  } catch (error) {
    const why = error instanceof Error ? error.message : error;
    // The likeliest mistake by far is a text without its quotes.
    const hint = /^[^\s"'[\]{}]+$/.test(text) ? `; a text needs quotes of its own: '"${text}"'` : "";
    throw new UsageError(`${what} is not JSON: ${why}${hint}`);
  }
}

function untagged(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(untagged);
  if (!isPlainObject(value)) return value;
  if (!isTagged(value)) return mapped(value, untagged);
  const [[tag, content] = ["", undefined]] = Object.entries(value);
  if (tag === "$object" && isPlainObject(content)) return mapped(content, untagged);
  if (tag === "$bytes" && typeof content === "string") return bytes(content);
  if (tag === "$float") return Number(content);
  if (tag === "$map" && Array.isArray(content)) {
    return new Map(content.map((entry) => [untagged(entry?.[0]), untagged(entry?.[1])]));
  }
  if (tag === "$ext" && Array.isArray(content)) return new Extension(Number(content[0]), bytes(String(content[1])));
  throw new Error(`{"${tag}": …} can't be read back`);
}

function isTagged(object: Record<string, unknown>): boolean {
  const [key, ...more] = Object.keys(object);
  return more.length === 0 && key !== undefined && tags.has(key);
}

function mapped(object: Record<string, unknown>, change: (value: unknown) => unknown): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(object)) setMember(result, key, change(value));
  return result;
}

function base64(data: Uint8Array): string {
  return Buffer.from(data).toString("base64");
}

function bytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64"));
}
