import { create } from "@bufbuild/protobuf";
import type { Record } from "../gen/cairn/store/v1/record_pb.ts";
import {
  type CopyThreadRequest,
  CopyThreadRequestSchema,
  type CopyThreadResponse,
  CopyThreadResponseSchema,
} from "../gen/cairn/v1/thread_service_pb.ts";
import type { CallContext } from "./context.ts";
import type { Parts } from "./service.ts";
import { newThreadId, writtenThread } from "./thread-answer.ts";

/** Copies a thread. The request is remembered with the copy. */
export async function copyThread(
  parts: Parts,
  request: CopyThreadRequest,
  { space, signal }: CallContext,
): Promise<CopyThreadResponse> {
  const from = { space, thread: request.threadId };
  const to = { space, thread: request.newThreadId || newThreadId(parts, space, request.requestId) };
  const answerOf = (record: Record) => create(CopyThreadResponseSchema, { thread: writtenThread(to, record) });
  return parts.requests.once({
    key: to,
    method: "CopyThread",
    input: CopyThreadRequestSchema,
    request,
    output: CopyThreadResponseSchema,
    async work(stamp) {
      // Before anything is copied: what was answered is there already.
      await stamp(answerOf);
      const { record } = await parts.store.copyThread({ from, to, request: () => stamp(answerOf), signal });
      return answerOf(record);
    },
  });
}
