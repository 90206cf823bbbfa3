import { create } from "@bufbuild/protobuf";
import { invalidField } from "../errors.ts";
import { type StoredValue, StoredValueSchema } from "../gen/cairn/store/v1/record_pb.ts";
import type { Splice, TypedValue, Value } from "../gen/cairn/v1/value_pb.ts";
import type { Line } from "./value-lines.ts";
import { parseRef, uploadIn, valueRef } from "./value-ref.ts";
import type { ChangeValue, Place } from "./values-of.ts";

/** A value that a draft gave, before it is known how it will be kept. */
export interface NewValue {
  readonly given: { inline: TypedValue } | { splice: Splice } | { upload: string };
  /** Where it was given first. */
  readonly place: Place;
  /** What it is likely to resemble: the value that its channel held. */
  line?: Line;
  /** To be filled in. */
  readonly stored: StoredValue;
}

/** Gives every value of a draft its reference and its place in the record that is being made. */
export class ValueWriter {
  /** In the order of their places in the record. */
  readonly values: NewValue[] = [];
  /** References to earlier records, as callers gave them. */
  readonly foreignRefs = new Set<string>();
  readonly #n: number;
  /** By object: the same value given in several places is stored once. */
  readonly #indexes = new Map<object, number>();

  constructor(n: number) {
    this.#n = n;
  }

  /** Replaces the values of a namespace's checkpoint, writes or events by references. Throws VALUE_NOT_FOUND. */
  in(namespace: string): ChangeValue {
    return (value, place) => this.#place(value, place, namespace);
  }

  #place(value: Value, place: Place, namespace: string): Value {
    const { source } = value;
    switch (source.case) {
      case "inline":
        return this.#new(source.value, { inline: source.value }, place, namespace);
      case "splice":
        this.foreignRefs.add(source.value.baseRef);
        return this.#new(source.value, { splice: source.value }, place, namespace);
      case "ref": {
        const upload = uploadIn(source.value);
        if (upload !== undefined) return this.#new(value, { upload }, place, namespace);
        parseRef(source.value);
        this.foreignRefs.add(source.value);
        return value;
      }
      default:
        throw invalidField(place.path, "has no value");
    }
  }

  #new(object: object, given: NewValue["given"], place: Place, namespace: string): Value {
    let index = this.#indexes.get(object);
    if (index === undefined) {
      index = this.values.length;
      this.#indexes.set(object, index);
      this.values.push({ given, place, stored: create(StoredValueSchema) });
    }
    const added = this.values[index] as NewValue;
    if (place.isOfChannel) added.line ??= { namespace, channel: place.channel };
    // Written out: `create` goes by reflection.
    return { $typeName: "cairn.v1.Value", source: { case: "ref", value: valueRef(this.#n, index) } };
  }
}
