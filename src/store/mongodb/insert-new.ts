import { type Collection, type Document, MongoBulkWriteError, type OptionalUnlessRequiredId } from "mongodb";
import { DUPLICATE_KEY } from "./errors.ts";

/** Inserts documents to whose places nobody else writes: what is there already was written by an earlier try. */
export async function insertNew<Kept extends Document>(
  collection: Collection<Kept>,
  documents: OptionalUnlessRequiredId<Kept>[],
): Promise<void> {
  try {
    await collection.insertMany(documents, { ordered: false });
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError)) throw error;
    const errors = [error.writeErrors].flat();
    const repeated = errors.length > 0 && errors.every(({ code }) => code === DUPLICATE_KEY);
    if (!repeated || error.result.getWriteConcernError()) throw error;
  }
}
