import { create } from "@bufbuild/protobuf";
import {
  ThreadSchema,
  type WatchThreadsRequest,
  type WatchThreadsResponse,
  WatchThreadsResponseSchema,
} from "../gen/cairn/v1/thread_service_pb.ts";
import type { Store } from "../store/store.ts";
import type { CallContext } from "./context.ts";

/**
 * Tells of threads that change. What is kept for a slow reader is the set of threads that changed, not the
 * changes: it gets each thread as it is when its turn comes.
 */
export async function* watchThreads(
  store: Store,
  { threadIds }: WatchThreadsRequest,
  { space, signal }: CallContext,
): AsyncGenerator<WatchThreadsResponse> {
  const wanted = new Set(threadIds);
  const changed = new Set<string>();
  let wake = () => {};
  const unsubscribe = store.onCommit(({ space: other, thread }) => {
    if (other !== space || (wanted.size > 0 && !wanted.has(thread))) return;
    changed.add(thread);
    wake();
  });
  const onAbort = () => wake();
  signal.addEventListener("abort", onAbort);
  try {
    while (!signal.aborted) {
      for (const id of changed) {
        changed.delete(id);
        const thread = await store.getThread({ space, thread: id });
        yield thread === undefined
          ? create(WatchThreadsResponseSchema, { thread: create(ThreadSchema, { id }), deleted: true })
          : create(WatchThreadsResponseSchema, { thread });
        if (signal.aborted) break;
      }
      if (changed.size === 0 && !signal.aborted) await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    unsubscribe();
    signal.removeEventListener("abort", onAbort);
  }
}
