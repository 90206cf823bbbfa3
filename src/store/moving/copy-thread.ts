import { CairnError } from "../../errors.ts";
import { ErrorReason } from "../../gen/cairn/v1/error_pb.ts";
import { threadNotFound } from "../../not-found.ts";
import type { StoreParts } from "../committer.ts";
import type { ThreadKey } from "../log.ts";
import { rowsBetween } from "../prune-plan.ts";
import type { Committed, RequestDraft, ThreadTail } from "../store.ts";
import { EMPTY_METADATA } from "../thread-record.ts";
import { ThreadWriter } from "./thread-writer.ts";

/** How often a copy begins anew because older records of its source were changed meanwhile. */
const ATTEMPTS_MAX = 5;

export interface Copy {
  from: ThreadKey;
  to: ThreadKey;
  /** The request that it is committed with. */
  request: () => Promise<RequestDraft | undefined>;
  signal?: AbortSignal;
}

/**
 * Copies a thread, as it is now, to a new one that shares nothing with it. Throws THREAD_NOT_FOUND, THREAD_EXISTS,
 * THREAD_BUSY when the source does not stay as it was, STALE_EPOCH.
 */
export async function copyThread(parts: StoreParts, copy: Copy): Promise<Committed> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const source = await parts.committer.tail(copy.from);
    if (!source.exists) throw threadNotFound(copy.from.thread);
    const committed = await copyOnce(parts, copy, source);
    if (committed) return committed;
  }
  throw changedMeanwhile(copy.from);
}

/** Undefined: the source has changed, and nothing is left of the attempt. */
async function copyOnce(parts: StoreParts, copy: Copy, source: ThreadTail): Promise<Committed | undefined> {
  const { from, to, request, signal } = copy;
  const writer = new ThreadWriter(parts, to, { ...source, key: from });
  try {
    let metadata = EMPTY_METADATA;
    for await (const { row, record } of rowsBetween(parts.log, from, Number(source.tail.floor), source.n)) {
      signal?.throwIfAborted();
      if (row.n === Number(source.tail.metadataAt)) metadata = record.threadMetadata ?? EMPTY_METADATA;
      if (!row.floor && row.expiresAtMs === undefined) await writer.add(row.n, record);
    }
    await writer.flush();
    if (await isUnchanged(parts, from, source)) {
      const createdAtMs = BigInt(Math.trunc(parts.environment.clock.nowMs()));
      return await writer.commit({ metadata, createdAtMs, request });
    }
  } catch (error) {
    await writer.abort();
    throw error;
  }
  await writer.abort();
  return undefined;
}

/** Whether nothing that was read of a thread can have been changed while it was. Throws THREAD_NOT_FOUND. */
export async function isUnchanged(
  { log, committer }: Pick<StoreParts, "log" | "committer">,
  key: ThreadKey,
  source: ThreadTail,
): Promise<boolean> {
  const now = await committer.tail(key);
  if (!now.exists || now.tail.floor !== source.tail.floor) throw threadNotFound(key.thread);
  for await (const { record } of rowsBetween(log, key, source.n, now.n)) if (record.changesOlder) return false;
  return true;
}

export function changedMeanwhile({ thread }: ThreadKey): CairnError {
  const message = "records of the thread are being changed while it is read: try again";
  return new CairnError(ErrorReason.THREAD_BUSY, message, { metadata: { thread_id: thread } });
}
