import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { CairnError, invalidField } from "../errors.ts";
import {
  type CalledRun,
  type CallPosition,
  CallPositionSchema,
  CheckpointKeySchema,
  type Lease,
  type Record,
  RecordSchema,
  type Tail,
  TailSchema,
  TaskWritesSchema,
} from "../gen/cairn/store/v1/record_pb.ts";
import type { Checkpoint } from "../gen/cairn/v1/checkpoint_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { Event } from "../gen/cairn/v1/event_pb.ts";
import { ThreadStatus } from "../gen/cairn/v1/thread_service_pb.ts";
import { type Value, ValueSchema } from "../gen/cairn/v1/value_pb.ts";
import { limits } from "../limits.ts";
import type { Environment } from "../system/environment.ts";
import { uuid4 } from "../system/uuid.ts";
import { VERSIONS_CHANNEL, versionsValue } from "./checkpoint-versions.ts";
import { type Conflict, lookUp } from "./draft-checks.ts";
import { keysOf } from "./keys.ts";
import { writeLargeValues } from "./large-values.ts";
import type { Append, Row, ThreadKey } from "./log.ts";
import { encodeRecord, LAYOUT } from "./record-codec.ts";
import { requestOf } from "./request-record.ts";
import type { Draft, ThreadTail } from "./store.ts";
import { tagsOfCheckpoint } from "./tags.ts";
import { summaryOf } from "./thread-record.ts";
import { ValueEncoder, type ValueSettings } from "./value-encoder.ts";
import type { Lines } from "./value-lines.ts";
import type { ValueSources } from "./value-table.ts";
import { ValueWriter } from "./value-writer.ts";
import { withCheckpointValues, withEventValues, withInputValues, withWriteValue } from "./values-of.ts";

/** Each record's events are numbered from its position times this. */
export const EVENTS_PER_RECORD = 10_000;

export interface Prepared {
  append: Append;
  record: Record;
  /** What its values were compared with, where that was looked up. */
  lines?: Lines;
  /** The bytes of its large values, by their index in the record. */
  bytes?: ReadonlyMap<number, Uint8Array>;
}

/**
 * Turns a draft into the record that follows `thread`: every value becomes a reference, every event gets its
 * number, and what the draft asks of the thread (heads, ids, references) is checked.
 */
export async function prepare(
  sources: ValueSources,
  settings: ValueSettings,
  key: ThreadKey,
  thread: ThreadTail,
  draft: Draft,
  known: { isKnownRef: (ref: string) => boolean; lacksKey: (lookup: string) => boolean; lines: Lines },
): Promise<Prepared> {
  const { log } = sources;
  const { environment } = settings;
  const n = thread.n + 1;
  const atMs = environment.clock.nowMs();
  const asked = Promise.resolve(draft.request);
  // Heard of below, unless something else is wrong before.
  asked.catch(() => {});
  const values = new ValueWriter(n);
  const record = recordOf(key, draft, values, atMs);
  const unknownRefs = [...values.foreignRefs].filter((ref) => !known.isKnownRef(ref));
  const lookedUp = lookUp(log, key, thread, draft, { unknownRefs, lacksKey: known.lacksKey });
  lookedUp.catch(() => {});
  const request = await asked;
  const conflict = await lookedUp;
  const encoder = new ValueEncoder(sources, settings, key, thread, known.lines);
  await encoder.encode(values.values);
  record.values = values.values.map(({ stored }) => stored);
  const seq = conflict && draft.onConflict !== "touch" ? conflict.seq : n;
  if (record.checkpoint) record.checkpoint.seq = BigInt(seq);
  finishEvents(record, n, seq);
  record.tail = tailOf(thread, draft, record, n, conflict);
  record.request = requestOf(request, record);
  record.changesOlder = conflict !== undefined;
  await writeLargeValues(log, environment, key, record.values, () => encodedBytes({ ...record, values: [] }));
  const append = appendOf(environment, key, n, record, conflict, !thread.exists);
  return { append, record, lines: known.lines, bytes: encoder.bytes };
}

function recordOf(key: ThreadKey, draft: Draft, values: ValueWriter, atMs: number): Record {
  return create(RecordSchema, {
    atMs: BigInt(Math.trunc(atMs)),
    checkpoint: draft.checkpoint && checkpointOf(key, draft.checkpoint, values),
    versions: draft.checkpoint && versionsOf(draft.checkpoint, values),
    writes: draft.writes
      ?.filter(({ writes }) => writes.length > 0)
      .map(({ namespace, checkpointId, writes }, group) =>
        create(TaskWritesSchema, {
          namespace,
          checkpointId,
          writes: writes.map((write, index) =>
            withWriteValue(write, `writes[${group}].writes[${index}].value`, values.in(namespace)),
          ),
        }),
      ),
    events: draft.events?.map((event, index) => eventOf(event, index, values, atMs)),
    threadMetadata: draft.threadMetadata,
    clearedWrites: draft.clearedWrites?.map((cleared) => create(CheckpointKeySchema, cleared)),
    call: draft.call && callOf(draft.call, values),
  });
}

function checkpointOf(key: ThreadKey, checkpoint: Checkpoint, values: ValueWriter): Checkpoint {
  // Writes before any checkpoint are anchored at "".
  if (checkpoint.id === "") throw invalidField("checkpoint.id", "must not be empty");
  return {
    ...withCheckpointValues(checkpoint, values.in(checkpoint.namespace)),
    threadId: key.thread,
    parentPruned: false,
  };
}

/** They come after the checkpoint's own values. */
function versionsOf(checkpoint: Checkpoint, values: ValueWriter): Value | undefined {
  const value = versionsValue(checkpoint);
  if (!value) return undefined;
  const place = { path: "checkpoint.versions_seen", channel: VERSIONS_CHANNEL, isOfChannel: true } as const;
  return values.in(checkpoint.namespace)(create(ValueSchema, { source: { case: "inline", value } }), place);
}

function callOf(call: CalledRun, values: ValueWriter): CalledRun {
  const { input } = call;
  return { ...call, input: input && withInputValues(input, "input", values.in("")) };
}

function eventOf(event: Event, index: number, values: ValueWriter, atMs: number): Event {
  return {
    ...withEventValues(event, `events[${index}]`, values.in(event.namespace)),
    at: timestampFromMs(atMs),
    ephemeral: undefined,
  };
}

/** Numbers the events, and tells the place in the order that the checkpoint got. */
function finishEvents(record: Record, n: number, seq: number): void {
  if (record.events.length > limits.eventsPerRecordMax) {
    throw new CairnError(ErrorReason.LIMIT_REACHED, `a record holds at most ${limits.eventsPerRecordMax} events`, {
      metadata: { limit: "events_per_record", value: `${record.events.length}` },
    });
  }
  record.events = record.events.map((event, index) => {
    const number = eventNumber(n, index);
    const { body } = event;
    const isOurs =
      body.case === "checkpointSaved" &&
      body.value.checkpointId === record.checkpoint?.id &&
      event.namespace === record.checkpoint.namespace;
    if (!isOurs) return { ...event, number };
    return { ...event, number, body: { case: body.case, value: { ...body.value, seq: BigInt(seq) } } };
  });
}

export function eventNumber(n: number, index: number): bigint {
  return BigInt(n) * BigInt(EVENTS_PER_RECORD) + BigInt(index);
}

function tailOf(thread: ThreadTail, draft: Draft, record: Record, n: number, conflict: Conflict | undefined): Tail {
  const before = thread.tail;
  const fresh: Partial<Tail> = thread.exists
    ? { ...before }
    : {
        status: ThreadStatus.IDLE,
        createdAtMs: record.atMs,
        floor: before.floor,
        lastEventNumber: before.lastEventNumber,
        lease: before.lease,
      };
  const tail = { ...create(TailSchema), ...fresh, deleted: false };
  tail.lease = draft.lease ?? (changesState(draft) ? withoutHolder(tail.lease) : tail.lease);
  if (draft.status) tail.status = draft.status;
  if (draft.ttlMs !== undefined) tail.ttlMs = BigInt(draft.ttlMs);
  tail.expiresAtMs = expiryOf(tail, record.atMs);
  if (draft.threadMetadata) tail.metadataAt = BigInt(n);
  tail.calls = callsAfter(tail.calls, draft, n);
  tail.workerTasks = draft.workerTasks ?? (changesState(draft) ? [] : tail.workerTasks);
  for (const { epoch } of tail.workerTasks) if (epoch > tail.lastTaskEpoch) tail.lastTaskEpoch = epoch;
  if (draft.cancelRun) {
    tail.cancelRunId = draft.cancelRun.runId;
    tail.cancelGracefully = draft.cancelRun.gracefully;
  }
  if (tail.lease?.holder === "" || tail.lease?.runId !== tail.cancelRunId) tail.cancelRunId = "";
  tail.lastEventNumber = record.events.at(-1)?.number ?? tail.lastEventNumber;
  const { checkpoint } = record;
  // A checkpoint that takes an older one's place becomes the head only if that one was.
  const isHead = !conflict || draft.onConflict === "touch" || checkpoint?.id === before.headCheckpointId;
  if (checkpoint?.namespace === "" && isHead) setHead(tail, checkpoint);
  return tail;
}

/** When a thread that changes now is to go; 0: never. */
export function expiryOf({ ttlMs }: Tail, atMs: bigint): bigint {
  return ttlMs === 0n ? 0n : atMs + ttlMs;
}

function changesState({ checkpoint, writes, clearedWrites }: Draft): boolean {
  return checkpoint !== undefined || (writes ?? []).length > 0 || (clearedWrites ?? []).length > 0;
}

/** Whoever changes the state without the lease ends it: its holder, if it wakes up again, must not go on. */
export function withoutHolder(lease: Lease | undefined): Lease | undefined {
  return lease && { ...lease, holder: "" };
}

/** Who is in line once a draft's own call is there and those that ended are gone. */
function callsAfter(calls: CallPosition[], { call, endedCalls = [] }: Draft, n: number): CallPosition[] {
  const left = calls.filter(({ runId }) => !endedCalls.includes(runId));
  if (call === undefined) return left;
  if (left.length >= limits.callsMax) {
    throw new CairnError(ErrorReason.LIMIT_REACHED, `at most ${limits.callsMax} runs can wait on a thread`, {
      metadata: { limit: "calls", value: `${left.length + 1}` },
    });
  }
  return [...left, create(CallPositionSchema, { runId: call.runId, n: BigInt(n) })];
}

/** Makes a checkpoint of the root namespace, or none, the thread's head. */
export function setHead(tail: Tail, checkpoint: Checkpoint | undefined): void {
  tail.headCheckpointId = checkpoint?.id ?? "";
  tail.headStep = checkpoint?.step ?? 0n;
  tail.graphName = checkpoint?.graphName ?? "";
}

function appendOf(
  environment: Environment,
  key: ThreadKey,
  n: number,
  record: Record,
  conflict: Conflict | undefined,
  isFirst: boolean,
): Append {
  const row = rowOf(key, n, uuid4(environment), record);
  const rewrites = conflict ? [withoutCheckpoint(key, conflict)] : [];
  return { key, row, rewrites, summary: summaryOf(key, n, record, isFirst) };
}

/** What a row says beside its record, by which it is found: it comes from the record alone. */
export function columnsOf(record: Record): Pick<Row, "checkpoint" | "floor" | "keys" | "tags"> {
  const { checkpoint, floor } = record;
  return {
    ...(checkpoint && {
      checkpoint: { namespace: checkpoint.namespace, id: checkpoint.id, seq: Number(checkpoint.seq) },
    }),
    floor,
    keys: keysOf(record),
    tags: checkpoint ? tagsOfCheckpoint(checkpoint) : [],
  };
}

/** The row of a record. */
export function rowOf({ thread }: ThreadKey, n: number, attempt: string, record: Record): Row {
  const body = encodeRecord({ thread, n }, record);
  if (body.length > limits.recordBytesMax) {
    throw new CairnError(
      ErrorReason.LIMIT_REACHED,
      `the record has ${body.length} bytes, the limit is ${limits.recordBytesMax}`,
      { metadata: { limit: "record_bytes", size_bytes: `${body.length}`, limit_bytes: `${limits.recordBytesMax}` } },
    );
  }
  return { n, attempt, ...columnsOf(record), layout: LAYOUT, body };
}

/** The row of a checkpoint that has been replaced: its values stay, as others may refer to them. The doctor knows. */
function withoutCheckpoint(key: ThreadKey, { row, record }: Conflict): Row {
  return rowOf(key, row.n, row.attempt, { ...record, checkpoint: undefined, versions: undefined });
}

function encodedBytes(record: Record): number {
  return toBinary(RecordSchema, record).length;
}
