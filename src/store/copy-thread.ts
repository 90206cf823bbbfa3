import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { CairnError } from "../errors.ts";
import { LeaseSchema, type Record, RecordSchema, type Tail, TailSchema } from "../gen/cairn/store/v1/record_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { EventSchema, ThreadUpdatedSchema } from "../gen/cairn/v1/event_pb.ts";
import { ThreadStatus } from "../gen/cairn/v1/thread_service_pb.ts";
import { limits } from "../limits.ts";
import { threadNotFound } from "../not-found.ts";
import type { Environment } from "../system/environment.ts";
import { uuid4 } from "../system/uuid.ts";
import type { Committer } from "./committer.ts";
import { eventNumber, expiryOf, type Prepared, rowOf } from "./draft.ts";
import type { Log, PartsRef, Row, ThreadKey } from "./log.ts";
import { type Move, movedRecord, movedTail } from "./moved-record.ts";
import { rowsBetween } from "./prune-plan.ts";
import { decodeRow, LAYOUT } from "./record-codec.ts";
import { requestOf } from "./request-record.ts";
import type { Committed, Draft, ThreadTail } from "./store.ts";
import { EMPTY_METADATA, summaryOf } from "./thread-record.ts";
import { partsOf } from "./used-values.ts";

/** Rows written at a time. */
const BATCH = 100;
/** How often a copy begins anew because older records of its source were changed meanwhile. */
const ATTEMPTS_MAX = 5;

export interface CopyParts {
  log: Log;
  environment: Environment;
  committer: Committer;
}

export interface Copy {
  from: ThreadKey;
  to: ThreadKey;
  /** The request that it is committed with. */
  request: () => Promise<Draft["request"]>;
  signal?: AbortSignal;
}

/**
 * Copies a thread, as it is now, to a new one that shares nothing with it. Its records are written below a floor, where
 * nobody sees them; the last record takes that floor away, and so makes all of them visible at once. Throws
 * THREAD_NOT_FOUND, THREAD_EXISTS, THREAD_BUSY when the source does not stay as it was, STALE_EPOCH.
 */
export async function copyThread(parts: CopyParts, copy: Copy): Promise<Committed> {
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const source = await parts.committer.tail(copy.from);
    if (!source.exists) throw threadNotFound(copy.from.thread);
    const committed = await new Copying(parts, copy, source).run();
    if (committed) return committed;
  }
  const message = "records of the thread are being changed while it is copied: try again";
  throw new CairnError(ErrorReason.THREAD_BUSY, message, { metadata: { thread_id: copy.from.thread } });
}

/** The target as it was found: where the copy begins, and the floor that hides it. */
interface Place {
  before: ThreadTail;
  move: Move;
  top: Row;
}

class Copying {
  readonly #parts: CopyParts;
  readonly #copy: Copy;
  readonly #source: ThreadTail;
  #metadata: Uint8Array = EMPTY_METADATA;

  constructor(parts: CopyParts, copy: Copy, source: ThreadTail) {
    this.#parts = parts;
    this.#copy = copy;
    this.#source = source;
  }

  /** Undefined: the source has changed, and nothing is left of the attempt. */
  async run(): Promise<Committed | undefined> {
    const place = await this.#begin();
    let isSent = false;
    try {
      await this.#fill(place);
      if (!(await this.#isUnchanged())) {
        await this.#parts.log.truncate(this.#copy.to, place.top.n);
        return undefined;
      }
      return await this.#parts.committer.updateRaw(this.#copy.to, async (thread) => {
        isSent = false;
        const last = await this.#last(place, thread);
        isSent = true;
        return last;
      });
    } catch (error) {
      // What may have been committed is left alone.
      if (!isSent) await this.#parts.log.truncate(this.#copy.to, place.top.n);
      throw error;
    }
  }

  /** Takes the target's next position and, in the same act, puts up the floor above all that will be written. */
  async #begin(): Promise<Place> {
    const { committer, environment, log } = this.#parts;
    const { from, to } = this.#copy;
    const floor = Number(this.#source.tail.floor);
    const [oldest] = await log.after(from, floor, 1);
    let place: Place | undefined;
    await committer.updateRaw(to, async (before): Promise<Prepared> => {
      if (before.exists) throw threadExists(to.thread);
      const waiting = new Set(this.#source.tail.calls.map(({ runId }) => runId));
      const move = { thread: to.thread, shift: before.n - floor, waiting };
      const n = this.#source.n + move.shift + 1;
      const record = this.#floorRecord(before, n);
      const heldUntilMs = Number(record.atMs) + limits.copyHeldMs;
      const top = { ...rowOf(to, n, uuid4(environment), record), heldUntilMs };
      place = { before, move, top };
      const row = oldest?.n === floor + 1 ? this.#moved(place, oldest) : this.#stub(before.n + 1, record);
      return {
        append: { key: to, row, rewrites: [], inserts: [top], summary: summaryOf(to, n, record, false) },
        record,
      };
    });
    return place as Place;
  }

  /** Says what the target's last record said, and that whoever makes the thread goes on behind it. */
  #floorRecord({ tail }: ThreadTail, n: number): Record {
    const { lease, lastEventNumber, status } = tail;
    return create(RecordSchema, {
      layout: LAYOUT,
      atMs: BigInt(Math.trunc(this.#parts.environment.clock.nowMs())),
      floor: true,
      tail: create(TailSchema, {
        lease: lease && create(LeaseSchema, { epoch: lease.epoch }),
        ...{ status, lastEventNumber, floor: BigInt(n), deleted: true },
      }),
    });
  }

  /** A row that only takes its position. */
  #stub(n: number, { layout, atMs, tail }: Record): Row {
    const row = rowOf(this.#copy.to, n, uuid4(this.#parts.environment), create(RecordSchema, { layout, atMs, tail }));
    return { ...row, expiresAtMs: Number(atMs) + limits.stubKeptMs };
  }

  async #fill(place: Place): Promise<void> {
    const { log } = this.#parts;
    const { from, to, signal } = this.#copy;
    const first = place.before.n + 1;
    let rows: Row[] = [];
    let parts: PartsRef[] = [];
    const flush = async (): Promise<void> => {
      signal?.throwIfAborted();
      if (parts.length > 0) await log.copyParts(from, to, parts, place.before.n);
      if (rows.length > 0) await log.putRows(to, rows);
      rows = [];
      parts = [];
    };
    for await (const { row, record } of rowsBetween(log, from, Number(this.#source.tail.floor), this.#source.n)) {
      if (row.floor || row.expiresAtMs !== undefined) continue;
      if (row.n === Number(this.#source.tail.metadataAt)) this.#metadata = record.threadMetadata ?? EMPTY_METADATA;
      parts.push(...record.values.flatMap(partsOf));
      const n = row.n + place.move.shift;
      if (n !== first) rows.push(this.#rowOf(n, movedRecord(record, place.move)));
      if (rows.length >= BATCH) await flush();
    }
    await flush();
  }

  #moved(place: Place, row: Row): Row {
    return this.#rowOf(row.n + place.move.shift, movedRecord(decodeRow(this.#copy.from, row), place.move));
  }

  #rowOf(n: number, record: Record): Row {
    return rowOf(this.#copy.to, n, uuid4(this.#parts.environment), record);
  }

  /** Whether nothing that was read can have been changed while it was. */
  async #isUnchanged(): Promise<boolean> {
    const { log, committer } = this.#parts;
    const { from } = this.#copy;
    const now = await committer.tail(from);
    if (!now.exists || now.tail.floor !== this.#source.tail.floor) throw threadNotFound(from.thread);
    for await (const { record } of rowsBetween(log, from, this.#source.n, now.n)) if (record.changesOlder) return false;
    return true;
  }

  /** The record that makes the copy visible. */
  async #last({ before, move, top }: Place, thread: ThreadTail): Promise<Prepared> {
    const { environment } = this.#parts;
    const { to, request } = this.#copy;
    const stamped = await request();
    if (thread.exists) throw threadExists(to.thread);
    if (thread.n !== top.n) throw overtaken(to.thread);
    const n = top.n + 1;
    const atMs = Math.trunc(environment.clock.nowMs());
    const number = eventNumber(n, 0);
    const body = { case: "threadUpdated", value: create(ThreadUpdatedSchema) } as const;
    const tail = this.#tailOf(before, move, n, atMs);
    const record = create(RecordSchema, {
      ...{ layout: LAYOUT, atMs: BigInt(atMs), threadMetadata: this.#metadata },
      events: [create(EventSchema, { number, at: timestampFromMs(atMs), body })],
      tail: { ...tail, lastEventNumber: number },
    });
    record.request = requestOf(stamped, record);
    const row = rowOf(to, n, uuid4(environment), record);
    const rewrites = [{ ...this.#stub(top.n, record), attempt: top.attempt }];
    return { append: { key: to, row, rewrites, summary: summaryOf(to, n, record, true) }, record };
  }

  /** As the source stood, but nobody drives it or waits for it. Epochs go on from those of both threads. */
  #tailOf(before: ThreadTail, { shift }: Move, n: number, atMs: number): Tail {
    const { tail } = this.#source;
    const epochs = [tail.lease?.epoch ?? 0n, before.tail.lease?.epoch ?? 0n];
    const epoch = epochs.reduce((one, other) => (one > other ? one : other));
    return {
      ...movedTail(tail, shift),
      lease: epoch === 0n ? undefined : create(LeaseSchema, { epoch, runId: tail.lease?.runId }),
      status: tail.status === ThreadStatus.BUSY ? ThreadStatus.IDLE : tail.status,
      createdAtMs: BigInt(atMs),
      metadataAt: BigInt(n),
      floor: before.tail.floor,
      expiresAtMs: expiryOf(tail, BigInt(atMs)),
      cancelRunId: "",
      cancelGracefully: false,
    };
  }
}

function threadExists(threadId: string): CairnError {
  return new CairnError(ErrorReason.THREAD_EXISTS, "the thread exists", { metadata: { thread_id: threadId } });
}

function overtaken(threadId: string): CairnError {
  return new CairnError(ErrorReason.STALE_EPOCH, `another copy to thread ${JSON.stringify(threadId)} has begun since`, {
    metadata: { thread_id: threadId },
  });
}
