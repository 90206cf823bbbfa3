import { create } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import {
  type PruneThreadsRequest,
  PruneThreadsRequestSchema,
  type PruneThreadsResponse,
  PruneThreadsResponseSchema,
} from "../gen/cairn/v1/thread_service_pb.ts";
import { threadNotFound } from "../not-found.ts";
import type { CallContext } from "./context.ts";
import type { Parts } from "./service.ts";
import { checkNotHeld } from "./thread-guard.ts";

/** Prunes one thread after the other. Each remembers the request by itself, so that a retry does only what is left. */
export async function pruneThreads(
  parts: Parts,
  request: PruneThreadsRequest,
  { space, signal }: CallContext,
): Promise<PruneThreadsResponse> {
  const threads = [...new Set(request.threadIds)];
  // What is refused at all is better refused before anything is gone.
  for (const thread of threads) {
    const tail = await parts.store.tail({ space, thread });
    if (!tail.exists) throw threadNotFound(thread);
    checkNotHeld(tail, thread, parts);
  }
  let pruned = 0n;
  for (const thread of threads) pruned += await pruneThread(parts, request, { space, thread, signal });
  return create(PruneThreadsResponseSchema, { prunedCheckpoints: pruned });
}

async function pruneThread(
  parts: Parts,
  request: PruneThreadsRequest,
  { space, thread, signal }: { space: string; thread: string; signal: AbortSignal },
): Promise<bigint> {
  const { keep, olderThan } = request;
  const key = { space, thread };
  const answerOf = (removed: number) => create(PruneThreadsResponseSchema, { prunedCheckpoints: BigInt(removed) });
  const { prunedCheckpoints } = await parts.requests.once({
    key,
    method: "PruneThreads",
    input: PruneThreadsRequestSchema,
    request,
    output: PruneThreadsResponseSchema,
    async work(stamp) {
      // Before anything is removed: one that was answered is over.
      const isRepeatable = (await stamp(answerOf(0))) !== undefined;
      const removed = await parts.store.pruneThread(key, {
        keep,
        olderThanMs: olderThan && timestampMs(olderThan),
        guard: (tail) => checkNotHeld(tail, thread, parts),
        request: isRepeatable ? (count) => stamp(answerOf(count)) : undefined,
        signal,
      });
      return answerOf(removed);
    },
  });
  return prunedCheckpoints;
}
