import { crc32 } from "node:zlib";
import { create } from "@bufbuild/protobuf";
import type { Event } from "../gen/cairn/v1/event_pb.ts";
import { type Value, type ValueEntry, ValueEntrySchema } from "../gen/cairn/v1/value_pb.ts";
import type { Store, ThreadKey } from "../store/store.ts";

/** References remembered as sent; beyond that a value may be sent again. */
const sentMax = 100_000;

/** The values that a stream's events refer to, each sent once. */
export class EventValues {
  readonly #store: Store;
  readonly #key: ThreadKey;
  readonly #wanted: boolean;
  readonly #sent = new Set<string>();

  constructor(store: Store, key: ThreadKey, wanted: boolean) {
    this.#store = store;
    this.#key = key;
    this.#wanted = wanted;
  }

  async of(event: Event): Promise<ValueEntry[]> {
    if (!this.#wanted) return [];
    const refs = new Set(valuesOf(event).flatMap(({ source }) => (source.case === "ref" ? [source.value] : [])));
    const missing = [...refs].filter((ref) => !this.#sent.has(ref));
    if (missing.length === 0) return [];
    if (this.#sent.size + missing.length > sentMax) this.#sent.clear();
    const loaded = await this.#store.loadValues(this.#key, missing);
    return [...loaded].map(([ref, value]) => {
      this.#sent.add(ref);
      const sizeBytes = BigInt(value.data.length);
      return create(ValueEntrySchema, { ref, value, sizeBytes, crc32: crc32(value.data) });
    });
  }
}

function valuesOf({ body }: Event): Value[] {
  switch (body.case) {
    case "taskFinished":
      return body.value.updates.flatMap(({ value }) => value ?? []);
    case "interruptRaised":
      return [body.value.interrupt?.value ?? []].flat();
    case "checkpointSaved":
      return [
        ...Object.values(body.value.values),
        ...body.value.tasks.flatMap(({ stateOverride }) => stateOverride ?? []),
      ];
    default:
      return [];
  }
}
