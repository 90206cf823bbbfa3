import { create } from "@bufbuild/protobuf";
import { type Record, RecordSchema, StoredValueSchema } from "../../gen/cairn/store/v1/record_pb.ts";
import { uuid4 } from "../../system/uuid.ts";
import type { StoreParts } from "../committer.ts";
import { type Prepared, rowOf } from "../draft.ts";
import { partsKey } from "../keys.ts";
import type { PartsRef, ThreadKey } from "../log.ts";
import { rowsBetween } from "../prune-plan.ts";
import { decodeRow, LAYOUT } from "../record-codec.ts";
import type { ThreadTail } from "../store.ts";
import { type Change, nameOf, rewritten } from "../stripped.ts";
import { summaryOf } from "../thread-record.ts";
import { partsOf, UsedValues } from "../used-values.ts";
import { valueRef } from "../value-ref.ts";
import type { ThreadReport } from "./check-thread.ts";
import type { Finding } from "./finding.ts";

/** Records repaired by one act. */
const BATCH = 32;

/** Puts right what can be put right without losing anything, and gives what has been. */
export async function repairThread(parts: StoreParts, key: ThreadKey, report: ThreadReport): Promise<Set<Finding>> {
  const repaired = new Set<Finding>();
  const byRecord = Map.groupBy(report.findings.filter(isOfRecord), ({ n }) => n);
  const positions = [...byRecord.keys()];
  for (let from = 0; from < positions.length; from += BATCH) {
    const findings = positions.slice(from, from + BATCH).flatMap((n) => byRecord.get(n) ?? []);
    let done: Finding[] = [];
    const committed = await parts.committer.updateRaw(key, async (thread) => {
      const repair = await Repair.of(parts, key, thread, report.n);
      done = await repair.mend(findings);
      return done.length > 0 ? repair.prepared() : undefined;
    });
    if (committed) for (const finding of done) repaired.add(finding);
  }
  for (const finding of report.findings) {
    if (finding.fault !== "orphaned-parts" || finding.ref === undefined) continue;
    const rows = await parts.log.byKeys(key, [partsKey(finding.ref)]);
    if (rows.length > 0) continue;
    await parts.log.removeParts(key, finding.ref);
    repaired.add(finding);
  }
  return repaired;
}

function isOfRecord({ fault }: Finding): boolean {
  return fault === "orphaned-value" || fault === "broken-parent" || fault === "wrong-keys";
}

/** One act of repair, behind a thread's last record: whoever writes at the same time makes it begin anew. */
class Repair {
  readonly #parts: StoreParts;
  readonly #key: ThreadKey;
  readonly #thread: ThreadTail;
  /** What has been put since the thread was looked at: it may need what nothing needed then. */
  readonly #used = new UsedValues();
  readonly #put = new Set<string>();
  readonly #changes: Change[] = [];
  readonly #drops: PartsRef[] = [];

  private constructor(parts: StoreParts, key: ThreadKey, thread: ThreadTail) {
    this.#parts = parts;
    this.#key = key;
    this.#thread = thread;
  }

  static async of(parts: StoreParts, key: ThreadKey, thread: ThreadTail, lookedTo: number): Promise<Repair> {
    const repair = new Repair(parts, key, thread);
    for await (const { row, record } of rowsBetween(parts.log, key, lookedTo, thread.n)) {
      repair.#used.keep(row.n, record);
      if (record.checkpoint) repair.#put.add(nameOf(record.checkpoint));
    }
    return repair;
  }

  /** Gives those that the act will have put right. */
  async mend(findings: Finding[]): Promise<Finding[]> {
    const byRecord = Map.groupBy(findings, ({ n }) => n);
    const positions = [...byRecord.keys()].filter((n) => n > Number(this.#thread.tail.floor));
    const { rows } = await this.#parts.log.gather(this.#key, { positions, parts: [], keys: [] });
    return rows.flatMap((row) => {
      const record = decodeRow(this.#key, row);
      const mended = (byRecord.get(row.n) ?? []).filter((finding) => this.#mendOne(record, finding));
      if (mended.length > 0) this.#changes.push({ row, record });
      return mended;
    });
  }

  #mendOne(record: Record, { fault, n, ref }: Finding): boolean {
    switch (fault) {
      case "orphaned-value": {
        const index = record.values.findIndex((_, at) => valueRef(n, at) === ref);
        const value = record.values[index];
        if (!value || ref === undefined || this.#used.has(ref)) return false;
        this.#drops.push(...partsOf(value));
        record.values[index] = create(StoredValueSchema);
        return true;
      }
      case "broken-parent": {
        const { checkpoint } = record;
        if (checkpoint?.parentId === undefined) return false;
        if (this.#put.has(nameOf({ namespace: checkpoint.namespace, id: checkpoint.parentId }))) return false;
        checkpoint.parentPruned = true;
        return true;
      }
      default:
        // Rows are written with what their records say.
        return true;
    }
  }

  prepared(): Prepared {
    const { environment } = this.#parts;
    const nowMs = environment.clock.nowMs();
    const n = this.#thread.n + 1;
    const said = create(RecordSchema, { layout: LAYOUT, atMs: BigInt(Math.trunc(nowMs)), changesOlder: true });
    const record = { ...said, tail: this.#thread.tail };
    const row = rowOf(this.#key, n, uuid4(environment), record);
    const rewrites = this.#changes.map((change) => rewritten(this.#key, change, nowMs));
    const summary = summaryOf(this.#key, n, record, false);
    return { append: { key: this.#key, row, rewrites, drops: this.#drops, summary }, record };
  }
}
