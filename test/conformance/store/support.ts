import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, beforeEach, expect } from "vitest";
import { CairnError } from "../../../src/errors.ts";
import { type Checkpoint, CheckpointSchema, PendingWriteSchema } from "../../../src/gen/cairn/v1/checkpoint_pb.ts";
import { MetadataFilterSchema } from "../../../src/gen/cairn/v1/checkpoint_service_pb.ts";
import { ErrorReason } from "../../../src/gen/cairn/v1/error_pb.ts";
import {
  CheckpointSavedSchema,
  type Event,
  EventSchema,
  RunStartedSchema,
} from "../../../src/gen/cairn/v1/event_pb.ts";
import { type TypedValue, TypedValueSchema, type Value, ValueSchema } from "../../../src/gen/cairn/v1/value_pb.ts";
import type { Log } from "../../../src/store/log.ts";
import { LogStore } from "../../../src/store/log-store.ts";
import type { Migration } from "../../../src/store/migrate.ts";
import type { Committed, Draft, ReadOptions, Store, StoredCheckpoint, ThreadKey } from "../../../src/store/store.ts";
import { type Environment, systemEnvironment } from "../../../src/system/environment.ts";

/** Data of one backend, for one run of the suite. */
export interface Backend {
  /** Opens the data as one more server would, or shares the one log there can be. */
  open(environment: Environment): Promise<Log>;
  close(): Promise<void>;
}

/** What a test gets: two servers' stores on the same data, and a space of its own. */
export interface Context {
  store: Store;
  other: Store;
  log: Log;
  space: string;
  /** Moves both clocks of both servers. */
  advance(ms: number): void;
}

export function useBackend(factory: () => Promise<Backend>): () => Context {
  let backend: Backend;
  let context: Context;
  let offsetMs = 0;
  let tests = 0;
  const environment: Environment = {
    random: systemEnvironment.random,
    clock: {
      ...systemEnvironment.clock,
      nowMs: () => systemEnvironment.clock.nowMs() + offsetMs,
      monotonicMs: () => systemEnvironment.clock.monotonicMs() + offsetMs,
    },
  };
  beforeAll(async () => {
    backend = await factory();
    const log = await backend.open(environment);
    const advance = (ms: number) => {
      offsetMs += ms;
    };
    const other = new LogStore(await backend.open(environment), environment);
    context = { store: new LogStore(log, environment), other, log, space: "", advance };
  });
  beforeEach(() => {
    offsetMs = 0;
    context.space = `space ${++tests} $.é😀`;
  });
  afterAll(async () => {
    await context?.store.close();
    await context?.other.close();
    await backend?.close();
  });
  return () => context;
}

export const FULL: ReadOptions = { view: "full" };

export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

export function typed(data: Uint8Array | string, type = "bytes"): TypedValue {
  return create(TypedValueSchema, { type, data: typeof data === "string" ? bytes(data) : data });
}

export function inline(data: Uint8Array | string | TypedValue): Value {
  const value = typeof data === "string" || data instanceof Uint8Array ? typed(data) : data;
  return create(ValueSchema, { source: { case: "inline", value } });
}

export function byRef(ref: string): Value {
  return create(ValueSchema, { source: { case: "ref", value: ref } });
}

type Fields = Omit<Partial<Checkpoint>, "$typeName" | "channelValues"> & {
  values?: { [channel: string]: Value | string };
};

export function checkpoint(id: string, { values = {}, ...fields }: Fields = {}): Checkpoint {
  const channelValues = Object.fromEntries(
    Object.entries(values).map(([channel, value]) => [channel, typeof value === "string" ? inline(value) : value]),
  );
  return { ...create(CheckpointSchema, { id }), ...fields, channelValues };
}

export function write(taskId: string, idx: number, value: string | Value, taskPath = "", channel = "c") {
  return create(PendingWriteSchema, {
    taskId,
    idx,
    taskPath,
    channel,
    value: typeof value === "string" ? inline(value) : value,
  });
}

export function savedEvent(id: string, namespace = "", values: { [channel: string]: Value } = {}): Event {
  const value = { ...create(CheckpointSavedSchema, { checkpointId: id }), values };
  return create(EventSchema, { namespace, body: { case: "checkpointSaved", value } });
}

export function runStarted(runId: string): Event {
  return create(EventSchema, { runId, body: { case: "runStarted", value: create(RunStartedSchema, {}) } });
}

export function filter(key: string, json: string) {
  return create(MetadataFilterSchema, { key, equalsJson: bytes(json) });
}

/** Commits a draft without a lease. */
export async function commit(store: Store, key: ThreadKey, draft: Draft): Promise<Committed> {
  const committed = await store.update(key, async () => draft);
  if (!committed) throw new Error("nothing was committed");
  return committed;
}

export async function put(store: Store, key: ThreadKey, id: string, fields: Fields = {}, draft: Draft = {}) {
  return await commit(store, key, { ...draft, checkpoint: checkpoint(id, fields) });
}

export async function latest(store: Store, key: ThreadKey, namespace = ""): Promise<StoredCheckpoint | undefined> {
  return await store.getCheckpoint(key, namespace, { latestBy: "seq" }, FULL);
}

/** The bytes of a value as it was read. */
export function dataOf(entry: StoredCheckpoint | undefined, value: Value | undefined): Uint8Array | undefined {
  return value?.source.case === "ref" ? entry?.values.get(value.source.value)?.value?.data : undefined;
}

export function textOf(entry: StoredCheckpoint | undefined, channel: string): string | undefined {
  const data = dataOf(entry, entry?.checkpoint.channelValues[channel]);
  return data && new TextDecoder().decode(data);
}

export function writesOf(entry: StoredCheckpoint | undefined): [taskId: string, idx: number, value: string][] {
  return (entry?.writes ?? []).map((found) => [
    found.taskId,
    found.idx,
    new TextDecoder().decode(dataOf(entry, found.value)),
  ]);
}

export async function reasonOf(act: Promise<unknown>): Promise<string> {
  return (await errorOf(act)).reasonName;
}

export async function errorOf(act: Promise<unknown>): Promise<CairnError> {
  const outcome = await act.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(CairnError);
  return outcome as CairnError;
}

export { ErrorReason };

/** What a migration told last. */
export async function migrated(store: Store, dryRun = false, rowsPerSecond = 0): Promise<Migration> {
  let last: Migration | undefined;
  const { signal } = new AbortController();
  for await (const migration of store.migrate({ dryRun, rowsPerSecond, signal })) last = migration;
  if (!last) throw new Error("it told nothing");
  return last;
}

/** All pages of a list, one after the other. */
export async function allPages<Item>(
  page: (pageToken: string) => Promise<{ items: Item[]; nextPageToken: string }>,
): Promise<Item[]> {
  const items: Item[] = [];
  for (let token = "", pages = 0; ; pages++) {
    const found = await page(token);
    items.push(...found.items);
    if (found.nextPageToken === "") return items;
    if (pages > 1_000) throw new Error("the list does not end");
    token = found.nextPageToken;
  }
}

/** Texts that trip up stores. */
export const ODD_IDS = [
  "$where",
  "a.b",
  "__proto__",
  "constructor",
  "é",
  "e\u0301",
  "😀",
  "\ue000",
  " ",
  "a|b:c/d",
  "c:x",
];
