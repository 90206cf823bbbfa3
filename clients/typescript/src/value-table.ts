import type { TypedValue, Value, ValueEntry } from "./gen/cairn/v1/value_pb.ts";

/** Fetches values that the table no longer holds. */
export type FetchValues = (refs: string[]) => Promise<Map<string, TypedValue>>;

/** How many bytes of values a stream keeps at hand. What is dropped is fetched again if an event needs it. */
const keptBytesMax = 64 * 1024 * 1024;

/**
 * The values that a stream of events refers to. The server sends each reference once a stream, so those that a later
 * event may need are kept, the most recently used ones, up to a bound.
 */
export class ValueTable {
  readonly #fetch: FetchValues;
  readonly #bytesMax: number;
  readonly #values = new Map<string, TypedValue>();
  #bytes = 0;

  constructor(fetch: FetchValues, bytesMax = keptBytesMax) {
    this.#fetch = fetch;
    this.#bytesMax = bytesMax;
  }

  /** Takes in what came with an event, and gives every value that the event refers to. */
  async resolve(needed: Value[], received: ValueEntry[]): Promise<Map<string, TypedValue>> {
    for (const { ref, value } of received) if (value) this.#keep(ref, value);
    const found = new Map<string, TypedValue>();
    const missing = new Set<string>();
    for (const { source } of needed) {
      if (source.case !== "ref" || found.has(source.value)) continue;
      const value = this.#values.get(source.value);
      if (value === undefined) missing.add(source.value);
      else {
        found.set(source.value, value);
        this.#keep(source.value, value);
      }
    }
    if (missing.size > 0) {
      for (const [ref, value] of await this.#fetch([...missing])) {
        found.set(ref, value);
        this.#keep(ref, value);
      }
    }
    this.#dropOldest();
    return found;
  }

  #keep(ref: string, value: TypedValue): void {
    // A Map iterates in the order of insertion: inserting again makes it the most recent.
    if (this.#values.delete(ref)) this.#bytes -= value.data.length;
    this.#values.set(ref, value);
    this.#bytes += value.data.length;
  }

  #dropOldest(): void {
    for (const [ref, value] of this.#values) {
      if (this.#bytes <= this.#bytesMax) return;
      this.#values.delete(ref);
      this.#bytes -= value.data.length;
    }
  }
}
