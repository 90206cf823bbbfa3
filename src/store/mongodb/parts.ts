// Parts of large values, written before the row that refers to them.
import { Binary, type Collection, type Filter } from "mongodb";
import { HEAD_PART, type NewParts, type ThreadKey } from "../log.ts";
import { type LogDocument, PART, type PartId, partId, rowId, shardOf } from "./documents.ts";
import { insertNew } from "./insert-new.ts";
import { type Patience, persist } from "./retry.ts";

/** Under the 16 MiB at which the driver makes two commands of a batch. */
const BATCH_BYTES_MAX = 12 * 1024 * 1024;

export interface Upload extends NewParts {
  key: ThreadKey;
  /** The thread's last position before anything of this is written. */
  after: number;
  /** When they may be removed if no row refers to them by then. */
  agedAt: Date;
}

export async function writeParts(log: Collection<LogDocument>, patience: Patience, upload: Upload): Promise<void> {
  let batch: LogDocument[] = [];
  let bytes = 0;
  const flush = async (): Promise<void> => {
    const documents = batch;
    batch = [];
    bytes = 0;
    if (documents.length > 0) await persist(patience, () => insertNew(log, documents));
  };
  for (const [index, part] of upload.parts.entries()) {
    if (bytes + part.length > BATCH_BYTES_MAX) await flush();
    bytes += part.length;
    batch.push(toPart(upload, (upload.from ?? 0) + index, part));
  }
  await flush();
}

function toPart({ key, upload, after, agedAt }: Upload, index: number, part: Uint8Array): LogDocument {
  return { _id: partId(key, upload, index), ...shardOf(key), body: new Binary(part), after, aged: agedAt };
}

export async function removeParts(
  log: Collection<LogDocument>,
  patience: Patience,
  key: ThreadKey,
  upload: string,
): Promise<void> {
  await persist(patience, () => log.deleteMany(ofUpload(key, upload)));
}

export async function keepParts(
  log: Collection<LogDocument>,
  patience: Patience,
  key: ThreadKey,
  upload: string,
): Promise<void> {
  await persist(patience, () => log.updateMany(ofUpload(key, upload), { $unset: { aged: true } }));
}

/** Uploads whose parts do not expire. */
export async function keptUploads(log: Collection<LogDocument>, key: ThreadKey): Promise<string[]> {
  const _id = { $gte: rowId(key, PART), $lt: rowId(key, PART + 1) };
  const found = log.find({ ...shardOf(key), _id, aged: { $exists: false } }, { projection: { _id: 1 } });
  const uploads = new Set<string>();
  for await (const part of found) uploads.add((part._id as PartId).u);
  return [...uploads];
}

function ofUpload(key: ThreadKey, upload: string): Filter<LogDocument> {
  return { ...shardOf(key), _id: { $gte: partId(key, upload, HEAD_PART), $lt: partId(key, upload, Infinity) } };
}
