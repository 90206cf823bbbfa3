import type { MetadataFilter } from "../gen/cairn/v1/checkpoint_service_pb.ts";
import { type Thread, ThreadSchema, type ThreadStatus } from "../gen/cairn/v1/thread_service_pb.ts";
import type { Log, ThreadKey } from "./log.ts";
import { isNumber, isText, pageSizeOf, pageTokens } from "./page-token.ts";
import { corrupt, decodeMessage, decodeRow } from "./record-codec.ts";
import { tagsOfFilters } from "./tags.ts";
import { EMPTY_METADATA, threadOf, threadTail } from "./thread-record.ts";

type Position = { createdAtMs: number; thread: string };

/** Reads a thread from its own log: the newest record, and the one that set its metadata. */
export async function readThread(log: Log, key: ThreadKey): Promise<Thread | undefined> {
  const row = await log.last(key);
  if (!row) return undefined;
  const record = decodeRow(key, row);
  const { tail, exists } = threadTail(row, record);
  if (!exists) return undefined;
  const updatedAtMs = Number(record.atMs);
  const at = Number(tail.metadataAt);
  if (at === 0) return threadOf(key, tail, updatedAtMs, EMPTY_METADATA);
  if (at === row.n) return threadOf(key, tail, updatedAtMs, record.threadMetadata ?? EMPTY_METADATA);
  const { rows } = await log.gather(key, { positions: [at], parts: [], keys: [] });
  const [holder] = rows;
  // Deleted in between: then a new look says so.
  if (!holder && (await log.last(key))?.n !== row.n) return await readThread(log, key);
  const metadata = holder && decodeRow(key, holder).threadMetadata;
  if (!metadata) throw corrupt(`thread ${JSON.stringify(key.thread)}`, `record ${at} lacks its metadata`);
  return threadOf(key, tail, updatedAtMs, metadata);
}

/** A page of threads, the one created last first, from their summaries. */
export async function listThreads(
  log: Log,
  space: string,
  query: { status?: ThreadStatus; filters: MetadataFilter[]; pageSize: number; pageToken: string },
): Promise<{ threads: Thread[]; nextPageToken: string }> {
  const tags = tagsOfFilters(query.filters);
  const status = query.status || undefined;
  const tokens = pageTokens([space, status, tags], isPosition);
  const after = tokens.read(query.pageToken);
  const limit = pageSizeOf(query.pageSize);
  const found = await log.threads(space, { status, tags, after, limit: limit + 1 });
  const page = found.slice(0, limit);
  const last = page.at(-1);
  return {
    threads: page.map(({ thread, summary }) => ({
      ...decodeMessage(ThreadSchema, summary.body, `summary of thread ${JSON.stringify(thread)}`),
      metadata: summary.metadata?.json ?? EMPTY_METADATA,
    })),
    nextPageToken:
      found.length > limit && last ? tokens.write({ createdAtMs: last.summary.createdAtMs, thread: last.thread }) : "",
  };
}

function isPosition(position: unknown): position is Position {
  if (typeof position !== "object" || position === null) return false;
  const { createdAtMs, thread } = position as Position;
  return isNumber(createdAtMs) && isText(thread);
}
