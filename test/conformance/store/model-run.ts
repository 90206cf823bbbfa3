import { expect } from "vitest";
import { CairnError } from "../../../src/errors.ts";
import type { Value } from "../../../src/gen/cairn/v1/value_pb.ts";
import type { Draft, ReadOptions, Store, StoredCheckpoint } from "../../../src/store/store.ts";
import {
  FILTERS,
  IDS,
  type List,
  NAMESPACES,
  type Operation,
  PATHS,
  type Put,
  RUNS,
  TASKS,
  THREADS,
  VALUES,
} from "./model-operations.ts";
import {
  type ModelCheckpoint,
  ModelRefusal,
  type ModelStore,
  metadataOf,
  parentOf,
  versionsOf,
} from "./model-store.ts";
import { allPages, byRef, bytes, checkpoint, commit, dataOf, FULL, filter, inline, write } from "./support.ts";

/** Does one operation on the store and on the model, and compares what comes of it. */
export async function run(store: Store, space: string, model: ModelStore, operation: Operation, options: ReadOptions) {
  switch (operation.kind) {
    case "put":
      return await runPut(store, space, model, operation);
    case "writes": {
      const key = { space, thread: THREADS[operation.thread] as string };
      const namespace = NAMESPACES[operation.namespace] as string;
      const writes = operation.writes.map(({ task, path, idx, value }) =>
        write(TASKS[task] as string, idx, inline(VALUES[value] as Uint8Array), PATHS[path]),
      );
      await commit(store, key, { writes: [{ namespace, checkpointId: IDS[operation.id] ?? "", writes }] });
      return model.write(operation);
    }
    case "clear": {
      const key = { space, thread: THREADS[operation.thread] as string };
      const cleared = { namespace: NAMESPACES[operation.namespace] as string, checkpointId: IDS[operation.id] ?? "" };
      await commit(store, key, { clearedWrites: [cleared] });
      return model.clear(operation.thread, cleared.namespace, cleared.checkpointId);
    }
    case "list":
      return await runList(store, space, model, operation, options);
    case "get": {
      const thread = THREADS[operation.thread] as string;
      const namespace = NAMESPACES[operation.namespace] as string;
      const id = IDS[operation.id] as string;
      const found = await store.getCheckpoint({ space, thread }, namespace, { id }, options);
      const known = model.thread(thread).checkpoints.find((one) => one.namespace === namespace && one.id === id);
      return expect(seen(found)).toEqual(expected(model, known));
    }
    case "find": {
      const id = IDS[operation.id] as string;
      const known = await outcomeOf(async () => expected(model, model.find(id)));
      return expect(await outcomeOf(async () => seen(await store.findCheckpoint(space, id, options)))).toEqual(known);
    }
    case "deleteThread": {
      const thread = THREADS[operation.thread] as string;
      return expect(await store.deleteThread({ space, thread })).toBe(model.deleteThread(thread));
    }
    case "copy": {
      const [from, to] = [THREADS[operation.from] as string, THREADS[operation.to] as string];
      const known = await outcomeOf(async () => model.copy(from, to));
      const keys = { from: { space, thread: from }, to: { space, thread: to } };
      const copied = outcomeOf(async () => void (await store.copyThread({ ...keys, request: async () => undefined })));
      return expect(await copied).toEqual(known);
    }
    case "prune": {
      const key = { space, thread: THREADS[operation.thread] as string };
      const { keep } = operation;
      const known = await outcomeOf(async () => model.prune(key.thread, keep));
      expect(await outcomeOf(() => store.pruneThread(key, { keep, guard: () => {} }))).toEqual(known);
      // How many records it takes is the store's to decide.
      model.thread(key.thread).n = (await store.tail(key)).n;
      return;
    }
    case "deleteRuns":
      return expect(await store.deleteRuns(space, operation.runs, () => {})).toBe(model.deleteRuns(operation.runs));
  }
}

async function runPut(store: Store, space: string, model: ModelStore, put: Put): Promise<void> {
  const key = { space, thread: THREADS[put.thread] as string };
  const namespace = NAMESPACES[put.namespace] as string;
  const head = model.head(model.thread(key.thread), namespace);
  const refs: [channel: string, value: Value][] = [];
  if (put.keeps && head) {
    const found = await store.getCheckpoint(key, namespace, { id: head.id }, { view: "refs" });
    for (const [channel, { source }] of Object.entries(found?.checkpoint.channelValues ?? {})) {
      if (source.case === "ref") refs.push([channel, byRef(source.value)]);
    }
  }
  const values = new Map(refs);
  put.values.forEach((value, index) => {
    values.set(`c${index}`, inline(VALUES[value] as Uint8Array));
  });
  const draft: Draft = {
    checkpoint: checkpoint(IDS[put.id] as string, {
      namespace,
      parentId: parentOf(put),
      runId: put.run === null ? undefined : RUNS[put.run],
      metadata: metadataOf(put.document),
      ...versionsOf(put.document),
      values: Object.fromEntries(values),
    }),
    onConflict: put.onConflict,
    request: put.request
      ? { id: `${put.request.id}`, bodyHash: bytes("h"), answer: put.request.isAnswered ? bytes("a") : undefined }
      : undefined,
  };
  if (put.expectedHead === "none") draft.expectedHead = null;
  if (put.expectedHead === "right") draft.expectedHead = head?.id ?? null;
  if (put.expectedHead === "wrong") draft.expectedHead = "never";
  const kept = put.keeps && head ? head.values : new Map<string, number>();
  const known = await outcomeOf(async () => model.put(put, kept));
  expect(await outcomeOf(async () => void (await commit(store, key, draft)))).toEqual(known);
}

async function runList(
  store: Store,
  space: string,
  model: ModelStore,
  given: List,
  options: ReadOptions,
): Promise<void> {
  // What needs a thread or a namespace is only asked with one.
  const list = { ...given };
  if (list.thread === null) Object.assign(list, { before: null, ancestorsOf: null });
  if (list.namespace === null) list.ancestorsOf = null;
  const known = await outcomeOf(async () => model.list(list).map((one) => expected(model, one)));
  const found = await outcomeOf(async () => {
    const entries = await allPages(async (pageToken) => {
      const page = await store.listCheckpoints(space, { ...questionOf(list), pageToken }, options);
      return { items: page.entries, nextPageToken: page.nextPageToken };
    });
    return entries.map(seen);
  });
  expect(found).toEqual(known);
}

function questionOf({ thread, namespace, order, before, ancestorsOf, filters, pageSize }: List) {
  return {
    thread: thread === null ? undefined : THREADS[thread],
    namespace: namespace === null ? undefined : NAMESPACES[namespace],
    before: before === null ? undefined : IDS[before],
    ancestorsOf: ancestorsOf === null ? undefined : IDS[ancestorsOf],
    filters: filters.map((index) => filter(FILTERS[index]?.key ?? "", FILTERS[index]?.json ?? "")),
    order,
    pageSize,
  };
}

/** Compares everything that can be read of every thread. `other` is a second server on the same store. */
export async function check(store: Store, other: Store, space: string, model: ModelStore): Promise<void> {
  for (const thread of THREADS) {
    const key = { space, thread };
    const known = model.thread(thread);
    expect(await store.tail(key)).toMatchObject({ n: known.n, exists: known.exists });
    for (const namespace of NAMESPACES) {
      const head = model.head(known, namespace);
      expect(seen(await store.getCheckpoint(key, namespace, { latestBy: "seq" }, FULL))).toEqual(expected(model, head));
    }
    const found = await store.getThread(key);
    expect(found?.headCheckpointId).toBe(known.exists ? (model.head(known, "")?.id ?? "") : undefined);
    for (const id of ["0", "1", "2"]) {
      const request = known.requests.get(id);
      const stored = await store.findRequest(key, id);
      expect(stored && { isAnswered: stored.answer !== undefined }).toEqual(request);
    }
  }
  const everything = { thread: null, namespace: null, before: null, ancestorsOf: null, filters: [], pageSize: 3 };
  for (const order of ["seq", "id"] as const) {
    await runList(store, space, model, { kind: "list", ...everything, order }, FULL);
  }
  // A server's lists have what it wrote itself; what the other one wrote may trail, until that one lists.
  const list = { filters: [], pageSize: 10, pageToken: "" };
  await other.listThreads(space, list);
  const { threads } = await store.listThreads(space, list);
  const existing = THREADS.filter((thread) => model.thread(thread).exists);
  expect(threads.map(({ id }) => id).sort()).toEqual(existing.sort());
}

/**
 * The store's own look at itself finds nothing but parents that never were there, and what was left by checkpoints that
 * were replaced. Once that is repaired, it finds nothing.
 */
export async function repair(store: Store, space: string, model: ModelStore): Promise<void> {
  const { signal } = new AbortController();
  for await (const { findings } of store.check({ repair: true, space, signal })) {
    for (const { fault, thread, checkpoint: broken, isRepaired } of findings) {
      expect(isRepaired).toBe(true);
      expect(fault).toMatch(/^(broken-parent|orphaned-value)$/);
      if (broken && thread !== undefined) model.markParent(thread, broken);
    }
  }
  for await (const { findings } of store.check({ repair: false, space, signal })) expect(findings).toEqual([]);
  for (const thread of THREADS) {
    expect(model.brokenOf(thread)).toEqual([]);
    model.thread(thread).n = (await store.tail({ space, thread })).n;
  }
}

function seen(entry: StoredCheckpoint | undefined): unknown {
  if (!entry) return undefined;
  const { checkpoint: found, writes } = entry;
  return {
    thread: found.threadId,
    namespace: found.namespace,
    id: found.id,
    seq: Number(found.seq),
    parent: found.parentId,
    parentPruned: found.parentPruned,
    run: found.runId,
    metadata: found.metadata && new TextDecoder().decode(found.metadata),
    channelVersions: found.channelVersions,
    versionsSeen: found.versionsSeen,
    values: Object.entries(found.channelValues)
      .map(([channel, value]) => [channel, sampleOf(dataOf(entry, value))])
      .sort(),
    writes: writes.map(({ taskId, taskPath, idx, value }) => [taskPath, taskId, idx, sampleOf(dataOf(entry, value))]),
  };
}

function expected(model: ModelStore, known: ModelCheckpoint | undefined): unknown {
  if (!known) return undefined;
  const metadata = metadataOf(known.document);
  return {
    thread: known.thread,
    namespace: known.namespace,
    id: known.id,
    seq: known.seq,
    parent: known.parent,
    parentPruned: known.parentPruned === "unknown" ? expect.any(Boolean) : known.parentPruned,
    run: known.run,
    metadata: metadata && new TextDecoder().decode(metadata),
    channelVersions: undefined,
    versionsSeen: undefined,
    ...versionsOf(known.document),
    values: [...known.values].sort(),
    writes: model.writesOf(known).map(({ path, task, idx, value }) => [path, task, idx, value]),
  };
}

/** Which of the sample values these bytes are: cheaper to compare and to print. */
function sampleOf(data: Uint8Array | undefined): number {
  return data === undefined ? -2 : VALUES.findIndex((value) => Buffer.compare(value, data) === 0);
}

async function outcomeOf<Result>(act: () => Promise<Result>): Promise<Result | { refused: string }> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof ModelRefusal) return { refused: error.message };
    if (error instanceof CairnError) return { refused: error.reasonName };
    throw error;
  }
}
