import { crc32 } from "node:zlib";
import { create } from "@bufbuild/protobuf";
import type { Services } from "./client.ts";
import { Code } from "./code.ts";
import { CairnClientError } from "./error.ts";
import { type TypedValue, TypedValueSchema, type ValueEntry } from "./gen/cairn/v1/value_pb.ts";
import type { CallOptions } from "./service-calls.ts";

/** Downloads values of a thread by reference, each checked by its checksum. Throws NOT_FOUND (VALUE_NOT_FOUND), DATA_LOSS. */
export async function fetchValues(
  checkpoints: Services["checkpoints"],
  threadId: string,
  refs: string[],
  options?: CallOptions,
): Promise<Map<string, TypedValue>> {
  const values = new Map<string, TypedValue>();
  let current: { entry: ValueEntry; chunks: Uint8Array[] } | undefined;
  const finish = () => {
    if (current) values.set(current.entry.ref, whole(current.entry, current.chunks));
  };
  for await (const { part } of checkpoints.getValues({ threadId, refs }, options)) {
    if (part.case === "entry") {
      finish();
      current = { entry: part.value, chunks: [] };
    } else if (part.case === "chunk") current?.chunks.push(part.value);
  }
  finish();
  return values;
}

function whole({ ref, value, sizeBytes, crc32: sum }: ValueEntry, chunks: Uint8Array[]): TypedValue {
  const data = new Uint8Array(Number(sizeBytes));
  let at = 0;
  for (const chunk of chunks) {
    if (at + chunk.length > data.length) throw damaged(ref);
    data.set(chunk, at);
    at += chunk.length;
  }
  if (at !== data.length || crc32(data) !== sum) throw damaged(ref);
  return create(TypedValueSchema, { type: value?.type, data });
}

function damaged(ref: string): CairnClientError {
  const message = `value ${JSON.stringify(ref)} did not arrive as it was sent`;
  return new CairnClientError({ code: Code.DataLoss, reason: "VALUE_CHECKSUM", message });
}
