import type { CheckpointStore, ReadCheckpoint } from "../checkpoints/checkpoint-store.ts";
import { Code } from "../code.ts";
import { CairnClientError } from "../error.ts";
import type { Place } from "./config.ts";
import { toFilters } from "./metadata.ts";

/** Checkpoints that a list fetches at a time, unless it wants fewer. */
const PAGE_SIZE = 50;

/** Which checkpoints to list. */
export interface ListQuery {
  place: Place;
  /** Only checkpoints before this one. */
  before?: Place;
  filter?: Record<string, unknown>;
  limit?: number;
}

/** Lists checkpoints, newest first; nothing where there is no such thread. */
export async function* listed(store: CheckpointStore, query: ListQuery): AsyncGenerator<ReadCheckpoint> {
  const { place, before, limit = Number.POSITIVE_INFINITY } = query;
  const { threadId, checkpointId } = place;
  if (limit <= 0) return;
  const isOne = threadId !== undefined && checkpointId !== undefined;
  const isBefore = (id: string) => before?.checkpointId === undefined || compareBytes(id, before.checkpointId) < 0;
  let count = 0;
  try {
    for await (const found of store.list(threadId, await requestOf(query, isOne))) {
      const { id } = found.checkpoint;
      if (isBefore(id) && (checkpointId === undefined || id === checkpointId)) {
        yield found;
        count++;
      }
      if (isOne || count >= limit) return;
    }
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
}

export function isNotFound(error: unknown): boolean {
  return error instanceof CairnClientError && error.code === Code.NotFound;
}

async function requestOf({ place, before, filter, limit = PAGE_SIZE }: ListQuery, isOne: boolean) {
  const { threadId, namespace, checkpointId } = place;
  const filters = await toFilters(filter);
  if (isOne) return { namespace: namespace ?? "", ancestorsOf: checkpointId, filters, pageSize: 1 };
  // Elsewhere the server knows no such checkpoint, and ids are compared here.
  const isHere = threadId !== undefined && before?.threadId === threadId && (before.namespace ?? "") === namespace;
  return {
    namespace,
    filters,
    before: isHere ? before.checkpointId : undefined,
    pageSize: Math.min(limit, PAGE_SIZE),
  };
}

/** As the server orders ids: by their UTF-8. */
function compareBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
