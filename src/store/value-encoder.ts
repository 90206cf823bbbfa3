import { status as GrpcStatus } from "@grpc/grpc-js";
import { CairnError } from "../errors.ts";
import type { StoredValue } from "../gen/cairn/store/v1/record_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { Splice, TypedValue } from "../gen/cairn/v1/value_pb.ts";
import { limits } from "../limits.ts";
import type { Environment } from "../system/environment.ts";
import type { ThreadKey } from "./log.ts";
import { checksumOf } from "./patches/checksum.ts";
import { compressed } from "./patches/compression.ts";
import { patchOf } from "./patches/patch.ts";
import { Rope } from "./patches/rope.ts";
import { following, type Version, versionOf } from "./patches/succession.ts";
import type { ThreadTail } from "./store.ts";
import { uploaded } from "./uploads.ts";
import { LINE_VALUE_BYTES_MIN } from "./value-cache.ts";
import { type Lines, lastOf, versionIn } from "./value-lines.ts";
import { parseRef, uploadRef, valueNotFound, valueRef } from "./value-ref.ts";
import { type ValueSources, ValueTable } from "./value-table.ts";
import type { NewValue } from "./value-writer.ts";
import type { Place } from "./values-of.ts";

export interface ValueSettings {
  environment: Environment;
  /** The largest value that is taken. */
  valueBytesMax: number;
}

/** Decides how the new values of the record that follows `thread` are kept: as patches of earlier ones where that pays. */
export class ValueEncoder {
  /** The values' own bytes, by their index: for whoever will read them soon. */
  readonly bytes = new Map<number, Uint8Array>();
  readonly #sources: ValueSources;
  readonly #environment: Environment;
  readonly #valueBytesMax: number;
  readonly #key: ThreadKey;
  readonly #thread: ThreadTail;
  readonly #lines: Lines;
  readonly #table: ValueTable;

  constructor(sources: ValueSources, settings: ValueSettings, key: ThreadKey, thread: ThreadTail, lines: Lines) {
    this.#sources = sources;
    this.#environment = settings.environment;
    this.#valueBytesMax = settings.valueBytesMax;
    this.#key = key;
    this.#thread = thread;
    this.#lines = lines;
    this.#table = new ValueTable(sources, key);
  }

  /** Fills in how each is stored. Throws VALUE_TOO_LARGE, VALUE_CHECKSUM, VALUE_NOT_FOUND. */
  async encode(values: readonly NewValue[]): Promise<void> {
    for (const [index, value] of values.entries()) {
      if ("upload" in value.given) await this.#take(value, value.given.upload);
      const isStored = value.stored.storage.case !== undefined;
      if (isStored && value.stored.sizeBytes > limits.wholeValueBytesMax) continue;
      const data = await this.#dataOf(value);
      if (data.length < LINE_VALUE_BYTES_MIN) value.stored.storage = { case: "inline", value: data };
      else {
        this.bytes.set(index, data);
        await this.#store(value, data);
      }
    }
  }

  /** An upload stays where it is, unless something better is found. */
  async #take({ stored }: NewValue, upload: string): Promise<void> {
    Object.assign(stored, await uploaded(this.#sources.log, this.#environment, this.#key, upload));
  }

  /** The bytes of a value; fills in what it is. */
  async #dataOf({ given, place, stored }: NewValue): Promise<Uint8Array> {
    if ("upload" in given) return await this.#bytesOfUpload(stored);
    const { type, data } = "inline" in given ? given.inline : await this.#spliced(given.splice, place);
    if (data.length > this.#valueBytesMax) throw tooLarge(place, data.length, this.#valueBytesMax);
    stored.type = type;
    stored.sizeBytes = BigInt(data.length);
    stored.crc32 = await checksumOf(data);
    return data;
  }

  async #bytesOfUpload({ storage, sizeBytes }: StoredValue): Promise<Uint8Array> {
    if (storage.case !== "parts" || sizeBytes === 0n) return new Uint8Array();
    const { upload, count } = storage.value;
    const { parts } = await this.#sources.log.gather(this.#key, {
      positions: [],
      parts: [{ upload, count }],
      keys: [],
    });
    const data = parts.get(upload);
    if (!data) throw valueNotFound(uploadRef(upload));
    return data;
  }

  async #store({ stored, line }: NewValue, data: Uint8Array): Promise<void> {
    const last = line && (await lastOf(this.#sources, this.#key, this.#thread, this.#lines, line));
    if (last && last.stored.type === stored.type && last.stored.sizeBytes <= limits.wholeValueBytesMax) {
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
    if (stored.storage.case !== undefined && data.length > limits.inlineValueBytesMax) return;
    const small = await compressed(data);
    stored.storage = { case: "inline", value: small ?? data };
    stored.compressed = small !== undefined;
  }

  /** A stored value with its bytes, without reading it if it is remembered. One too large to be read in one piece counts as none. */
  async #value(ref: string, bytesMax = Number.POSITIVE_INFINITY): Promise<{ data: Uint8Array; version: Version }> {
    const known = versionIn(this.#lines, ref);
    const held = known && this.#sources.cache.get(this.#key, ref, known.stored.crc32);
    if (known && held) return { data: held, version: known };
    const isFit = () => Number(this.#table.stored(ref)?.sizeBytes ?? 0n) <= bytesMax;
    await this.#table.load([ref], isFit);
    const stored = this.#table.stored(ref);
    if (!isFit() || !stored) throw valueNotFound(ref);
    return { data: this.#table.value(ref).data, version: versionOf(parseRef(ref), stored) };
  }

  async #spliced(splice: Splice, place: Place): Promise<Pick<TypedValue, "type" | "data">> {
    const { baseRef, hunks, crc32 } = splice;
    const base = await this.#value(baseRef, limits.wholeValueBytesMax);
    const [size, room] = [
      hunks.reduce((sum, { literal, length }) => sum + BigInt(literal.length) + length, 0n),
      this.#valueBytesMax,
    ];
    if (size > room) throw tooLarge(place, Number(size), room);
    const last = hunks.reduce((end, { from, length }) => (from + length > end ? from + length : end), 0n);
    if (last > base.data.length)
      throw mismatch(place, `reaches to byte ${last} of a base that has ${base.data.length}`);
    const pieces = hunks.map(({ literal, from, length }) => ({ literal, from: Number(from), length: Number(length) }));
    const data = await new Rope([base.data]).patched(pieces, place.path).joined();
    if ((await checksumOf(data)) !== crc32) throw mismatch(place, "the result has another checksum");
    return { type: base.version.stored.type, data };
  }
}

function tooLarge({ path, channel }: Place, size: number, limit: number): CairnError {
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
