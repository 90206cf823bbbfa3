// Appending a row: sent, and if that leaves a doubt, settled by reading the position (storage rule 3).
import { invariant } from "../../errors.ts";
import type { Environment } from "../../system/environment.ts";
import { type Append, HEAD_PART } from "../log.ts";
import { threadName } from "../thread-name.ts";
import type { Collections } from "./collections.ts";
import { type LogDocument, partId, partIds, rowId, toDocument } from "./documents.ts";
import { isTransient, toStoreError, unavailable } from "./errors.ts";
import { GroupCommit, type Sent } from "./group-commit.ts";
import { answered, Patience } from "./retry.ts";
import type { Transactions } from "./transaction.ts";

export interface AppenderOptions {
  collections: Collections;
  transactions: Transactions;
  environment: Environment;
  /** How long an unknown outcome is pursued; an election takes about 12 s. */
  patienceMs: number;
}

export class Appender {
  readonly #options: AppenderOptions;
  readonly #group: GroupCommit;
  readonly #inFlight = new Set<string>();

  constructor(options: AppenderOptions) {
    this.#options = options;
    this.#group = new GroupCommit(options.collections.log, options.environment);
  }

  async append({ key, row, rewrites, inserts = [], drops = [] }: Append): Promise<"appended" | "taken"> {
    const thread = threadName(key);
    // With two in an unordered batch, the later one could pass the fence that the earlier one met (storage rule 2).
    invariant(!this.#inFlight.has(thread), "a thread has one append in flight at most");
    this.#inFlight.add(thread);
    try {
      const document = toDocument(key, row);
      if (rewrites.length + inserts.length === 0)
        return await this.#settled(document, () => this.#group.send(document));
      const changes = {
        inserts: inserts.map((insert) => toDocument(key, insert)),
        replacements: rewrites.map((rewrite) => toDocument(key, rewrite)),
        gone: drops.flatMap((ref) => [partId(key, ref.upload, HEAD_PART), ...partIds(key, ref)]),
      };
      return await this.#settled(document, () => this.#options.transactions.send(document, changes));
    } finally {
      this.#inFlight.delete(thread);
    }
  }

  /** Sends until it is certain whose row stands at the position. The attempt's id makes sending twice harmless. */
  async #settled(document: LogDocument, send: () => Promise<Sent>): Promise<"appended" | "taken"> {
    const { environment, patienceMs } = this.#options;
    const patience = new Patience(environment, patienceMs);
    for (;;) {
      const sent = await answered(environment, send).catch((silence): Sent => ({ unknown: silence }));
      if (sent === "inserted") return "appended";
      if (sent !== "duplicate" && "refused" in sent) throw toStoreError(sent.refused);
      let doubt = sent === "duplicate" ? undefined : sent.unknown;
      try {
        const standing = await this.#attemptAt(document);
        if (standing !== undefined) return standing === document.a ? "appended" : "taken";
      } catch (error) {
        doubt = error;
      }
      // An empty position: the row never came, or no majority has it yet. Sending again finds out.
      if (doubt !== undefined && !isTransient(doubt)) throw toStoreError(doubt);
      if (patience.over) throw unsettled(doubt);
      await patience.pause();
    }
  }

  /** The attempt whose row a majority has at the position; rows don't change their attempt, so no newer read is needed. */
  async #attemptAt({ s, t, n }: LogDocument): Promise<string | undefined> {
    const _id = rowId({ space: s, thread: t }, n as number);
    const found = await this.#options.collections.log.findOne({ _id, s, t }, { projection: { a: 1 } });
    return found?.a;
  }
}

function unsettled(doubt: unknown): Error {
  const why = doubt === undefined ? "no majority acknowledged it in time" : toStoreError(doubt).message;
  return unavailable(`it is not known whether the record was written: ${why}`, doubt);
}
