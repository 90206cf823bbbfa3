import { create } from "@bufbuild/protobuf";
import { CairnError, invalidField } from "../errors.ts";
import {
  type GetValuesRequest,
  type GetValuesResponse,
  GetValuesResponseSchema,
  type PutValuesRequest,
  type PutValuesResponse,
  PutValuesResponseSchema,
} from "../gen/cairn/v1/checkpoint_service_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { TypedValueSchema, ValueEntrySchema } from "../gen/cairn/v1/value_pb.ts";
import { limits } from "../limits.ts";
import type { CallContext } from "./context.ts";
import type { Parts } from "./service.ts";

/** Takes values as their chunks come: for each a header, then its chunks. */
export async function putValues(
  { store }: Parts,
  requests: AsyncIterable<PutValuesRequest>,
  { space }: CallContext,
): Promise<PutValuesResponse> {
  const refs: string[] = [];
  const coming = requests[Symbol.asyncIterator]();
  let next = await coming.next();
  async function* chunks(): AsyncIterable<Uint8Array> {
    for (;;) {
      next = await coming.next();
      if (next.done || next.value.part.case !== "chunk") return;
      yield next.value.part.value;
    }
  }
  while (!next.done) {
    const { part } = next.value;
    if (part.case !== "header") throw invalidField("chunk", "comes before any header");
    if (refs.length === limits.uploadsPerCallMax) throw tooMany();
    const { threadId, type, sizeBytes, crc32 } = part.value;
    refs.push(await store.upload({ space, thread: threadId }, { type, sizeBytes, crc32 }, chunks()));
  }
  return create(PutValuesResponseSchema, { refs });
}

function tooMany(): CairnError {
  return new CairnError(ErrorReason.LIMIT_REACHED, `a call uploads at most ${limits.uploadsPerCallMax} values`, {
    metadata: { limit: "uploads_per_call", value: `${limits.uploadsPerCallMax + 1}` },
  });
}

/** Gives values in chunks, each as it is read. */
export async function* getValues(
  { store }: Parts,
  { threadId, refs }: GetValuesRequest,
  { space }: CallContext,
): AsyncIterable<GetValuesResponse> {
  for (const ref of refs) {
    const { type, sizeBytes, crc32, chunks } = await store.streamValue({ space, thread: threadId }, ref);
    const entry = create(ValueEntrySchema, { ref, sizeBytes, crc32, value: create(TypedValueSchema, { type }) });
    yield create(GetValuesResponseSchema, { part: { case: "entry", value: entry } });
    for await (const chunk of chunks) {
      yield create(GetValuesResponseSchema, { part: { case: "chunk", value: chunk } });
    }
  }
}
