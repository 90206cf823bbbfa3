import { create } from "@bufbuild/protobuf";
import { status as GrpcStatus } from "@grpc/grpc-js";
import { CairnError } from "../errors.ts";
import type { Record, StoredValue } from "../gen/cairn/store/v1/record_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { type TypedValue, type ValueEntry, ValueEntrySchema } from "../gen/cairn/v1/value_pb.ts";
import type { Log, PartsRef, Row, ThreadKey } from "./log.ts";
import { checksumOf } from "./patches/checksum.ts";
import { decompressed } from "./patches/compression.ts";
import { decodeHunks, HUNKS_BYTES_MAX } from "./patches/hunks.ts";
import { Rope } from "./patches/rope.ts";
import { corrupt, decodeRow } from "./record-codec.ts";
import type { ReadOptions } from "./store.ts";
import { baseRefsOf } from "./value-bases.ts";
import { LINE_VALUE_BYTES_MIN, type ValueCache } from "./value-cache.ts";
import { parseRef, valueNotFound } from "./value-ref.ts";

/** Where values come from. */
export interface ValueSources {
  log: Log;
  cache: ValueCache;
}

/** Rows and parts of one thread as far as they have been read, and the values rebuilt from them. */
export class ValueTable {
  readonly #log: Log;
  readonly #key: ThreadKey;
  readonly #cache: ValueCache;
  readonly #records = new Map<number, Record>();
  readonly #parts = new Map<string, Uint8Array>();
  readonly #values = new Map<string, TypedValue>();

  constructor({ log, cache }: ValueSources, key: ThreadKey) {
    this.#log = log;
    this.#key = key;
    this.#cache = cache;
  }

  /** The record of a row that has been read; decoded once. */
  record(row: Row): Record {
    let record = this.#records.get(row.n);
    if (!record) {
      record = decodeRow(this.#key, row);
      this.#records.set(row.n, record);
    }
    return record;
  }

  /**
   * Reads whatever is missing to know these values, and rebuilds those that `bytes` asks for, together with the rows
   * that have any of the keys: one round trip for rows, one more for what they are patches of, one more for parts.
   */
  async load(refs: Iterable<string>, bytes: (ref: string) => boolean, keys: string[] = []): Promise<Row[]> {
    const wanted = [...refs];
    const asked = new Set<number>();
    let keyed: Row[] = [];
    for (let first = true; ; first = false) {
      const makings = wanted.flatMap((ref) => (bytes(ref) ? this.#makingsOf(ref) : []));
      const positions = this.#missingPositions([...wanted, ...makings]).filter((n) => !asked.has(n));
      const parts = this.#missingParts(makings);
      if (positions.length === 0 && parts.length === 0 && !(first && keys.length > 0)) break;
      const found = await this.#log.gather(this.#key, { positions, parts, keys: first ? keys : [] });
      for (const n of positions) asked.add(n);
      for (const row of found.rows) this.record(row);
      for (const { upload } of parts) {
        const data = found.parts.get(upload);
        if (!data) throw corrupt(`thread ${JSON.stringify(this.#key.thread)}`, `parts ${upload} are missing`);
        this.#parts.set(upload, data);
      }
      if (first) keyed = found.keyed;
    }
    for (const ref of wanted) if (bytes(ref)) await this.#rebuild(ref);
    return keyed;
  }

  /** The stored value of a reference, if its row has been found and still holds it. */
  stored(ref: string): StoredValue | undefined {
    const { n, index } = parseRef(ref);
    const stored = this.#records.get(n)?.values[index];
    return stored?.storage.case ? stored : undefined;
  }

  /** A value whose bytes `load` was asked for. The same object for every use of the reference. Throws VALUE_NOT_FOUND. */
  value(ref: string): TypedValue {
    const value = this.#values.get(ref);
    if (!value) throw valueNotFound(ref);
    return value;
  }

  /** The row of a value table, with its bytes where it was loaded with them. */
  entry(ref: string, isWanted: boolean): ValueEntry {
    const stored = this.stored(ref);
    if (!stored) throw valueNotFound(ref);
    const entry = create(ValueEntrySchema, { ref, sizeBytes: stored.sizeBytes, crc32: stored.crc32 });
    if (isWanted) entry.value = this.value(ref);
    return entry;
  }

  /** The values whose stored bytes it takes to rebuild this one, as far as that is known yet. */
  #makingsOf(ref: string): string[] {
    const stored = this.#values.has(ref) ? undefined : this.stored(ref);
    if (!stored || this.#cached(ref, stored)) return [];
    const [base, ...bases] = baseRefsOf(parseRef(ref), stored);
    if (base === undefined || this.#cache.has(this.#key, base, stored.patch?.baseCrc32 ?? 0)) return [ref];
    return [ref, base, ...bases];
  }

  #cached(ref: string, { crc32, sizeBytes }: StoredValue): Uint8Array | undefined {
    // Nothing smaller is ever kept.
    return sizeBytes < LINE_VALUE_BYTES_MIN ? undefined : this.#cache.get(this.#key, ref, crc32);
  }

  async #rebuild(ref: string): Promise<void> {
    const stored = this.#values.has(ref) ? undefined : this.stored(ref);
    if (!stored) return;
    const cached = this.#cached(ref, stored);
    const data = cached ?? (await (await this.#rope(ref, stored)).joined());
    if (!cached) await this.#check(ref, stored, data);
    if (!cached && stored.patch) this.#cache.put(this.#key, ref, stored, data);
    this.#values.set(ref, { $typeName: "cairn.v1.TypedValue", type: stored.type, data });
  }

  /** The value in the pieces that it was made of. */
  async #rope(ref: string, stored: StoredValue): Promise<Rope> {
    const what = `value ${ref}`;
    const makings = [ref, ...baseRefsOf(parseRef(ref), stored)];
    const [base = ref] = makings.slice(1);
    const cached = stored.patch && this.#cache.get(this.#key, base, stored.patch.baseCrc32);
    const patches = (cached ? [ref] : makings).reverse();
    let rope = cached && new Rope([cached]);
    for (const making of patches) {
      const plain = await this.#plainBytes(making, what);
      rope = rope?.patched(decodeHunks(plain, what), what) ?? new Rope([plain]);
    }
    return rope ?? new Rope([]);
  }

  /** What is stored of a value, decompressed: the value itself, or a patch. */
  async #plainBytes(ref: string, what: string): Promise<Uint8Array> {
    const stored = this.stored(ref);
    if (!stored) throw corrupt(what, `${ref}, which it is made of, is missing`);
    const { storage, compressed, sizeBytes } = stored;
    const data = storage.case === "parts" ? this.#parts.get(storage.value.upload) : storage.value;
    if (!(data instanceof Uint8Array)) throw corrupt(what, `the bytes of ${ref} have not been read`);
    return compressed ? await decompressed(data, Number(sizeBytes) + HUNKS_BYTES_MAX, what) : data;
  }

  async #check(ref: string, { sizeBytes, crc32 }: StoredValue, data: Uint8Array): Promise<void> {
    if (BigInt(data.length) === sizeBytes && (await checksumOf(data)) === crc32) return;
    throw valueChecksum(this.#key, ref);
  }

  #missingPositions(refs: string[]): number[] {
    const positions = new Set<number>();
    for (const ref of refs) {
      const { n } = parseRef(ref);
      if (!this.#records.has(n)) positions.add(n);
    }
    return [...positions];
  }

  #missingParts(refs: string[]): PartsRef[] {
    const parts = new Map<string, PartsRef>();
    for (const ref of refs) {
      const storage = this.stored(ref)?.storage;
      if (storage?.case !== "parts" || this.#parts.has(storage.value.upload)) continue;
      parts.set(storage.value.upload, { upload: storage.value.upload, count: storage.value.count });
    }
    return [...parts.values()];
  }
}

/** Stored bytes that changed. */
export function valueChecksum({ thread }: ThreadKey, ref: string): CairnError {
  return new CairnError(ErrorReason.VALUE_CHECKSUM, `value ${ref}: the stored bytes differ from their checksum`, {
    code: GrpcStatus.DATA_LOSS,
    metadata: { ref, thread_id: thread },
  });
}

/** Which values a reader gets the bytes of: those that it wants, as far as there is room. */
export function wantsBytes(options: ReadOptions, table: ValueTable): (ref: string) => boolean {
  const { bytesMax = Number.POSITIVE_INFINITY } = options;
  const chosen = new Map<string, boolean>();
  let bytes = 0;
  return (ref) => {
    if (options.view !== "full" || options.heldRefs?.has(ref)) return false;
    const before = chosen.get(ref);
    if (before !== undefined) return before;
    const stored = table.stored(ref);
    // Not known yet how large it is.
    if (!stored) return false;
    const size = Number(stored.sizeBytes);
    const isChosen = bytes + size <= bytesMax;
    if (isChosen) bytes += size;
    chosen.set(ref, isChosen);
    return isChosen;
  };
}
