import type { Record, StoredValue, Tail } from "../../gen/cairn/store/v1/record_pb.ts";
import { ThreadStatus } from "../../gen/cairn/v1/thread_service_pb.ts";
import { threadNotFound } from "../../not-found.ts";
import type { StoreParts } from "../committer.ts";
import { withoutHolder } from "../draft.ts";
import { splitIntoParts } from "../large-values.ts";
import type { ThreadKey } from "../log.ts";
import { rowsBetween } from "../prune-plan.ts";
import { corrupt, encodeRecord } from "../record-codec.ts";
import type { ThreadTail } from "../store.ts";
import { isStub } from "../stripped.ts";
import { readThread } from "../thread-list.ts";
import { valueRef } from "../value-ref.ts";
import { changedMeanwhile, isUnchanged } from "./copy-thread.ts";
import { ExportEncoder } from "./export-file.ts";
import { movedRecord, movedTail } from "./moved-record.ts";

/** Parts of a value read at a time. */
const PARTS_AT_ONCE = 4;

/**
 * A thread's file, frame by frame: the thread as it stands now. Throws THREAD_NOT_FOUND, THREAD_BUSY when its older records
 * are changed meanwhile; then the file has no end.
 */
export async function* exportThread(
  parts: Pick<StoreParts, "log" | "committer">,
  key: ThreadKey,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const source = await parts.committer.tail(key);
  const thread = source.exists ? await readThread(parts.log, key) : undefined;
  if (!thread) throw threadNotFound(key.thread);
  const waiting = new Set(source.tail.calls.map(({ runId }) => runId));
  const encoder = new ExportEncoder();
  yield encoder.head();
  const header = { threadId: key.thread, lastPosition: BigInt(source.n), metadata: thread.metadata };
  yield encoder.frame({ case: "header", value: { ...header, tail: carriedTail(source) } });
  const counts = { records: 0n, parts: 0n };
  for await (const { row, record } of rowsBetween(parts.log, key, Number(source.tail.floor), source.n)) {
    signal.throwIfAborted();
    if (row.floor || row.expiresAtMs !== undefined) continue;
    const moved = movedRecord(record, { thread: key.thread, shift: 0, waiting });
    if (isStub(moved)) continue;
    for await (const part of partsOf(parts, key, source, row.n, moved)) {
      yield encoder.frame({ case: "part", value: part });
      counts.parts++;
    }
    const body = encodeRecord({ thread: key.thread, n: row.n }, { ...moved, values: named(row.n, moved.values) });
    yield encoder.frame({ case: "record", value: { n: BigInt(row.n), record: body } });
    counts.records++;
  }
  if (!(await isUnchanged(parts, key, source))) throw changedMeanwhile(key);
  yield encoder.end(counts);
}

/** What only means something where it is stays behind: who holds the thread, and what waits there. */
function carriedTail({ tail }: ThreadTail): Tail {
  const lease = withoutHolder(tail.lease);
  return {
    ...movedTail(tail, 0),
    lease: lease && { ...lease, expiresAtMs: 0n },
    status: tail.status === ThreadStatus.BUSY ? ThreadStatus.IDLE : tail.status,
    cancelRunId: "",
    cancelGracefully: false,
  };
}

/** Uploads are named by the values they are of: their own names mean nothing elsewhere. */
function named(n: number, values: StoredValue[]): StoredValue[] {
  return values.map((value, index) => {
    const { storage } = value;
    if (storage.case !== "parts") return value;
    return { ...value, storage: { case: storage.case, value: { ...storage.value, upload: valueRef(n, index) } } };
  });
}

/** The parts of a record's large values, a few of them in memory at a time. */
async function* partsOf(
  parts: Pick<StoreParts, "log" | "committer">,
  key: ThreadKey,
  source: ThreadTail,
  n: number,
  { values }: Record,
) {
  for (const [index, { storage }] of values.entries()) {
    if (storage.case !== "parts") continue;
    const { upload, count } = storage.value;
    for (let from = 0; from < count; from += PARTS_AT_ONCE) {
      const wanted = { upload, from, count: Math.min(PARTS_AT_ONCE, count - from) };
      const data = (await parts.log.gather(key, { positions: [], parts: [wanted], keys: [] })).parts.get(upload);
      if (data === undefined) throw await missing(parts, key, source, valueRef(n, index));
      for (const [part, bytes] of splitIntoParts(data).entries()) {
        yield { upload: valueRef(n, index), index: from + part, count, data: bytes };
      }
    }
  }
}

/** A thread may be pruned or deleted meanwhile; if it was not, something is wrong with it. */
async function missing(
  parts: Pick<StoreParts, "log" | "committer">,
  key: ThreadKey,
  source: ThreadTail,
  ref: string,
): Promise<Error> {
  if (!(await isUnchanged(parts, key, source))) return changedMeanwhile(key);
  return corrupt(`value ${ref} of thread ${JSON.stringify(key.thread)}`, "its parts are missing");
}

/** Cuts and joins chunks of any size into some of at most `size` bytes. */
export async function* inChunks(bytes: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let rest: Uint8Array[] = [];
  let length = 0;
  for await (const some of bytes) {
    for (let from = 0; from < some.length; ) {
      const piece = some.subarray(from, from + size - length);
      rest.push(piece);
      length += piece.length;
      from += piece.length;
      if (length < size) continue;
      yield Buffer.concat(rest);
      [rest, length] = [[], 0];
    }
  }
  if (length > 0) yield Buffer.concat(rest);
}
