import { create } from "@bufbuild/protobuf";
import { invariant } from "../errors.ts";
import {
  type ExportThreadRequest,
  type ExportThreadResponse,
  ExportThreadResponseSchema,
  type ImportThreadRequest,
  type ImportThreadResponse,
  ImportThreadResponseSchema,
} from "../gen/cairn/v1/thread_service_pb.ts";
import type { Store } from "../store/store.ts";
import type { CallContext } from "./context.ts";

/** A thread as a file, in chunks. */
export async function* exportThread(
  store: Store,
  { threadId }: ExportThreadRequest,
  { space, signal }: CallContext,
): AsyncGenerator<ExportThreadResponse> {
  for await (const data of store.exportThread({ space, thread: threadId }, signal)) {
    yield create(ExportThreadResponseSchema, { data });
  }
}

/** The first message says what the thread is to be called. */
export async function importThread(
  store: Store,
  requests: AsyncIterable<ImportThreadRequest>,
  { space, signal }: CallContext,
): Promise<ImportThreadResponse> {
  const iterator = requests[Symbol.asyncIterator]();
  const first = await iterator.next();
  const thread = first.done ? "" : first.value.threadId;
  const chunks = async function* () {
    for (let next = first; !next.done; next = await iterator.next()) {
      // A caller that went away has not sent all, whatever its last chunk looks like.
      signal.throwIfAborted();
      yield next.value.data;
    }
    signal.throwIfAborted();
  };
  const { key, records } = await store.importThread({ space, thread }, chunks());
  const made = await store.getThread(key);
  invariant(made !== undefined, "a thread that was imported is there");
  return create(ImportThreadResponseSchema, { thread: made, records: BigInt(records) });
}
