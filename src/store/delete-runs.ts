import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { CheckpointKeySchema, type Record, RecordSchema, StoredValueSchema } from "../gen/cairn/store/v1/record_pb.ts";
import { CheckpointsDeletedSchema, type Event, EventSchema } from "../gen/cairn/v1/event_pb.ts";
import { limits } from "../limits.ts";
import type { Environment } from "../system/environment.ts";
import { uuid4 } from "../system/uuid.ts";
import { eventNumber, type Prepared, rowOf, setHead, withoutHolder } from "./draft.ts";
import { writesKey } from "./keys.ts";
import type { Log, Row, ThreadKey } from "./log.ts";
import { decodeRow } from "./record-codec.ts";
import type { ThreadTail } from "./store.ts";
import { summaryOf } from "./thread-record.ts";
import { valueRef } from "./value-ref.ts";
import { RefCollector } from "./values-of.ts";

/** Checkpoints deleted by one record. */
export const DELETE_BATCH = 100;
/** Rows read at a time when looking for what still refers to a value. */
const SCAN_BATCH = 64;

/** A row on its way to being rewritten. */
interface Change {
  row: Row;
  record: Record;
}

type Named = { namespace: string; id: string };

/**
 * The record that deletes the checkpoints at these positions, as far as `isChosen` still holds for them, with
 * the rows as they are to be after it; undefined when there is nothing to delete. Values that any remaining
 * record refers to stay. Whoever commits in between takes this record's position, and all begins anew.
 */
export async function deletionAfter(
  log: Log,
  environment: Environment,
  key: ThreadKey,
  thread: ThreadTail,
  positions: number[],
  isChosen: (record: Record) => boolean,
): Promise<Prepared | undefined> {
  const changes = await chosenRows(log, key, positions, isChosen);
  if (changes.size === 0) return undefined;
  const deleted = [...changes.values()].map(({ record }) => namedIn(record));
  const names = new Set(deleted.map(nameOf));
  await addRowsOfWrites(log, key, deleted, changes);
  for (const change of changes.values()) change.record = strippedOf(change.record, names);
  await dropValues(log, key, thread, changes);
  const n = thread.n + 1;
  const record = await recordOf(log, environment, key, thread, n, deleted);
  const expiresAtMs = Number(record.atMs) + limits.stubKeptMs;
  const rewrites = [...changes.values()].map(({ row, record: stripped }) => ({
    ...rowOf(key, row.n, row.attempt, stripped),
    ...(isStub(stripped) && { expiresAtMs }),
  }));
  const row = rowOf(key, n, uuid4(environment), record);
  return { append: { key, row, rewrites, summary: summaryOf(key, n, record, false) }, record };
}

async function chosenRows(log: Log, key: ThreadKey, positions: number[], isChosen: (record: Record) => boolean) {
  const { rows } = await log.gather(key, { positions, parts: [], keys: [] });
  const changes = new Map<number, Change>();
  for (const row of rows) {
    const record = decodeRow(key, row);
    if (record.checkpoint && isChosen(record)) changes.set(row.n, { row, record });
  }
  return changes;
}

/** Pending writes go with their checkpoint, and they lie in rows of their own. */
async function addRowsOfWrites(log: Log, key: ThreadKey, deleted: Named[], changes: Map<number, Change>) {
  const keys = deleted.map(({ namespace, id }) => writesKey(namespace, id));
  for (const row of await log.byKeys(key, keys)) {
    if (!changes.has(row.n)) changes.set(row.n, { row, record: decodeRow(key, row) });
  }
}

/** A record without the deleted checkpoints, their writes, and the events that tell of either. */
function strippedOf(record: Record, deleted: Set<string>): Record {
  const { checkpoint } = record;
  const losesCheckpoint = checkpoint !== undefined && deleted.has(nameOf(checkpoint));
  const lost = record.writes.filter(({ namespace, checkpointId }) =>
    deleted.has(nameOf({ namespace, id: checkpointId })),
  );
  const lostTasks = new Set(
    lost.flatMap(({ namespace, writes }) => writes.map(({ taskId }) => `${namespace}\0${taskId}`)),
  );
  return {
    ...record,
    checkpoint: losesCheckpoint ? undefined : checkpoint,
    writes: record.writes.filter((group) => !lost.includes(group)),
    events: record.events.filter((event) => {
      const { body, namespace } = event;
      switch (body.case) {
        case "checkpointSaved":
        case "writesPut":
          return !deleted.has(nameOf({ namespace, id: body.value.checkpointId }));
        case "taskFinished":
        case "interruptRaised":
        case "custom":
          return !losesCheckpoint && !lostTasks.has(`${namespace}\0${body.value.taskId}`);
        default:
          return true;
      }
    }),
  };
}

/** Empties the values of changed rows that no record of the thread refers to any more. Indexes stay as they are. */
async function dropValues(log: Log, key: ThreadKey, thread: ThreadTail, changes: Map<number, Change>): Promise<void> {
  const used = new RefCollector();
  // Nothing refers to a later record.
  let after = Math.min(...changes.keys()) - 1;
  while (after < thread.n) {
    const rows = await log.after(key, after, SCAN_BATCH);
    for (const row of rows) collect(used, changes.get(row.n)?.record ?? decodeRow(key, row));
    const last = rows.at(-1);
    if (!last || rows.length < SCAN_BATCH) break;
    after = last.n;
  }
  for (const [n, change] of changes) {
    const values = change.record.values.map((value, index) =>
      used.refs.has(valueRef(n, index)) ? value : create(StoredValueSchema),
    );
    change.record = { ...change.record, values: values.some(({ storage }) => storage.case) ? values : [] };
  }
}

function collect(used: RefCollector, record: Record): void {
  if (record.checkpoint) used.checkpoint(record.checkpoint);
  for (const group of record.writes) for (const write of group.writes) used.write(write);
  for (const event of record.events) used.event(event);
  if (record.call?.input) used.input(record.call.input);
}

/** Whether nothing but the taken position is left of a record. */
function isStub(record: Record): boolean {
  const { checkpoint, values, writes, events, request, threadMetadata, clearedWrites, deletedCheckpoints, call } =
    record;
  const lists = [values, writes, events, clearedWrites, deletedCheckpoints];
  return !checkpoint && !request && !threadMetadata && !call && lists.every((list) => list.length === 0);
}

async function recordOf(
  log: Log,
  environment: Environment,
  key: ThreadKey,
  thread: ThreadTail,
  n: number,
  deleted: Named[],
): Promise<Record> {
  const atMs = Math.trunc(environment.clock.nowMs());
  const events = eventsOf(deleted, n, atMs);
  const lease = withoutHolder(thread.tail.lease);
  const tail = { ...thread.tail, lease, lastEventNumber: events.at(-1)?.number ?? thread.tail.lastEventNumber };
  const names = new Set(deleted.map(nameOf));
  if (names.has(nameOf({ namespace: "", id: tail.headCheckpointId }))) {
    const query = { namespace: "", order: "seq" as const, tags: [], limit: deleted.length + 1 };
    const rows = await log.checkpoints(key, query);
    const head = rows.find(({ checkpoint }) => checkpoint && !names.has(nameOf(checkpoint)));
    setHead(tail, head && decodeRow(key, head).checkpoint);
  }
  return create(RecordSchema, {
    atMs: BigInt(atMs),
    tail,
    events,
    deletedCheckpoints: deleted.map(({ namespace, id }) =>
      create(CheckpointKeySchema, { namespace, checkpointId: id }),
    ),
  });
}

/** One event for each namespace. */
function eventsOf(deleted: Named[], n: number, atMs: number): Event[] {
  const byNamespace = Map.groupBy(deleted, ({ namespace }) => namespace);
  return [...byNamespace].map(([namespace, checkpoints], index) =>
    create(EventSchema, {
      number: eventNumber(n, index),
      namespace,
      at: timestampFromMs(atMs),
      body: {
        case: "checkpointsDeleted",
        value: create(CheckpointsDeletedSchema, { checkpointIds: checkpoints.map(({ id }) => id) }),
      },
    }),
  );
}

function namedIn({ checkpoint }: Record): Named {
  return { namespace: checkpoint?.namespace ?? "", id: checkpoint?.id ?? "" };
}

const nameOf = ({ namespace, id }: Named) => `${namespace}\0${id}`;
