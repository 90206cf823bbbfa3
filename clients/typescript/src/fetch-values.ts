import { create } from "@bufbuild/protobuf";
import type { Services } from "./client.ts";
import { type TypedValue, TypedValueSchema } from "./gen/cairn/v1/value_pb.ts";
import type { CallOptions } from "./service-calls.ts";

/** Downloads values of a thread by reference. Throws NOT_FOUND (VALUE_NOT_FOUND). */
export async function fetchValues(
  checkpoints: Services["checkpoints"],
  threadId: string,
  refs: string[],
  options?: CallOptions,
): Promise<Map<string, TypedValue>> {
  const values = new Map<string, TypedValue>();
  let current: { ref: string; type: string; chunks: Uint8Array[] } | undefined;
  const finish = () => {
    if (!current) return;
    values.set(current.ref, create(TypedValueSchema, { type: current.type, data: Buffer.concat(current.chunks) }));
  };
  for await (const { part } of checkpoints.getValues({ threadId, refs }, options)) {
    if (part.case === "entry") {
      finish();
      current = { ref: part.value.ref, type: part.value.value?.type ?? "", chunks: [] };
    } else if (part.case === "chunk") current?.chunks.push(part.value);
  }
  finish();
  return values;
}
