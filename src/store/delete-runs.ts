import type { Record, Tail } from "../gen/cairn/store/v1/record_pb.ts";
import type { Environment } from "../system/environment.ts";
import { uuid4 } from "../system/uuid.ts";
import { deletionRecord } from "./deletion-record.ts";
import { expiryOf, type Prepared, rowOf, setHead } from "./draft.ts";
import { writesKey } from "./keys.ts";
import type { Log, PartsRef, ThreadKey } from "./log.ts";
import { decodeRow } from "./record-codec.ts";
import type { ThreadTail } from "./store.ts";
import { type Change, type Named, nameOf, rewritten, tellsOf, withoutCheckpoints, withoutParent } from "./stripped.ts";
import { summaryOf } from "./thread-record.ts";
import { UsedValues } from "./used-values.ts";

/** Checkpoints deleted by one record. */
export const DELETE_BATCH = 100;
/** Rows read at a time when looking for what still refers to a value. */
const SCAN_BATCH = 64;

/**
 * The record that deletes the checkpoints at these positions, as far as `isChosen` still holds for them, with
 * the rows as they are to be after it; undefined when there is nothing to delete. Values that any remaining
 * record needs stay. Whoever commits in between takes this record's position, and all begins anew.
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
  // A checkpoint that was put again may stand behind those that follow it.
  const first = Math.min(...[...changes.values()].map(({ row }) => Math.min(row.n, row.checkpoint?.seq ?? row.n)));
  await addRowsOfWrites(log, key, deleted, changes);
  for (const change of changes.values()) change.record = strippedOf(change.record, names);
  const { used, children } = await rowsFrom(log, key, thread, Math.min(first, ...changes.keys()), changes, names);
  const drops = dropValues(changes, used);
  const nowMs = environment.clock.nowMs();
  const n = thread.n + 1;
  const record = deletionRecord(thread, deleted, nowMs);
  record.tail.expiresAtMs = expiryOf(record.tail, record.atMs);
  await moveHead(log, key, record.tail, deleted, names);
  const rewrites = [...changes.values(), ...children].map((change) => rewritten(key, change, nowMs));
  const row = rowOf(key, n, uuid4(environment), record);
  return { append: { key, row, rewrites, drops, summary: summaryOf(key, n, record, false) }, record };
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
  const left = withoutCheckpoints(record, deleted);
  const losesCheckpoint = left.checkpoint !== record.checkpoint;
  const lost = record.writes.filter((group) => !left.writes.includes(group));
  const lostTasks = new Set(
    lost.flatMap(({ namespace, writes }) => writes.map(({ taskId }) => `${namespace}\0${taskId}`)),
  );
  return {
    ...left,
    events: record.events.filter((event) => {
      const { body, namespace } = event;
      switch (body.case) {
        case "taskFinished":
        case "interruptRaised":
        case "custom":
          return !losesCheckpoint && !lostTasks.has(`${namespace}\0${body.value.taskId}`);
        default:
          return !tellsOf(event, deleted);
      }
    }),
  };
}

/** What the rows from a position on need once the changes are made, and which of them have lost their parent. */
async function rowsFrom(
  log: Log,
  key: ThreadKey,
  thread: ThreadTail,
  first: number,
  changes: Map<number, Change>,
  deleted: Set<string>,
): Promise<{ used: UsedValues; children: Change[] }> {
  const used = new UsedValues();
  const children: Change[] = [];
  for (let after = first - 1; after < thread.n; ) {
    const rows = await log.after(key, after, SCAN_BATCH);
    for (const row of rows) {
      const change = changes.get(row.n);
      const record = change?.record ?? decodeRow(key, row);
      const marked = withoutParent(record, deleted);
      if (change) change.record = marked ?? record;
      else if (marked) children.push({ row, record: marked });
      if (change) used.refer(record);
      else used.keep(row.n, record);
    }
    const last = rows.at(-1);
    if (!last || rows.length < SCAN_BATCH) break;
    after = last.n;
  }
  return { used, children };
}

/** Empties the values of changed rows that nothing needs any more, and gives the parts that they were written in. */
function dropValues(changes: Map<number, Change>, used: UsedValues): PartsRef[] {
  const newestFirst = [...changes].sort(([left], [right]) => right - left);
  return newestFirst.flatMap(([n, change]) => {
    const { record, parts } = used.strip(n, change.record);
    change.record = record;
    return parts;
  });
}

/** Makes the newest checkpoint that is left the head, where the head is deleted. */
async function moveHead(log: Log, key: ThreadKey, tail: Tail, deleted: Named[], names: Set<string>): Promise<void> {
  if (!names.has(nameOf({ namespace: "", id: tail.headCheckpointId }))) return;
  const query = { namespace: "", order: "seq" as const, tags: [], limit: deleted.length + 1 };
  const rows = await log.checkpoints(key, query);
  const head = rows.find(({ checkpoint }) => checkpoint && !names.has(nameOf(checkpoint)));
  setHead(tail, head && decodeRow(key, head).checkpoint);
}

function namedIn({ checkpoint }: Record): Named {
  return { namespace: checkpoint?.namespace ?? "", id: checkpoint?.id ?? "" };
}
