import { durationFromMs } from "@bufbuild/protobuf/wkt";
import type { Services } from "./client.ts";
import { ThreadStatus } from "./gen/cairn/v1/thread_service_pb.ts";
import { valueNamed } from "./names.ts";
import { pages } from "./pages.ts";
import { metadataBytes } from "./run-options.ts";
import type { CallOptions } from "./service-calls.ts";
import { type ThreadInfo, type ThreadStatusName, toThreadInfo } from "./thread-info.ts";
import { encodeJson } from "./values/json.ts";

/** Which threads to list. */
export interface ListThreadsOptions extends CallOptions {
  /** Only threads that are doing this. */
  status?: ThreadStatusName;
  /** Only threads whose metadata have all of these at their top level. At most 16. */
  metadata?: Record<string, unknown>;
  /** Threads a page. Default 50, at most 500. */
  pageSize?: number;
}

/** What a new thread is like. */
export interface CreateThreadOptions extends CallOptions {
  /** Default: the server makes one. */
  id?: string;
  /** Anything JSON can hold, at most 64 KiB. */
  metadata?: Record<string, unknown>;
  /** How many milliseconds it lives after its last change: from a second to 100 years. Default: for ever. */
  ttlMs?: number;
  /** Makes a retry return the first answer for 24 hours. Default: a new UUID for each call. */
  requestId?: string;
}

/** The threads of a space. */
export class Threads {
  readonly #calls: Services["threads"];

  constructor(calls: Services["threads"]) {
    this.#calls = calls;
  }

  /** The threads, the one created last first. May trail them by a moment. */
  list(options: ListThreadsOptions = {}): AsyncGenerator<ThreadInfo> {
    const { status, metadata, pageSize } = options;
    const filters = Object.entries(metadata ?? {}).map(([key, value]) => ({
      key,
      equalsJson: new TextEncoder().encode(encodeJson(value, ["metadata", key])),
    }));
    return pages(async (pageToken) => {
      const request = { status: status && valueNamed(ThreadStatus, status), filters, pageSize, pageToken };
      const { threads, nextPageToken } = await this.#calls.listThreads(request, options);
      return { items: threads.map(toThreadInfo), nextPageToken };
    });
  }

  /** Creates a thread. Throws ALREADY_EXISTS (THREAD_EXISTS). A run with a new thread id creates one as well. */
  async create(options: CreateThreadOptions = {}): Promise<ThreadInfo> {
    const metadata = options.metadata && metadataBytes(options.metadata);
    const ttl = options.ttlMs === undefined ? undefined : durationFromMs(options.ttlMs);
    const request = { threadId: options.id, metadata, ttl, requestId: options.requestId };
    return toThreadInfo((await this.#calls.createThread(request, options)).thread);
  }
}
