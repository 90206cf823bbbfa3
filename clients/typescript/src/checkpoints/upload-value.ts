import { crc32 } from "node:zlib";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Services } from "../client.ts";
import type { PutValuesRequestSchema } from "../gen/cairn/v1/checkpoint_service_pb.ts";
import type { TypedValue } from "../gen/cairn/v1/value_pb.ts";
import type { CallOptions } from "../service-calls.ts";

/** What a message of an upload carries. */
const CHUNK_BYTES = 1024 * 1024;

/** Uploads a value in chunks; the reference can be named once, in a put to the same thread, within an hour. */
export async function uploadValue(
  checkpoints: Services["checkpoints"],
  threadId: string,
  { type, data }: Pick<TypedValue, "type" | "data">,
  options?: CallOptions,
): Promise<string> {
  // Not a generator, so that it can be sent again from its beginning.
  const requests = { [Symbol.iterator]: () => messages(threadId, type, data) };
  const { refs } = await checkpoints.putValues(requests, options);
  return refs[0] ?? "";
}

function* messages(
  threadId: string,
  type: string,
  data: Uint8Array,
): Generator<MessageInitShape<typeof PutValuesRequestSchema>> {
  const header = { threadId, type, sizeBytes: BigInt(data.length), crc32: crc32(data) };
  yield { part: { case: "header", value: header } };
  for (let at = 0; at < data.length; at += CHUNK_BYTES) {
    yield { part: { case: "chunk", value: data.subarray(at, at + CHUNK_BYTES) } };
  }
}
