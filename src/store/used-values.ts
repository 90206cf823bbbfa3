import { create } from "@bufbuild/protobuf";
import { type Record, type StoredValue, StoredValueSchema } from "../gen/cairn/store/v1/record_pb.ts";
import type { PartsRef } from "./log.ts";
import { baseRefsOf } from "./value-bases.ts";
import { valueRef } from "./value-ref.ts";
import { RefCollector } from "./values-of.ts";

/**
 * Which values of a thread are needed: those that a checkpoint, a write, an event or a call refers to, and those that
 * it takes to rebuild any value that is stored as a patch. A value's users are its own record and later ones, so that
 * of a record it is known once it and all later ones have been noted.
 */
export class UsedValues {
  readonly #refs = new RefCollector();

  /** Notes a record that stays as it is, all of its values included. */
  keep(n: number, record: Record): void {
    this.refer(record);
    for (const value of record.values) if (value.storage.case) this.#addBases(n, value);
  }

  /** Notes what a record refers to. */
  refer(record: Record): void {
    collectRefs(record, this.#refs);
  }

  has(ref: string): boolean {
    return this.#refs.refs.has(ref);
  }

  /**
   * A record without the values that nothing needs; the others keep their places. Notes what the kept ones are made of,
   * so that of several records the newest has to be asked for first.
   */
  strip(n: number, record: Record): { record: Record; parts: PartsRef[] } {
    const kept = this.#keptOf(n, record.values);
    const parts = record.values.flatMap((value, index) => (kept.has(index) ? [] : partsOf(value)));
    const values = record.values.map((value, index) => (kept.has(index) ? value : create(StoredValueSchema)));
    return { record: { ...record, values: kept.size > 0 ? values : [] }, parts };
  }

  /** A value may be made of another one in the same record, whichever comes first. */
  #keptOf(n: number, values: StoredValue[]): Set<number> {
    const kept = new Set<number>();
    for (let before = -1; before < kept.size; ) {
      before = kept.size;
      for (const [index, value] of values.entries()) {
        if (kept.has(index) || !value.storage.case || !this.has(valueRef(n, index))) continue;
        kept.add(index);
        this.#addBases(n, value);
      }
    }
    return kept;
  }

  #addBases(n: number, value: StoredValue): void {
    for (const ref of baseRefsOf({ n }, value)) this.#refs.refs.add(ref);
  }
}

/** Everything that a record refers to. */
export function refsIn(record: Record): ReadonlySet<string> {
  return collectRefs(record, new RefCollector()).refs;
}

function collectRefs(record: Record, collector: RefCollector): RefCollector {
  if (record.checkpoint) collector.checkpoint(record.checkpoint, record.versions);
  for (const group of record.writes) for (const write of group.writes) collector.write(write);
  for (const event of record.events) collector.event(event);
  if (record.call?.input) collector.input(record.call.input);
  return collector;
}

/** The parts that a value was written in. */
export function partsOf({ storage }: StoredValue): PartsRef[] {
  if (storage.case !== "parts") return [];
  return [{ upload: storage.value.upload, count: storage.value.count }];
}
