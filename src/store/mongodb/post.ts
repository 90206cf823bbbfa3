// What servers leave for each other. It decides nothing: what of it is lost costs time, and no more.
import { Binary, type Collection, MaxKey, MinKey } from "mongodb";
import type { Environment } from "../../system/environment.ts";
import { LETTER_KEPT_MS, type Post, type PostedLetter, WANT_KEPT_MS } from "../post.ts";
import type { Collections } from "./collections.ts";
import { translated } from "./errors.ts";
import { insertNew } from "./insert-new.ts";
import { Patience, persist } from "./retry.ts";

/** The fields stand in this order everywhere: MongoDB compares embedded documents field by field. */
interface LetterId {
  to: string;
  from: string;
  n: number;
}

export interface LetterDocument {
  _id: LetterId;
  body: Binary;
  exp: Date;
}

export interface WantDocument {
  _id: string;
  body: Binary;
  exp: Date;
}

/** Well under the 16 MiB of a command: letters have a piece of a payload at most. */
const SEND_BYTES_MAX = 8 * 1024 * 1024;

export class MongoPost implements Post {
  readonly #wants: Collection<WantDocument>;
  readonly #letters: Collection<LetterDocument>;
  readonly #environment: Environment;
  readonly #patienceMs: number;

  constructor({ wants, letters }: Collections, environment: Environment, patienceMs: number) {
    this.#wants = wants;
    this.#letters = letters;
    this.#environment = environment;
    this.#patienceMs = patienceMs;
  }

  async want(server: string, body: Uint8Array | undefined): Promise<void> {
    if (body === undefined) {
      await this.#persist(() => this.#wants.deleteOne({ _id: server }));
      return;
    }
    // By MongoDB's clock, for the writing as for the reading: the servers' own may differ.
    const set = { body: { $literal: new Binary(body) }, exp: { $add: ["$$NOW", WANT_KEPT_MS] } };
    await this.#persist(() => this.#wants.updateOne({ _id: server }, [{ $set: set }], { upsert: true }));
  }

  async wanted(server: string) {
    const others = { _id: { $ne: server }, $expr: { $gt: ["$exp", "$$NOW"] } };
    const found = await translated(() => this.#wants.find(others).toArray());
    return found.map(({ _id, body }) => ({ server: _id, body: new Uint8Array(body.buffer) }));
  }

  async send(letters: PostedLetter[]): Promise<void> {
    const exp = new Date(this.#environment.clock.nowMs() + LETTER_KEPT_MS);
    let batch: LetterDocument[] = [];
    let bytes = 0;
    const flush = async (): Promise<void> => {
      const documents = batch;
      batch = [];
      bytes = 0;
      if (documents.length > 0) await this.#persist(() => insertNew(this.#letters, documents));
    };
    for (const { to, from, n, body } of letters) {
      if (bytes + body.length > SEND_BYTES_MAX) await flush();
      bytes += body.length;
      batch.push({ _id: { to, from, n }, body: new Binary(body), exp });
    }
    await flush();
  }

  async fetch(server: string, limit: number): Promise<PostedLetter[]> {
    const [first, end] = [new MinKey(), new MaxKey()].map((key) => ({ to: server, from: key, n: key }));
    const range = { $gte: first, $lt: end } as unknown as LetterId;
    const found = await translated(() => this.#letters.find({ _id: range }).sort({ _id: 1 }).limit(limit).toArray());
    return found.map(({ _id, body }) => ({ ..._id, body: new Uint8Array(body.buffer) }));
  }

  async remove(letters: PostedLetter[]): Promise<void> {
    const ids = letters.map(({ to, from, n }) => ({ to, from, n }));
    await this.#persist(() => this.#letters.deleteMany({ _id: { $in: ids } }));
  }

  #persist<Result>(write: () => Promise<Result>): Promise<Result> {
    return translated(() => persist(new Patience(this.#environment, this.#patienceMs), write));
  }
}
