import { LRUCache } from "lru-cache";
import type { StoredValue } from "../gen/cairn/store/v1/record_pb.ts";
import { limits } from "../limits.ts";
import type { ThreadKey } from "./log.ts";
import { threadName } from "./thread-name.ts";

/** Smaller values are stored whole, nothing follows them, and they are not kept here. */
export const LINE_VALUE_BYTES_MIN = 1024;

/** What an entry costs besides its bytes, roughly. */
const ENTRY_BYTES = 512;

/**
 * Bytes of values that were read or written last, so that what is a patch of one of them can be made, or made out, without
 * reading it. A thread that is deleted and begun again may use a reference a second time, so the checksum is part of the name.
 */
export class ValueCache {
  readonly #values = new LRUCache<string, Uint8Array>({
    maxSize: limits.valueCacheBytesMax,
    // One value shall not drive out all others.
    maxEntrySize: limits.valueCacheBytesMax / 4,
    sizeCalculation: (data, name) => ENTRY_BYTES + data.length + name.length,
  });

  get(key: ThreadKey, ref: string, crc32: number): Uint8Array | undefined {
    return this.#values.get(nameOf(key, ref, crc32));
  }

  has(key: ThreadKey, ref: string, crc32: number): boolean {
    return this.#values.has(nameOf(key, ref, crc32));
  }

  put(key: ThreadKey, ref: string, { crc32 }: Pick<StoredValue, "crc32">, data: Uint8Array): void {
    // A small piece of a large message must not keep all of it.
    const own = data.buffer.byteLength > 2 * data.length ? data.slice() : data;
    this.#values.set(nameOf(key, ref, crc32), own);
  }
}

function nameOf(key: ThreadKey, ref: string, crc32: number): string {
  return `${ref} ${crc32} ${threadName(key)}`;
}
