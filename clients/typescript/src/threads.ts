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

/** What an imported thread is like. */
export interface ImportThreadOptions extends CallOptions {
  /** Its id. Default: the one that it had. */
  threadId?: string;
}

/** The most that one message of an import may carry. */
const CHUNK_BYTES_MAX = 1024 * 1024;

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

  /**
   * A thread with its whole history as a file, in chunks. One that has not come to its end is no file. Throws NOT_FOUND
   * (THREAD_NOT_FOUND), ABORTED (THREAD_BUSY) when older checkpoints are removed or replaced meanwhile.
   */
  async *export(threadId: string, options: CallOptions = {}): AsyncGenerator<Uint8Array> {
    for await (const { data } of this.#calls.exportThread({ threadId }, options)) yield data;
  }

  /**
   * Makes a thread of what `export` gave, here or on another server: whole, or not at all. Is not tried again by itself.
   * Throws ALREADY_EXISTS (THREAD_EXISTS), INVALID_ARGUMENT for a file that is damaged or truncated, FAILED_PRECONDITION
   * (LAYOUT_TOO_NEW) for one that a newer Cairn wrote.
   */
  async import(
    chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    options: ImportThreadOptions = {},
  ): Promise<{ thread: ThreadInfo; records: bigint }> {
    const { threadId } = options;
    const requests = async function* () {
      yield { threadId };
      for await (const chunk of chunks) {
        for (let from = 0; from < chunk.length; from += CHUNK_BYTES_MAX) {
          yield { data: chunk.subarray(from, from + CHUNK_BYTES_MAX) };
        }
      }
    };
    const { thread, records } = await this.#calls.importThread(requests(), options);
    return { thread: toThreadInfo(thread), records };
  }
}
