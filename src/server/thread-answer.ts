import { stringify } from "uuid";
import { invariant } from "../errors.ts";
import type { Record } from "../gen/cairn/store/v1/record_pb.ts";
import type { Thread } from "../gen/cairn/v1/thread_service_pb.ts";
import type { ThreadKey } from "../store/store.ts";
import { threadOf } from "../store/thread-record.ts";
import { uuid4 } from "../system/uuid.ts";
import { sha256 } from "../values/digest.ts";
import type { Parts } from "./service.ts";

/** A thread as the record that set its metadata left it. */
export function writtenThread(key: ThreadKey, { tail, atMs, threadMetadata }: Record): Thread {
  invariant(tail !== undefined && threadMetadata !== undefined, "the record tells of the thread");
  return threadOf(key, tail, Number(atMs), threadMetadata);
}

/** A retry has to make the same thread, so its id comes from the request's. */
export function newThreadId({ environment }: Parts, space: string, requestId: string): string {
  if (requestId === "") return uuid4(environment);
  const bytes = sha256("thread", "\0", space, "\0", requestId).subarray(0, 16);
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  return stringify(bytes);
}
