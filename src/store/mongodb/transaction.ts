// Appending a row and replacing older ones of its thread, in one act.
import { type MongoClient, ReadPreference, type TransactionOptions } from "mongodb";
import { type Collections, durable } from "./collections.ts";
import type { LogDocument, PartId } from "./documents.ts";
import { isDuplicateKey } from "./errors.ts";
import type { Sent } from "./group-commit.ts";

const concerns: TransactionOptions = {
  readConcern: { level: "snapshot" },
  readPreference: ReadPreference.primary,
  writeConcern: durable,
};

/** What happens in one act with the insertion of a row. */
export interface Changes {
  inserts: LogDocument[];
  replacements: LogDocument[];
  gone: PartId[];
}

export class Transactions {
  readonly #client: MongoClient;
  readonly #collections: Collections;

  constructor(client: MongoClient, collections: Collections) {
    this.#client = client;
    this.#collections = collections;
  }

  /** Never rejects. The insert is first: whoever lost the position changes nothing. */
  async send(row: LogDocument, { inserts, replacements, gone }: Changes): Promise<Sent> {
    const session = this.#client.startSession({ causalConsistency: false });
    try {
      session.startTransaction(concerns);
      await this.#collections.log.insertOne(row, { session });
      // A row that has gone meanwhile (it expired) stays gone.
      const operations = replacements.map(({ _id, s, t, ...rest }) => ({
        replaceOne: { filter: { _id, s, t }, replacement: { s, t, ...rest } },
      }));
      if (inserts.length > 0) await this.#collections.log.insertMany(inserts, { session });
      if (operations.length > 0) await this.#collections.log.bulkWrite(operations, { session });
      const { s, t } = row;
      if (gone.length > 0) await this.#collections.log.deleteMany({ s, t, _id: { $in: gone } }, { session });
      await session.commitTransaction();
      return "inserted";
    } catch (error) {
      if (session.inTransaction()) await session.abortTransaction().catch(() => {});
      return isDuplicateKey(error) ? "duplicate" : { unknown: error };
    } finally {
      await session.endSession().catch(() => {});
    }
  }
}
