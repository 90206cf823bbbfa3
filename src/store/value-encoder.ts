import { status as GrpcStatus } from "@grpc/grpc-js";
import { CairnError } from "../errors.ts";
import type { StoredValue } from "../gen/cairn/store/v1/record_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { Splice, TypedValue } from "../gen/cairn/v1/value_pb.ts";
import { limits } from "../limits.ts";
import type { ThreadKey } from "./log.ts";
import { checksumOf } from "./patches/checksum.ts";
import { compressed } from "./patches/compression.ts";
import { patchOf } from "./patches/patch.ts";
import { Rope } from "./patches/rope.ts";
import { following } from "./patches/succession.ts";
import type { ThreadTail } from "./store.ts";
import { LINE_VALUE_BYTES_MIN } from "./value-cache.ts";
import { type Lines, lastOf } from "./value-lines.ts";
import { valueRef } from "./value-ref.ts";
import { type ValueSources, ValueTable } from "./value-table.ts";
import type { NewValue } from "./value-writer.ts";
import type { Place } from "./values-of.ts";

/** Decides how the new values of the record that follows `thread` are kept: as patches of earlier ones where that pays. */
export class ValueEncoder {
  /** The values' own bytes, by their index: for whoever will read them soon. */
  readonly bytes = new Map<number, Uint8Array>();
  readonly #sources: ValueSources;
  readonly #key: ThreadKey;
  readonly #thread: ThreadTail;
  readonly #lines: Lines;
  readonly #table: ValueTable;

  constructor(sources: ValueSources, key: ThreadKey, thread: ThreadTail, lines: Lines) {
    this.#sources = sources;
    this.#key = key;
    this.#thread = thread;
    this.#lines = lines;
    this.#table = new ValueTable(sources, key);
  }

  /** Fills in how each is stored. Throws VALUE_TOO_LARGE, VALUE_CHECKSUM, VALUE_NOT_FOUND. */
  async encode(values: readonly NewValue[]): Promise<void> {
    for (const [index, value] of values.entries()) {
      const { type, data } = await this.#whole(value);
      const { stored, place } = value;
      if (data.length > limits.valueBytesMax) throw tooLarge(place, data.length);
      stored.type = type;
      stored.sizeBytes = BigInt(data.length);
      stored.crc32 = await checksumOf(data);
      if (data.length < LINE_VALUE_BYTES_MIN) {
        stored.storage = { case: "inline", value: data };
        continue;
      }
      this.bytes.set(index, data);
      await this.#store(value, data);
    }
  }

  async #store({ stored, line }: NewValue, data: Uint8Array): Promise<void> {
    const last = line && (await lastOf(this.#sources, this.#key, this.#thread, this.#lines, line));
    if (last && last.stored.type === stored.type) {
      const succession = following(last);
      const base = await this.#value(valueRef(succession.base.n, succession.base.index));
      const patch = await patchOf(this.#thread.n + 1, data, base, succession);
      if (patch) {
        stored.storage = { case: "inline", value: patch.bytes };
        stored.compressed = patch.compressed;
        stored.patch = patch.patch;
        return;
      }
    }
    const small = await compressed(data);
    stored.storage = { case: "inline", value: small ?? data };
    stored.compressed = small !== undefined;
  }

  /** A stored value with its bytes. */
  async #value(ref: string) {
    await this.#table.load([ref], () => true);
    const { data, type } = this.#table.value(ref);
    return { data, type, stored: this.#table.stored(ref) as StoredValue };
  }

  async #whole({ given, place }: NewValue): Promise<Pick<TypedValue, "type" | "data">> {
    if ("inline" in given) return given.inline;
    if ("splice" in given) return await this.#spliced(given.splice, place);
    throw new CairnError(ErrorReason.NOT_IMPLEMENTED, `${place.path}: uploads are not built yet`);
  }

  async #spliced(splice: Splice, place: Place): Promise<Pick<TypedValue, "type" | "data">> {
    const { baseRef, prefixBytes, suffixBytes, middle, crc32 } = splice;
    const base = await this.#value(baseRef);
    const [prefix, suffix] = [Number(prefixBytes), Number(suffixBytes)];
    if (prefix + suffix > base.data.length) {
      throw mismatch(place, `keeps ${prefix + suffix} bytes of a base that has ${base.data.length}`);
    }
    const pieces = [base.data.subarray(0, prefix), middle, base.data.subarray(base.data.length - suffix)];
    const data = await new Rope(pieces.filter(({ length }) => length > 0)).joined();
    if ((await checksumOf(data)) !== crc32) throw mismatch(place, "the result has another checksum");
    return { type: base.type, data };
  }
}

function tooLarge({ path, channel }: Place, size: number): CairnError {
  const limit = limits.valueBytesMax;
  return new CairnError(ErrorReason.VALUE_TOO_LARGE, `${path}: the value has ${size} bytes, the limit is ${limit}`, {
    metadata: { channel, size_bytes: `${size}`, limit_bytes: `${limit}` },
    violations: [{ field: path, description: `at most ${limit} bytes` }],
  });
}

function mismatch({ path, channel }: Place, why: string): CairnError {
  return new CairnError(ErrorReason.VALUE_CHECKSUM, `${path}: the splice ${why}`, {
    code: GrpcStatus.INVALID_ARGUMENT,
    metadata: { channel },
    violations: [{ field: path, description: why }],
  });
}
