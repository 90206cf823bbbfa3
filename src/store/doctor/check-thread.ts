import type { Record } from "../../gen/cairn/store/v1/record_pb.ts";
import { columnsOf } from "../draft.ts";
import { checkpointKey } from "../keys.ts";
import type { Log, Row, ThreadKey } from "../log.ts";
import { turn } from "../patches/turns.ts";
import { decodeRow } from "../record-codec.ts";
import { type Named, nameOf } from "../stripped.ts";
import { readThread } from "../thread-list.ts";
import { threadTail } from "../thread-record.ts";
import { refsIn, UsedValues } from "../used-values.ts";
import { ValueCache } from "../value-cache.ts";
import { valueRef } from "../value-ref.ts";
import { checkValues, faultIn } from "./check-values.ts";
import { type Finding, nameOfFinding } from "./finding.ts";

type Columns = ReturnType<typeof columnsOf>;

/** Positions read at a time. */
const READ_BATCH = 32;
/** A thread that others remove things from while it is looked at is looked at again, so often at most. */
const WALKS_MAX = 5;

/** A thread with more faults is not looked at to its beginning. */
const FINDINGS_MAX = 10_000;

/** How a thread was found. */
export interface ThreadReport {
  /** The position up to which it was looked at. */
  n: number;
  records: number;
  values: number;
  findings: Finding[];
}

/**
 * Looks at everything a thread holds. While others write to it, records may change between two looks, so that what is found
 * then must be found a second time.
 */
export async function checkThread(log: Log, key: ThreadKey, signal: AbortSignal): Promise<ThreadReport> {
  let before: ReadonlySet<string> | undefined;
  for (let walk = 1; ; walk++) {
    const report = await walkThread(log, key, signal);
    if (report.findings.length === 0) return report;
    if (before) report.findings = report.findings.filter((finding) => before?.has(nameOfFinding(finding)));
    const hasStoodStill = ((await log.last(key))?.n ?? 0) === report.n;
    if (hasStoodStill || walk === WALKS_MAX) return report;
    before = new Set(report.findings.map(nameOfFinding));
  }
}

async function walkThread(log: Log, key: ThreadKey, signal: AbortSignal): Promise<ThreadReport> {
  // An embedded store never waits, and others shall have their turn.
  await turn();
  const last = await log.last(key);
  const report: ThreadReport = { n: last?.n ?? 0, records: 0, values: 0, findings: [] };
  if (!last) return report;
  let floor: number;
  try {
    const { tail, exists } = threadTail(last, decodeRow(key, last));
    // What is left of one that was deleted is on its way out; what is there of one that is being copied is not all.
    if (!exists) return report;
    floor = Number(tail.floor);
    await readThread(log, key);
  } catch (error) {
    report.findings.push({ fault: "unreadable-record", n: last.n, why: faultIn(error) });
    return report;
  }
  const walk = new ThreadWalk(log, key, report);
  for (let to = last.n; to > floor; to -= READ_BATCH) {
    signal.throwIfAborted();
    if (report.findings.length >= FINDINGS_MAX) return report;
    const from = Math.max(floor, to - READ_BATCH);
    await turn();
    await walk.look(Array.from({ length: to - from }, (_, index) => to - index));
  }
  await walk.end();
  return report;
}

/**
 * Goes over a thread from its end to its beginning: who uses a value is known before it is met, and what is waited for is
 * all that has to be remembered.
 */
class ThreadWalk {
  readonly #log: Log;
  readonly #key: ThreadKey;
  readonly #report: ThreadReport;
  /** Not the server's: what it remembers says nothing of what is stored. */
  readonly #cache = new ValueCache();
  readonly #used = new UsedValues();
  readonly #uploads = new Set<string>();
  /** Values that are referred to and not found yet, each with the position of who refers to it. */
  readonly #missing = new Map<string, number>();
  /** Parents that are named and not found yet. */
  readonly #parents = new Map<string, { parent: Named; children: { child: Named; n: number }[] }>();
  #hasUnreadable = false;

  constructor(log: Log, key: ThreadKey, report: ThreadReport) {
    this.#log = log;
    this.#key = key;
    this.#report = report;
  }

  /** Looks at some positions, newest first. */
  async look(positions: number[]): Promise<void> {
    const { rows } = await this.#log.gather(this.#key, { positions, parts: [], keys: [] });
    const records: { n: number; record: Record }[] = [];
    for (const row of rows.toSorted((left, right) => right.n - left.n)) {
      const record = this.#decoded(row);
      if (!record) continue;
      records.push({ n: row.n, record });
      this.#report.records++;
      this.#noteKeys(row, record);
      this.#noteValues(row.n, record);
      this.#noteParent(row.n, record);
    }
    const sources = { log: this.#log, cache: this.#cache };
    this.#report.findings.push(...(await checkValues(sources, this.#key, records)));
  }

  /** What has been waited for in vain. */
  async end(): Promise<void> {
    const { findings } = this.#report;
    for (const [ref, n] of this.#missing) {
      findings.push({ fault: "missing-value", n, ref, why: `record ${n} refers to ${ref}, which is not there` });
    }
    for (const { parent, children } of this.#parents.values()) {
      if (await this.#isThere(parent)) continue;
      const why = `its parent ${JSON.stringify(parent.id)} is not there`;
      for (const { child, n } of children) findings.push({ fault: "broken-parent", n, checkpoint: child, why });
    }
    // What an unreadable record refers to is not known.
    if (this.#hasUnreadable) {
      this.#report.findings = findings.filter(({ fault }) => fault !== "orphaned-value");
      return;
    }
    for (const upload of await this.#log.keptUploads(this.#key)) {
      if (this.#uploads.has(upload)) continue;
      findings.push({ fault: "orphaned-parts", n: 0, ref: upload, why: "no record refers to these parts" });
    }
  }

  #decoded(row: Row): Record | undefined {
    try {
      return decodeRow(this.#key, row);
    } catch (error) {
      this.#hasUnreadable = true;
      this.#report.findings.push({ fault: "unreadable-record", n: row.n, why: faultIn(error) });
      return undefined;
    }
  }

  #noteKeys(row: Row, record: Record): void {
    const right = columnsOf(record);
    const wrong = [
      !sameTexts(row.keys, right.keys) && "look-up keys",
      !sameTexts(row.tags, right.tags) && "metadata tags",
      !sameCheckpoint(row, right) && "the checkpoint's place",
      row.floor !== right.floor && "whether it deletes what is before it",
    ].filter((what) => what !== false);
    if (wrong.length === 0) return;
    const why = `the row differs from its record in ${wrong.join(" and ")}`;
    this.#report.findings.push({ fault: "wrong-keys", n: row.n, why });
  }

  #noteValues(n: number, record: Record): void {
    this.#used.refer(record);
    for (const ref of refsIn(record)) if (!this.#missing.has(ref)) this.#missing.set(ref, n);
    const { record: needed } = this.#used.strip(n, record);
    for (const [index, { storage }] of record.values.entries()) {
      if (!storage.case) continue;
      this.#report.values++;
      const ref = valueRef(n, index);
      this.#missing.delete(ref);
      if (storage.case === "parts") this.#uploads.add(storage.value.upload);
      if (needed.values[index]?.storage.case) continue;
      this.#report.findings.push({ fault: "orphaned-value", n, ref, why: "nothing refers to it" });
    }
  }

  #noteParent(n: number, { checkpoint }: Record): void {
    if (!checkpoint) return;
    const child = { namespace: checkpoint.namespace, id: checkpoint.id };
    this.#parents.delete(nameOf(child));
    if (checkpoint.parentId === undefined || checkpoint.parentPruned) return;
    const parent = { namespace: checkpoint.namespace, id: checkpoint.parentId };
    const waiting = this.#parents.get(nameOf(parent));
    if (waiting) waiting.children.push({ child, n });
    else this.#parents.set(nameOf(parent), { parent, children: [{ child, n }] });
  }

  /** A parent may have been put after its child. */
  async #isThere({ namespace, id }: Named): Promise<boolean> {
    const rows = await this.#log.byKeys(this.#key, [checkpointKey(id)]);
    return rows.some(({ checkpoint }) => checkpoint?.id === id && checkpoint.namespace === namespace);
  }
}

function sameTexts(one: string[], other: string[]): boolean {
  return JSON.stringify(one.toSorted()) === JSON.stringify(other.toSorted());
}

function sameCheckpoint({ checkpoint: one }: Columns, { checkpoint: other }: Columns): boolean {
  return one?.namespace === other?.namespace && one?.id === other?.id && one?.seq === other?.seq;
}
