// What arrives while the insert before is under way goes out as one unordered insert. A replica set works for each insert
// several times over, whatever it holds, so that this gains fourfold and more.
import { type Collection, MongoBulkWriteError } from "mongodb";
import { invariant } from "../../errors.ts";
import type { Clock, Environment } from "../../system/environment.ts";
import { threadName } from "../thread-name.ts";
import { bytesAbout, type LogDocument } from "./documents.ts";
import { DUPLICATE_KEY, isTransientCode } from "./errors.ts";

/** What is known of a row after sending it once. */
export type Sent = "inserted" | "duplicate" | { refused: unknown } | { unknown: unknown };

interface Waiting {
  document: LogDocument;
  resolve: (sent: Sent) => void;
}

const BATCH_DOCUMENTS_MAX = 1_000;
/** How long an insert holds back those that come after it: where a majority is far away, more of them are under way. */
const HOLD_MS_MAX = 20;
/** Under the 16 MiB at which the driver makes two commands of a batch: the answers of one can be told apart, of two not. */
const BATCH_BYTES_MAX = 15 * 1024 * 1024;

export class GroupCommit {
  readonly #log: Collection<LogDocument>;
  readonly #clock: Clock;
  #waiting: Waiting[] = [];
  /** A flush is due: in this turn of the event loop, or when nothing holds it back any more. */
  #isDue = false;
  #isHeld = false;

  constructor(log: Collection<LogDocument>, { clock }: Environment) {
    this.#log = log;
    this.#clock = clock;
  }

  /** Never rejects. */
  send(document: LogDocument): Promise<Sent> {
    return new Promise((resolve) => {
      this.#waiting.push({ document, resolve });
      this.#flushSoon();
    });
  }

  #flushSoon(): void {
    if (this.#isDue || this.#isHeld || this.#waiting.length === 0) return;
    this.#isDue = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#isDue = false;
    this.#isHeld = true;
    const inserts = [...batchesOf(waiting)].map((batch) => this.#insert(batch));
    const { promise: isLate, resolve } = Promise.withResolvers<void>();
    const stopTimer = this.#clock.after(HOLD_MS_MAX, resolve);
    void Promise.race([Promise.all(inserts), isLate]).then(() => {
      stopTimer();
      this.#isHeld = false;
      this.#flushSoon();
    });
  }

  async #insert(batch: Waiting[]): Promise<void> {
    const documents = batch.map(({ document }) => document);
    const sent = await insertAll(this.#log, documents);
    for (const [index, { resolve }] of batch.entries()) resolve(sent[index] as Sent);
  }
}

function* batchesOf(waiting: Waiting[]): Iterable<Waiting[]> {
  let batch: Waiting[] = [];
  let bytes = 0;
  for (const one of waiting) {
    const size = bytesAbout(one.document);
    if (batch.length === BATCH_DOCUMENTS_MAX || (batch.length > 0 && bytes + size > BATCH_BYTES_MAX)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(one);
    bytes += size;
  }
  yield batch;
}

/** What became of each document. Anything but a complete answer leaves every one unknown (storage rule 3). */
export async function insertAll(log: Collection<LogDocument>, documents: LogDocument[]): Promise<Sent[]> {
  assertOneAThread(documents);
  let failure: unknown;
  try {
    const { acknowledged, insertedCount } = await log.insertMany(documents, { ordered: false });
    if (acknowledged && insertedCount === documents.length) return documents.map(() => "inserted");
  } catch (error) {
    failure = error;
  }
  if (!isCompleteAnswer(failure, documents.length)) return documents.map(() => ({ unknown: failure }));
  const errors = [failure.writeErrors].flat();
  // Another error than a duplicate may have stopped the batch half-way: the rest is then read, not believed.
  const others: Sent = errors.every(({ code }) => code === DUPLICATE_KEY) ? "inserted" : { unknown: failure };
  const sent: Sent[] = documents.map(() => others);
  for (const { index, code } of errors) {
    if (code === DUPLICATE_KEY) sent[index] = "duplicate";
    else sent[index] = isTransientCode(code) ? { unknown: failure } : { refused: failure };
  }
  return sent;
}

/** Errors for single documents, no doubt about the others, and the numbers add up. */
function isCompleteAnswer(failure: unknown, count: number): failure is MongoBulkWriteError {
  if (!(failure instanceof MongoBulkWriteError)) return false;
  const errors = [failure.writeErrors].flat();
  if (errors.length === 0 || failure.result.getWriteConcernError()) return false;
  return failure.insertedCount + errors.length === count;
}

function assertOneAThread(documents: LogDocument[]): void {
  const threads = new Set(documents.map(({ s, t }) => threadName({ space: s, thread: t })));
  invariant(threads.size === documents.length, "a batch holds one row of a thread at most");
}
