import { create } from "@bufbuild/protobuf";
import { Code } from "../code.ts";
import { CairnClientError } from "../error.ts";
import { type Version, type VersionMap, VersionMapSchema, VersionSchema } from "../gen/cairn/v1/value_pb.ts";

/** Whole numbers, as LangGraph.js counts; strings where LangGraph Python counted before. */
export type ChannelVersion = string | number;

/** Digits of the two parts of a version that LangGraph Python counts with: `f"{n:032}.{random:016}"`. */
const COUNT_DIGITS = 32;
const FRACTION_DIGITS = 16;

/** The version after `current`, in the form it has: a number, or LangGraph Python's text. */
export function versionAfter(current: ChannelVersion | undefined, random: () => number): ChannelVersion {
  if (current === undefined) return 1;
  if (typeof current === "number") return Math.floor(current) + 1;
  const count = /^\d+/.exec(current)?.[0];
  if (count === undefined) throw unreadable(current);
  const fraction = Math.floor(random() * 10 ** FRACTION_DIGITS);
  return `${String(BigInt(count) + 1n).padStart(COUNT_DIGITS, "0")}.${String(fraction).padStart(FRACTION_DIGITS, "0")}`;
}

export function toVersionMap(versions: Record<string, ChannelVersion>): VersionMap {
  const entries = Object.entries(versions).map(([channel, version]) => [channel, toVersion(version)] as const);
  return create(VersionMapSchema, { versions: Object.fromEntries(entries) });
}

export function fromVersionMap({ versions }: VersionMap): Record<string, ChannelVersion> {
  return Object.fromEntries(Object.entries(versions).map(([channel, version]) => [channel, fromVersion(version)]));
}

function toVersion(version: ChannelVersion): Version {
  if (typeof version === "string") return create(VersionSchema, { number: { case: "stringValue", value: version } });
  if (!Number.isSafeInteger(version)) return create(VersionSchema, { number: { case: "doubleValue", value: version } });
  return create(VersionSchema, { number: { case: "int64Value", value: BigInt(version) } });
}

function fromVersion({ number: { case: type, value } }: Version): ChannelVersion {
  if (type === "stringValue" || type === "doubleValue") return value;
  const number = Number(value ?? 0n);
  // Beyond, the next version would be the same number.
  if (!Number.isSafeInteger(number)) throw unreadable(value);
  return number;
}

function unreadable(version: unknown): CairnClientError {
  const message = `LangGraph.js can't count on from the channel version ${version}`;
  return new CairnClientError({ code: Code.FailedPrecondition, message, metadata: { version: String(version) } });
}
