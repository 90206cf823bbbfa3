import { create } from "@bufbuild/protobuf";
import { CairnError, invalidField, invariant } from "../errors.ts";
import type { Record } from "../gen/cairn/store/v1/record_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { EventSchema, ThreadUpdatedSchema } from "../gen/cairn/v1/event_pb.ts";
import {
  type CreateThreadRequest,
  CreateThreadRequestSchema,
  type CreateThreadResponse,
  CreateThreadResponseSchema,
  type DeleteThreadRequest,
  DeleteThreadRequestSchema,
  type DeleteThreadResponse,
  DeleteThreadResponseSchema,
  GetThreadResponseSchema,
  ListThreadsResponseSchema,
  type Thread,
  ThreadService,
  ThreadStatus,
  type UpdateThreadRequest,
  UpdateThreadRequestSchema,
  type UpdateThreadResponse,
  UpdateThreadResponseSchema,
} from "../gen/cairn/v1/thread_service_pb.ts";
import { threadNotFound } from "../not-found.ts";
import type { Store, ThreadKey } from "../store/store.ts";
import { EMPTY_METADATA } from "../store/thread-record.ts";
import { decodeJson } from "../values/json-decode.ts";
import { isPlainMap } from "../values/value.ts";
import type { Handlers } from "./adapter.ts";
import type { CallContext } from "./context.ts";
import { copyThread } from "./copy-thread.ts";
import { exportThread, importThread } from "./move-threads.ts";
import { pageSizeOf } from "./pages.ts";
import { pruneThreads } from "./prune-threads.ts";
import { define, type Parts, type Service } from "./service.ts";
import { newThreadId, writtenThread } from "./thread-answer.ts";
import { ttlOf } from "./ttl.ts";
import { lookAfter } from "./upkeep.ts";
import { watchThreads } from "./watch-threads.ts";

export function threadService(parts: Parts): Service {
  const { store } = parts;
  const stop = lookAfter(parts);
  const handlers: Handlers<typeof ThreadService> = {
    createThread: (request, context) => createThread(parts, request, context),
    updateThread: (request, context) => updateThread(parts, request, context),
    copyThread: (request, context) => copyThread(parts, request, context),
    exportThread: (request, context) => exportThread(store, request, context),
    importThread: (requests, context) => importThread(store, requests, context),
    deleteThread: (request, context) => deleteThread(parts, request, context),
    pruneThreads: (request, context) => pruneThreads(parts, request, context),
    async getThread({ threadId }, { space }) {
      return create(GetThreadResponseSchema, { thread: await existing(store, { space, thread: threadId }) });
    },
    async listThreads(request, { space }) {
      const { status, filters, pageToken } = request;
      const page = await store.listThreads(space, {
        status: status === ThreadStatus.UNSPECIFIED ? undefined : status,
        filters,
        pageSize: pageSizeOf(request),
        pageToken,
      });
      return create(ListThreadsResponseSchema, page);
    },
    watchThreads: (request, context) => watchThreads(store, request, context),
  };
  return define(ThreadService, handlers, { stop });
}

async function existing(store: Store, key: ThreadKey): Promise<Thread> {
  const thread = await store.getThread(key);
  if (thread === undefined) throw threadNotFound(key.thread);
  return thread;
}

async function createThread(
  parts: Parts,
  request: CreateThreadRequest,
  { space }: CallContext,
): Promise<CreateThreadResponse> {
  const ttlMs = ttlOf(request.ttl, "no zero");
  const threadMetadata = metadataOf(request.metadata);
  const key = { space, thread: request.threadId || newThreadId(parts, space, request.requestId) };
  const answerOf = (record: Record) => create(CreateThreadResponseSchema, { thread: writtenThread(key, record) });
  return parts.requests.once({
    key,
    method: "CreateThread",
    input: CreateThreadRequestSchema,
    request,
    output: CreateThreadResponseSchema,
    async work(stamp) {
      const committed = await parts.store.update(key, async (thread) => {
        const stamped = await stamp(answerOf, thread);
        if (thread.exists) {
          throw new CairnError(ErrorReason.THREAD_EXISTS, "the thread exists", { metadata: { thread_id: key.thread } });
        }
        return { threadMetadata, ttlMs, events: [threadUpdated()], status: ThreadStatus.IDLE, request: stamped };
      });
      invariant(committed !== undefined, "a thread was written without a record");
      return answerOf(committed.record);
    },
  });
}

async function updateThread(
  parts: Parts,
  request: UpdateThreadRequest,
  { space }: CallContext,
): Promise<UpdateThreadResponse> {
  const ttlMs = ttlOf(request.ttl, "zero");
  const given = request.metadata.length > 0 ? metadataOf(request.metadata) : undefined;
  if (given === undefined && ttlMs === undefined) throw invalidField("metadata", "must not be empty without a ttl");
  const key = { space, thread: request.threadId };
  const answerOf = (record: Record) => create(UpdateThreadResponseSchema, { thread: writtenThread(key, record) });
  return parts.requests.once({
    key,
    method: "UpdateThread",
    input: UpdateThreadRequestSchema,
    request,
    output: UpdateThreadResponseSchema,
    async work(stamp) {
      const committed = await parts.store.update(key, async (thread) => {
        if (!thread.exists) throw threadNotFound(key.thread);
        // Written again as they are, so that the answer has them, too.
        const threadMetadata = given ?? (await existing(parts.store, key)).metadata;
        return { threadMetadata, ttlMs, events: [threadUpdated()], request: await stamp(answerOf, thread) };
      });
      invariant(committed !== undefined, "a thread was written without a record");
      return answerOf(committed.record);
    },
  });
}

async function deleteThread(
  parts: Parts,
  request: DeleteThreadRequest,
  { space }: CallContext,
): Promise<DeleteThreadResponse> {
  const key = { space, thread: request.threadId };
  return parts.requests.once({
    key,
    method: "DeleteThread",
    input: DeleteThreadRequestSchema,
    request,
    output: DeleteThreadResponseSchema,
    async work(stamp) {
      const answer = create(DeleteThreadResponseSchema, { existed: true });
      const existed = await parts.store.deleteThread(key, (after) => stamp(answer, after));
      return create(DeleteThreadResponseSchema, { existed });
    },
  });
}

function threadUpdated() {
  return create(EventSchema, { body: { case: "threadUpdated", value: create(ThreadUpdatedSchema) } });
}

/** A thread's metadata must be a JSON object; its bytes are kept. */
function metadataOf(given: Uint8Array): Uint8Array {
  if (given.length === 0) return EMPTY_METADATA;
  let decoded: unknown;
  try {
    decoded = decodeJson(given);
  } catch (error) {
    throw invalidField("metadata", `is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isPlainMap(decoded)) throw invalidField("metadata", "must be a JSON object");
  return given;
}
