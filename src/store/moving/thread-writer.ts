import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { CairnError } from "../../errors.ts";
import { LeaseSchema, type Record, RecordSchema, type Tail, TailSchema } from "../../gen/cairn/store/v1/record_pb.ts";
import { ErrorReason } from "../../gen/cairn/v1/error_pb.ts";
import { EventSchema, ThreadUpdatedSchema } from "../../gen/cairn/v1/event_pb.ts";
import { ThreadStatus } from "../../gen/cairn/v1/thread_service_pb.ts";
import { limits } from "../../limits.ts";
import { uuid4 } from "../../system/uuid.ts";
import type { StoreParts } from "../committer.ts";
import { eventNumber, expiryOf, type Prepared, rowOf } from "../draft.ts";
import type { PartsRef, Row, ThreadKey } from "../log.ts";
import { LAYOUT } from "../record-codec.ts";
import { requestOf } from "../request-record.ts";
import type { Committed, RequestDraft, ThreadTail } from "../store.ts";
import { summaryOf } from "../thread-record.ts";
import { partsOf } from "../used-values.ts";
import { type Move, movedRecord, movedTail } from "./moved-record.ts";

/** Rows are written when there are so many, or so many bytes of them. */
const BATCH = 100;
const BATCH_BYTES = 8 * 1024 * 1024;

/** The thread that the records come from. */
export interface Origin {
  /** Position of its last record. */
  n: number;
  tail: Tail;
  /** Where the parts of its large values are copied from; absent: they have been written already. */
  key?: ThreadKey;
}

/** The thread as it was found, and the row of the floor that hides all that is written. */
interface Place {
  before: ThreadTail;
  move: Move;
  top: Row;
}

/** What the new thread gets beside its records. */
export interface Ending {
  metadata: Uint8Array;
  createdAtMs: bigint;
  request?: () => Promise<RequestDraft | undefined>;
}

/**
 * Writes a whole thread, of any length, so that it is there at once or not at all. Its records are written below a floor,
 * where nobody sees them; the last record takes that floor away, and so makes all of them visible. What is left of one
 * that never ended is removed when a server starts, and by `abort`.
 */
export class ThreadWriter {
  readonly #parts: StoreParts;
  readonly #to: ThreadKey;
  readonly #origin: Origin;
  /** Where it goes, once something is there. */
  #place: Place | undefined;
  #rows: Row[] = [];
  #uploads: PartsRef[] = [];
  #isSent = false;

  constructor(parts: StoreParts, to: ThreadKey, origin: Origin) {
    this.#parts = parts;
    this.#to = to;
    this.#origin = origin;
  }

  /** Adds the origin's record at a position. By position, each once. Throws THREAD_EXISTS. */
  async add(n: number, record: Record): Promise<void> {
    if (this.#origin.key) this.#uploads.push(...record.values.flatMap(partsOf));
    const isFirst = this.#place === undefined && n === Number(this.#origin.tail.floor) + 1;
    const place = this.#place ?? (await this.#begin(isFirst ? record : undefined));
    if (!isFirst) this.#rows.push(this.#moved(place, n, record));
    const bytes = this.#rows.reduce((sum, { body }) => sum + body.length, 0);
    if (this.#rows.length >= BATCH || bytes >= BATCH_BYTES) await this.#write(place);
  }

  /** Writes what has been added so far: nothing of the origin is read after this. */
  async flush(): Promise<void> {
    await this.#write(this.#place ?? (await this.#begin(undefined)));
  }

  /** Makes the thread visible. Throws THREAD_EXISTS, STALE_EPOCH, and what the request throws. */
  async commit(ending: Ending): Promise<Committed> {
    await this.flush();
    const place = this.#place as Place;
    const committed = await this.#parts.committer.updateRaw(this.#to, async (thread) => {
      this.#isSent = false;
      const last = await this.#last(place, thread, ending);
      this.#isSent = true;
      return last;
    });
    return committed as Committed;
  }

  /** Removes what has been written, unless it may have been committed. */
  async abort(): Promise<void> {
    if (this.#place && !this.#isSent) await this.#parts.log.truncate(this.#to, this.#place.top.n);
  }

  /**
   * Takes the thread's next position, with the origin's first record or nothing, and in the same act puts up the floor
   * above all that will be written.
   */
  async #begin(first: Record | undefined): Promise<Place> {
    const { tail, n: last } = this.#origin;
    const floor = Number(tail.floor);
    let place: Place | undefined;
    await this.#parts.committer.updateRaw(this.#to, async (before): Promise<Prepared> => {
      if (before.exists) throw threadExists(this.#to.thread);
      const waiting = new Set(tail.calls.map(({ runId }) => runId));
      const move = { thread: this.#to.thread, shift: before.n - floor, waiting };
      const n = last + move.shift + 1;
      const record = this.#floorRecord(before, n);
      const heldUntilMs = Number(record.atMs) + limits.copyHeldMs;
      const top = { ...rowOf(this.#to, n, uuid4(this.#parts.environment), record), heldUntilMs };
      place = { before, move, top };
      const row = first ? this.#moved(place, floor + 1, first) : this.#stub(before.n + 1, record);
      const summary = summaryOf(this.#to, n, record, false);
      return { append: { key: this.#to, row, rewrites: [], inserts: [top], summary }, record };
    });
    this.#place = place;
    return place as Place;
  }

  #moved({ move }: Place, n: number, record: Record): Row {
    return rowOf(this.#to, n + move.shift, uuid4(this.#parts.environment), movedRecord(record, move));
  }

  /** Says what the thread's last record said, and that whoever makes the thread goes on behind it. */
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
    const row = rowOf(this.#to, n, uuid4(this.#parts.environment), create(RecordSchema, { layout, atMs, tail }));
    return { ...row, expiresAtMs: Number(atMs) + limits.stubKeptMs };
  }

  async #write({ before }: Place): Promise<void> {
    const { log } = this.#parts;
    const { key } = this.#origin;
    const [rows, uploads] = [this.#rows, this.#uploads];
    this.#rows = [];
    this.#uploads = [];
    if (key && uploads.length > 0) await log.copyParts(key, this.#to, uploads, before.n);
    if (rows.length > 0) await log.putRows(this.#to, rows);
  }

  async #last(place: Place, thread: ThreadTail, { metadata, createdAtMs, request }: Ending): Promise<Prepared> {
    const { environment } = this.#parts;
    const { top } = place;
    const stamped = await request?.();
    if (thread.exists) throw threadExists(this.#to.thread);
    if (thread.n !== top.n) throw overtaken(this.#to.thread);
    const n = top.n + 1;
    const atMs = Math.trunc(environment.clock.nowMs());
    const number = eventNumber(n, 0);
    const body = { case: "threadUpdated", value: create(ThreadUpdatedSchema) } as const;
    const record = create(RecordSchema, {
      ...{ layout: LAYOUT, atMs: BigInt(atMs), threadMetadata: metadata },
      events: [create(EventSchema, { number, at: timestampFromMs(atMs), body })],
      tail: { ...this.#tailAt(place, n, atMs), createdAtMs, lastEventNumber: number },
    });
    record.request = requestOf(stamped, record);
    const row = rowOf(this.#to, n, uuid4(environment), record);
    const rewrites = [{ ...this.#stub(top.n, record), attempt: top.attempt }];
    return { append: { key: this.#to, row, rewrites, summary: summaryOf(this.#to, n, record, true) }, record };
  }

  /** As the origin stood, but nobody drives it or waits for it. Epochs go on from those of both threads. */
  #tailAt({ before, move }: Place, n: number, atMs: number): Tail {
    const { tail } = this.#origin;
    const epochs = [tail.lease?.epoch ?? 0n, before.tail.lease?.epoch ?? 0n];
    const epoch = epochs.reduce((one, other) => (one > other ? one : other));
    return {
      ...movedTail(tail, move.shift),
      lease: epoch === 0n ? undefined : create(LeaseSchema, { epoch, runId: tail.lease?.runId }),
      status: tail.status === ThreadStatus.BUSY ? ThreadStatus.IDLE : tail.status,
      metadataAt: BigInt(n),
      floor: before.tail.floor,
      expiresAtMs: expiryOf(tail, BigInt(atMs)),
      cancelRunId: "",
      cancelGracefully: false,
    };
  }
}

export function threadExists(threadId: string): CairnError {
  const message = `thread ${JSON.stringify(threadId)} exists`;
  return new CairnError(ErrorReason.THREAD_EXISTS, message, { metadata: { thread_id: threadId } });
}

function overtaken(threadId: string): CairnError {
  const message = `something else has begun to write thread ${JSON.stringify(threadId)} since`;
  return new CairnError(ErrorReason.STALE_EPOCH, message, { metadata: { thread_id: threadId } });
}
