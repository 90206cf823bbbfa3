import { create } from "@bufbuild/protobuf";
import { nativeView } from "../engine/view.ts";
import { invalidField } from "../errors.ts";
import {
  type BatchGetCheckpointsRequest,
  type BatchGetCheckpointsResponse,
  BatchGetCheckpointsResponseSchema,
  ChannelHistorySchema,
  type CheckpointEntry,
  CheckpointEntrySchema,
  type CheckpointName,
  CheckpointOrder,
  type FindCheckpointRequest,
  type FindCheckpointResponse,
  FindCheckpointResponseSchema,
  type GetChannelHistoryRequest,
  type GetChannelHistoryResponse,
  GetChannelHistoryResponseSchema,
  type GetCheckpointRequest,
  type GetCheckpointResponse,
  GetCheckpointResponseSchema,
  type ListCheckpointsRequest,
  type ListCheckpointsResponse,
  ListCheckpointsResponseSchema,
  type ValueTable,
  ValueTableSchema,
  ValueView,
} from "../gen/cairn/v1/checkpoint_service_pb.ts";
import type { ValueEntry } from "../gen/cairn/v1/value_pb.ts";
import { limits } from "../limits.ts";
import { checkpointNotFound } from "../not-found.ts";
import type { ReadOptions, StoredCheckpoint } from "../store/store.ts";
import type { CallContext } from "./context.ts";
import { pageSizeOf } from "./pages.ts";
import type { Parts } from "./service.ts";
import { notFound } from "./thread-guard.ts";

export async function getCheckpoint(
  parts: Parts,
  request: GetCheckpointRequest,
  context: CallContext,
): Promise<GetCheckpointResponse> {
  const options = readOptions(request.view, request.heldRefs);
  const stored = await read(parts, request, orderOf(request.order), options, context);
  if (stored !== undefined) return create(GetCheckpointResponseSchema, entryAndValues(stored));
  const key = { space: context.space, thread: request.threadId };
  throw await notFound(parts.store, key, request.namespace, request.checkpointId);
}

export async function batchGetCheckpoints(
  parts: Parts,
  request: BatchGetCheckpointsRequest,
  context: CallContext,
): Promise<BatchGetCheckpointsResponse> {
  const options = readOptions(request.view, [], request.names.length);
  const read1 = (name: CheckpointName) => read(parts, name, "seq", options, context);
  const found = await Promise.all(request.names.map(read1));
  const results = found.flatMap((stored) =>
    stored === undefined ? [] : [create(GetCheckpointResponseSchema, entryAndValues(stored))],
  );
  return create(BatchGetCheckpointsResponseSchema, { results });
}

export async function findCheckpoint(
  { store }: Parts,
  request: FindCheckpointRequest,
  { space }: CallContext,
): Promise<FindCheckpointResponse> {
  const stored = await store.findCheckpoint(space, request.checkpointId, readOptions(request.view, []));
  if (stored !== undefined) return create(FindCheckpointResponseSchema, entryAndValues(stored));
  throw checkpointNotFound(request.checkpointId, {});
}

export async function listCheckpoints(
  { store }: Parts,
  request: ListCheckpointsRequest,
  { space }: CallContext,
): Promise<ListCheckpointsResponse> {
  if (request.ancestorsOf !== undefined && (request.threadId === undefined || request.namespace === undefined)) {
    throw invalidField("ancestors_of", "needs thread_id and namespace");
  }
  if (request.before !== undefined && request.threadId === undefined) throw invalidField("before", "needs thread_id");
  const list = {
    thread: request.threadId,
    namespace: request.namespace,
    ancestorsOf: request.ancestorsOf,
    before: request.before,
    filters: request.filters,
    order: orderOf(request.order),
    pageSize: pageSizeOf(request),
    pageToken: request.pageToken,
  };
  const page = await store.listCheckpoints(space, list, readOptions(request.view, request.heldRefs));
  const response = create(ListCheckpointsResponseSchema, {
    entries: page.entries.map(entryOf),
    nextPageToken: page.nextPageToken,
  });
  response.tables = tablesOf(page.entries);
  return response;
}

export async function getChannelHistory(
  { store }: Parts,
  { name, channels }: GetChannelHistoryRequest,
  { space }: CallContext,
): Promise<GetChannelHistoryResponse> {
  const { threadId = "", namespace = "", checkpointId } = name ?? {};
  const key = { space, thread: threadId };
  const query = { namespace, id: checkpointId, channels };
  const history = await store.getChannelHistory(key, query, readOptions(ValueView.FULL, []));
  if (history === undefined) throw await notFound(store, key, namespace, checkpointId);
  const response = create(GetChannelHistoryResponseSchema, { values: [...history.values.values()] });
  response.channels = Object.create(null);
  for (const [channel, found] of history.channels) response.channels[channel] = create(ChannelHistorySchema, found);
  return response;
}

/** One value table a thread; without a prototype, so that a thread named `__proto__` is like any other. */
function tablesOf(entries: StoredCheckpoint[]): { [thread: string]: ValueTable } {
  const byThread = new Map<string, Map<string, ValueEntry>>();
  for (const { checkpoint, values } of entries) {
    const table = byThread.get(checkpoint.threadId) ?? new Map<string, ValueEntry>();
    byThread.set(checkpoint.threadId, table);
    for (const [ref, value] of values) table.set(ref, value);
  }
  const tables: { [thread: string]: ValueTable } = Object.create(null);
  for (const [thread, table] of byThread) tables[thread] = create(ValueTableSchema, { values: [...table.values()] });
  return tables;
}

function read(
  { store }: Parts,
  name: Pick<CheckpointName, "threadId" | "namespace" | "checkpointId">,
  order: "seq" | "id",
  options: ReadOptions,
  { space }: CallContext,
): Promise<StoredCheckpoint | undefined> {
  const which = name.checkpointId === undefined ? { latestBy: order } : { id: name.checkpointId };
  return store.getCheckpoint({ space, thread: name.threadId }, name.namespace, which, options);
}

function entryAndValues(stored: StoredCheckpoint) {
  return { entry: entryOf(stored), values: [...stored.values.values()] };
}

/** A checkpoint as readers see it: what is pending in a native one follows from its writes. */
function entryOf({ checkpoint, writes }: StoredCheckpoint): CheckpointEntry {
  return create(CheckpointEntrySchema, { checkpoint: nativeView(checkpoint, writes), writes });
}

function orderOf(order: CheckpointOrder): "seq" | "id" {
  return order === CheckpointOrder.ID ? "id" : "seq";
}

/** `answers`: how many of them go into one message. */
function readOptions(view: ValueView, heldRefs: string[], answers = 1): ReadOptions {
  return {
    view: view === ValueView.REFS ? "refs" : "full",
    heldRefs: new Set(heldRefs),
    bytesMax: limits.answerValueBytesMax / answers,
  };
}
