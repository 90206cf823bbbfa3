import { crc32 } from "node:zlib";
import { LRUCache } from "lru-cache";
import type { TypedValue, ValueEntry } from "../gen/cairn/v1/value_pb.ts";

/** References that a request can say it holds. */
const HELD_REFS_MAX = 10_000;
/** Channels of which it is remembered which value the server has. */
const CHANNELS_MAX = 10_000;
/** The server may use a reference again a day after its thread was deleted. What has not been confirmed for this long is dropped. */
const HELD_MS = 6 * 60 * 60 * 1000;
/** Smaller values are sent whole, and not kept. */
export const heldBytesMin = 256;
/** What an entry costs besides its bytes, roughly. */
const ENTRY_BYTES = 256;

interface Held {
  thread: string;
  ref: string;
  value: TypedValue;
  crc32: number;
}

/** Values that both this client and the server hold, the most recently used ones, up to a bound. */
export class HeldValues {
  readonly #values: LRUCache<string, Held>;
  readonly #channels = new LRUCache<string, string>({ max: CHANNELS_MAX, ttl: HELD_MS });
  readonly #refs = new Map<string, Set<string>>();

  constructor(bytesMax: number) {
    this.#values = new LRUCache({
      maxSize: bytesMax,
      ttl: HELD_MS,
      sizeCalculation: ({ value }) => ENTRY_BYTES + value.data.length,
      dispose: ({ thread, ref }, _, reason) => {
        if (reason !== "set") this.#forgetRef(thread, ref);
      },
    });
  }

  /** What the server is known to hold for a channel. */
  ofChannel(thread: string, namespace: string, channel: string): Held | undefined {
    const ref = this.#channels.get(nameOf(thread, namespace, channel));
    return ref === undefined ? undefined : this.#values.get(nameOf(thread, ref));
  }

  /** A channel now holds the value on the server. */
  setChannel(thread: string, namespace: string, channel: string, ref: string, value: TypedValue): void {
    this.#hold(thread, ref, value, crc32(value.data));
    this.#channels.set(nameOf(thread, namespace, channel), ref);
  }

  /** References of the thread whose values need not be sent. */
  refs(thread: string): string[] {
    return [...(this.#refs.get(thread) ?? [])].slice(-HELD_REFS_MAX);
  }

  /** The value of an entry that came with it, or that is held and is the same by its checksum. */
  resolve(thread: string, entry: ValueEntry): TypedValue | undefined {
    if (entry.value !== undefined) {
      this.#hold(thread, entry.ref, entry.value, entry.crc32);
      return entry.value;
    }
    const held = this.#values.get(nameOf(thread, entry.ref));
    const isSame = held?.crc32 === entry.crc32 && BigInt(held.value.data.length) === entry.sizeBytes;
    return isSame ? held.value : undefined;
  }

  /** Forgets a thread: the server does not hold what was thought. */
  forget(thread: string): void {
    for (const ref of this.refs(thread)) this.#values.delete(nameOf(thread, ref));
  }

  #hold(thread: string, ref: string, { $typeName, type, data }: TypedValue, sum: number): void {
    if (data.length < heldBytesMin) return;
    // A small piece of a large message must not keep all of it; and the caller may write on what is its own.
    const value = { $typeName, type, data: data.slice() };
    this.#values.set(nameOf(thread, ref), { thread, ref, value, crc32: sum });
    if (!this.#values.has(nameOf(thread, ref))) return;
    const refs = this.#refs.get(thread) ?? new Set();
    this.#refs.set(thread, refs.add(ref));
  }

  #forgetRef(thread: string, ref: string): void {
    const refs = this.#refs.get(thread);
    refs?.delete(ref);
    if (refs?.size === 0) this.#refs.delete(thread);
  }
}

function nameOf(...parts: string[]): string {
  return JSON.stringify(parts);
}
