import { create } from "@bufbuild/protobuf";
import type { Services } from "../client.ts";
import type { CheckpointWrites } from "../gen/cairn/v1/checkpoint_service_pb.ts";
import { type Value, ValueSchema } from "../gen/cairn/v1/value_pb.ts";
import type { CallOptions } from "../service-calls.ts";
import { type HeldValues, heldBytesMin } from "./held-values.ts";
import { spliceOf } from "./splice.ts";
import { uploadValue } from "./upload-value.ts";

/** Larger values are uploaded in chunks, ahead of the put that names them. */
const UPLOAD_BYTES_MIN = 1024 * 1024;

/** Makes the values of one put as short as they can be sent. */
export class PutValues {
  readonly #checkpoints: Services["checkpoints"];
  readonly #threadId: string;
  readonly #held: HeldValues;
  readonly #call: CallOptions;

  constructor(checkpoints: Services["checkpoints"], threadId: string, held: HeldValues, call: CallOptions) {
    this.#checkpoints = checkpoints;
    this.#threadId = threadId;
    this.#held = held;
    this.#call = call;
  }

  async channels(namespace: string, values: Record<string, Value>): Promise<Record<string, Value>> {
    const entries = Object.entries(values).map(
      async ([channel, value]) => [channel, await this.#shortened(namespace, channel, value)] as const,
    );
    return Object.fromEntries(await Promise.all(entries));
  }

  async writes(group: CheckpointWrites): Promise<CheckpointWrites> {
    const writes = group.writes.map(async (write) => {
      const value = write.value && (await this.#shortened(group.namespace, write.channel, write.value));
      return { ...write, value };
    });
    return { ...group, writes: await Promise.all(writes) };
  }

  async #shortened(namespace: string, channel: string, value: Value): Promise<Value> {
    if (value.source.case !== "inline") return value;
    const { type, data } = value.source.value;
    if (data.length < heldBytesMin) return value;
    const held = this.#held.ofChannel(this.#threadId, namespace, channel);
    if (held?.value.type === type) {
      if (Buffer.compare(held.value.data, data) === 0) return byRef(held.ref);
      const splice = spliceOf(held.ref, held.value.data, data);
      if (splice) return create(ValueSchema, { source: { case: "splice", value: splice } });
    }
    if (data.length < UPLOAD_BYTES_MIN) return value;
    return byRef(await uploadValue(this.#checkpoints, this.#threadId, { type, data }, this.#call));
  }
}

function byRef(ref: string): Value {
  return create(ValueSchema, { source: { case: "ref", value: ref } });
}
