// Readers of slices of JSON: each gives what a field can hold, or undefined when the field could not give it back.
import { create } from "@bufbuild/protobuf";
import {
  type NameList,
  NameListSchema,
  TypedValueSchema,
  type Value,
  ValueSchema,
  type Version,
  type VersionMap,
  VersionMapSchema,
  VersionSchema,
} from "../gen/cairn/v1/value_pb.ts";
import { type JsonSlice, sliceArray, sliceObject } from "../values/json-slices.ts";
import { encodeUtf8 } from "../values/utf8.ts";
import { floatText } from "../values/value.ts";

export type Read<T> = (slice: JsonSlice) => T | undefined;

/** A map of any names: one called `__proto__` is like any other. */
export function mapOf<T>(entries: Iterable<[name: string, value: T]>): { [name: string]: T } {
  const map: { [name: string]: T } = Object.create(null);
  for (const [name, value] of entries) map[name] = value;
  return map;
}

/** Text that protobuf can hold. */
export const readText: Read<string> = (slice) => {
  if (!slice.startsWith('"')) return undefined;
  const text = JSON.parse(slice) as string;
  return text.isWellFormed() ? text : undefined;
};

function readInteger(min: bigint, max: bigint): Read<bigint> {
  return (slice) => {
    // Not −0, and nothing with a point or an exponent: those are floats, and would come back as something else.
    if (!/^(0|-?[1-9]\d{0,19})$/.test(slice)) return undefined;
    const value = BigInt(slice);
    return value >= min && value <= max ? value : undefined;
  };
}

export const readInt64 = readInteger(-(2n ** 63n), 2n ** 63n - 1n);
export const readUint64 = readInteger(0n, 2n ** 64n - 1n);

export const readUint32: Read<number> = (slice) => {
  const value = readInteger(0n, 2n ** 32n - 1n)(slice);
  return value === undefined ? undefined : Number(value);
};

export function readList<T>(read: Read<T>): Read<T[]> {
  return (slice) => allOf(sliceArray(slice), read);
}

/** A map from names that protobuf can hold. */
export function readMap<T>(read: Read<T>): Read<{ [name: string]: T }> {
  return (slice) => {
    const members = sliceObject(slice);
    if (members === undefined || ![...members.keys()].every((name) => name.isWellFormed())) return undefined;
    const values = allOf([...members.values()], read);
    return values && mapOf([...members.keys()].map((name, i) => [name, values[i] as T]));
  };
}

function allOf<T>(slices: JsonSlice[] | undefined, read: Read<T>): T[] | undefined {
  const values = slices?.map(read);
  return values?.every((value) => value !== undefined) ? (values as T[]) : undefined;
}

/** An object of exactly these members. */
export function readMembers<Name extends string>(...names: Name[]): Read<Record<Name, JsonSlice>> {
  return (slice) => {
    const members = sliceObject(slice);
    if (members?.size !== names.length || !names.every((name) => members.has(name))) return undefined;
    return Object.fromEntries(members) as Record<Name, JsonSlice>;
  };
}

/** A value as it stands in the document, byte for byte. */
export function jsonSliceValue(slice: JsonSlice): Value {
  const inline = create(TypedValueSchema, { type: "json", data: encodeUtf8(slice) });
  return create(ValueSchema, { source: { case: "inline", value: inline } });
}

export function sliceOfValue(value: Value | undefined): JsonSlice {
  if (value?.source.case !== "inline") throw new TypeError("the values of a checkpoint to be exported must be inline");
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(value.source.value.data);
}

/** A version in the type it has, if it would be written again as it stands there. */
export const readVersion: Read<Version> = (slice) => {
  const number = versionNumber(slice);
  const version = number && create(VersionSchema, { number });
  return version && sliceOfVersion(version) === slice ? version : undefined;
};

function versionNumber(slice: JsonSlice): Version["number"] | undefined {
  const text = readText(slice);
  if (text !== undefined) return { case: "stringValue", value: text };
  const [signed, unsigned] = [readInt64(slice), readUint64(slice)];
  if (signed !== undefined) return { case: "int64Value", value: signed };
  if (unsigned !== undefined) return { case: "uint64Value", value: unsigned };
  return /^-?\d/.test(slice) ? { case: "doubleValue", value: Number(slice) } : undefined;
}

export function sliceOfVersion({ number }: Version): JsonSlice {
  if (number.case === "stringValue") return JSON.stringify(number.value);
  return number.case === "doubleValue" ? floatText(number.value) : String(number.value);
}

/** Null and empty differ; absent is up to the document. */
export const readVersionMap: Read<VersionMap> = (slice) => {
  if (slice === "null") return create(VersionMapSchema, { isNull: true });
  const versions = readMap(readVersion)(slice);
  if (versions === undefined) return undefined;
  const map = create(VersionMapSchema);
  map.versions = versions;
  return map;
};

export function sliceOfVersionMap({ isNull, versions }: VersionMap): JsonSlice {
  return isNull ? "null" : sliceOfMap(versions, sliceOfVersion);
}

export const readNameList: Read<NameList> = (slice) => {
  if (slice === "null") return create(NameListSchema, { isNull: true });
  const names = readList(readText)(slice);
  return names && create(NameListSchema, { names });
};

export function sliceOfNameList({ isNull, names }: NameList): JsonSlice {
  return isNull ? "null" : sliceOfList(names, JSON.stringify);
}

export function sliceOfList<T>(values: readonly T[], write: (value: T) => JsonSlice): JsonSlice {
  return `[${values.map((value) => write(value)).join(",")}]`;
}

export function sliceOfMap<T>(map: { [name: string]: T }, write: (value: T) => JsonSlice): JsonSlice {
  return sliceOfMembers(Object.entries(map).map(([name, value]) => [name, write(value)]));
}

export function sliceOfMembers(members: Iterable<readonly [name: string, slice: JsonSlice]>): JsonSlice {
  return `{${[...members].map(([name, slice]) => `${JSON.stringify(name)}:${slice}`).join(",")}}`;
}
