import { crc32 } from "node:zlib";
import { create } from "@bufbuild/protobuf";
import { CairnError, invalidField } from "../errors.ts";
import { PartsSchema, type StoredValue, StoredValueSchema } from "../gen/cairn/store/v1/record_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { type TypedValue, type Value, ValueSchema } from "../gen/cairn/v1/value_pb.ts";
import { limits } from "../limits.ts";
import type { Environment } from "../system/environment.ts";
import { uuid4 } from "../system/uuid.ts";
import type { Log, ThreadKey } from "./log.ts";
import { parseRef, valueRef } from "./value-ref.ts";
import type { Place } from "./values-of.ts";

/** Gives every inline value of a draft its reference and its place in the record that is being made. */
export class ValueWriter {
  /** What goes into the record's `values`. */
  readonly stored: StoredValue[] = [];
  /** References to earlier records, as callers gave them. */
  readonly foreignRefs = new Set<string>();
  readonly #n: number;
  /** By object: the same value given in several places is stored once. */
  readonly #indexes = new Map<TypedValue, number>();

  constructor(n: number) {
    this.#n = n;
  }

  /** Replaces an inline value by its reference. Throws VALUE_TOO_LARGE, NOT_IMPLEMENTED, VALUE_NOT_FOUND. */
  readonly place = (value: Value, place: Place): Value => {
    const { source } = value;
    switch (source.case) {
      case "inline":
        return create(ValueSchema, { source: { case: "ref", value: this.#inline(source.value, place) } });
      case "ref":
        parseRef(source.value);
        this.foreignRefs.add(source.value);
        return value;
      case "splice":
        throw new CairnError(ErrorReason.NOT_IMPLEMENTED, `${place.path}: splices are not built yet`, {
          metadata: { field: place.path },
        });
      default:
        throw invalidField(place.path, "has no value");
    }
  };

  #inline(value: TypedValue, { path, channel }: Place): string {
    let index = this.#indexes.get(value);
    if (index === undefined) {
      const { type, data } = value;
      if (data.length > limits.valueBytesMax) throw tooLarge(path, channel, data.length);
      index = this.stored.length;
      this.#indexes.set(value, index);
      const storage = { case: "inline" as const, value: data };
      this.stored.push(
        create(StoredValueSchema, { type, crc32: crc32(data), sizeBytes: BigInt(data.length), storage }),
      );
    }
    return valueRef(this.#n, index);
  }
}

/** While the values take less than this, what else is in the record has room enough, and need not be measured. */
const UNMEASURED_BYTES_MAX = limits.recordBytesMax / 2;

/**
 * Writes the values that are too large to ride in a record ahead of it: those over the inline limit, and then
 * the largest ones until `otherBytes` and the rest fit into one record.
 */
export async function writeLargeValues(
  log: Log,
  environment: Environment,
  key: ThreadKey,
  values: StoredValue[],
  otherBytes: () => number,
): Promise<void> {
  let recordBytes = values.reduce((sum, { sizeBytes }) => sum + Number(sizeBytes), 0);
  if (recordBytes > UNMEASURED_BYTES_MAX) recordBytes += otherBytes();
  const writes: Promise<void>[] = [];
  for (const value of values.toSorted((left, right) => Number(right.sizeBytes - left.sizeBytes))) {
    const { storage } = value;
    if (storage.case !== "inline") continue;
    const size = storage.value.length;
    if (size <= limits.inlineValueBytesMax && recordBytes <= limits.recordBytesMax) break;
    // Too small to gain anything: its place holder would be as long.
    if (size <= PLACE_HOLDER_BYTES) break;
    // A fresh upload each time: parts are never written over, so an attempt that failed can't harm this one.
    const upload = uuid4(environment);
    const parts = splitIntoParts(storage.value);
    value.storage = { case: "parts", value: create(PartsSchema, { upload, count: parts.length }) };
    recordBytes -= size - PLACE_HOLDER_BYTES;
    writes.push(log.putParts(key, upload, parts));
  }
  await Promise.all(writes);
}

/** About what a Parts message takes. */
const PLACE_HOLDER_BYTES = 64;

function splitIntoParts(data: Uint8Array): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let start = 0; start < data.length; start += limits.valuePartBytes) {
    parts.push(data.subarray(start, start + limits.valuePartBytes));
  }
  return parts;
}

function tooLarge(path: string, channel: string, size: number): CairnError {
  const limit = limits.valueBytesMax;
  return new CairnError(ErrorReason.VALUE_TOO_LARGE, `${path}: the value has ${size} bytes, the limit is ${limit}`, {
    metadata: { channel, size_bytes: `${size}`, limit_bytes: `${limit}` },
    violations: [{ field: path, description: `at most ${limit} bytes` }],
  });
}
