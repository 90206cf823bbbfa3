import { crc32 } from "node:zlib";
import { create } from "@bufbuild/protobuf";
import { status as GrpcStatus } from "@grpc/grpc-js";
import { CairnError } from "../errors.ts";
import type { Record, StoredValue } from "../gen/cairn/store/v1/record_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { type TypedValue, TypedValueSchema, type ValueEntry, ValueEntrySchema } from "../gen/cairn/v1/value_pb.ts";
import type { Log, PartsRef, Row, ThreadKey } from "./log.ts";
import { corrupt, decodeRow } from "./record-codec.ts";
import type { ReadOptions } from "./store.ts";
import { parseRef, valueNotFound } from "./value-ref.ts";

/** Rows and parts of one thread as far as they have been read, and the values rebuilt from them. */
export class ValueTable {
  readonly #log: Log;
  readonly #key: ThreadKey;
  readonly #records = new Map<number, Record>();
  readonly #parts = new Map<string, Uint8Array>();
  readonly #values = new Map<string, TypedValue>();

  constructor(log: Log, key: ThreadKey) {
    this.#log = log;
    this.#key = key;
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
   * Reads whatever is missing to know these values, and to rebuild those that `bytes` asks for, together with
   * the rows that have any of the keys: one round trip for rows, one more if they refer to parts.
   */
  async load(refs: Iterable<string>, bytes: (ref: string) => boolean, keys: string[] = []): Promise<Row[]> {
    const wanted = [...refs];
    const asked = new Set<number>();
    let keyed: Row[] = [];
    for (let first = true; ; first = false) {
      const positions = this.#missingPositions(wanted).filter((n) => !asked.has(n));
      const parts = this.#missingParts(wanted, bytes);
      if (positions.length === 0 && parts.length === 0 && !(first && keys.length > 0)) return keyed;
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
  }

  /** The stored value of a reference, if its row has been found and still holds it. */
  stored(ref: string): StoredValue | undefined {
    const { n, index } = parseRef(ref);
    const stored = this.#records.get(n)?.values[index];
    return stored?.storage.case ? stored : undefined;
  }

  /** A value, rebuilt and checked. The same object for every use of the reference. Throws VALUE_NOT_FOUND. */
  value(ref: string): TypedValue {
    let value = this.#values.get(ref);
    if (!value) {
      const stored = this.stored(ref);
      if (!stored) throw valueNotFound(ref);
      value = this.#rebuild(ref, stored);
      this.#values.set(ref, value);
    }
    return value;
  }

  /** The row of a value table. */
  entry(ref: string, options: ReadOptions): ValueEntry {
    const stored = this.stored(ref);
    if (!stored) throw valueNotFound(ref);
    const entry = create(ValueEntrySchema, { ref, sizeBytes: stored.sizeBytes, crc32: stored.crc32 });
    if (wantsBytes(options)(ref)) entry.value = this.value(ref);
    return entry;
  }

  #rebuild(ref: string, stored: StoredValue): TypedValue {
    const { storage } = stored;
    const data = storage.case === "parts" ? this.#parts.get(storage.value.upload) : storage.value;
    if (!(data instanceof Uint8Array)) throw corrupt(`value ${ref}`, "its bytes have not been read");
    if (BigInt(data.length) !== stored.sizeBytes || crc32(data) !== stored.crc32) {
      throw new CairnError(ErrorReason.VALUE_CHECKSUM, `value ${ref}: the stored bytes differ from their checksum`, {
        code: GrpcStatus.DATA_LOSS,
        metadata: { ref, thread_id: this.#key.thread },
      });
    }
    return create(TypedValueSchema, { type: stored.type, data });
  }

  #missingPositions(refs: string[]): number[] {
    const positions = new Set<number>();
    for (const ref of refs) {
      const { n } = parseRef(ref);
      if (!this.#records.has(n)) positions.add(n);
    }
    return [...positions];
  }

  #missingParts(refs: string[], bytes: (ref: string) => boolean): PartsRef[] {
    const parts = new Map<string, PartsRef>();
    for (const ref of refs) {
      if (!bytes(ref)) continue;
      const storage = this.stored(ref)?.storage;
      if (storage?.case !== "parts" || this.#parts.has(storage.value.upload)) continue;
      parts.set(storage.value.upload, { upload: storage.value.upload, count: storage.value.count });
    }
    return [...parts.values()];
  }
}

/** Which values a reader wants the bytes of. */
export function wantsBytes(options: ReadOptions): (ref: string) => boolean {
  return (ref) => options.view === "full" && !options.heldRefs?.has(ref);
}
