// What a copy of a thread writes before it is to be seen.
import type { Collection } from "mongodb";
import type { PartsRef, Row, ThreadKey } from "../log.ts";
import { READ_MS_MAX } from "./collections.ts";
import { bytesAbout, type LogDocument, type PartId, partId, partIds, shardOf, toDocument } from "./documents.ts";
import { hint } from "./indexes.ts";
import { insertNew } from "./insert-new.ts";
import { type Patience, persist } from "./retry.ts";

/** Under the 16 MiB at which the driver makes two commands of a batch. */
const BATCH_BYTES_MAX = 12 * 1024 * 1024;
/** Parts held in memory at a time. */
const PARTS_AT_A_TIME = 8;

export async function writeRows(
  log: Collection<LogDocument>,
  patience: () => Patience,
  key: ThreadKey,
  rows: Row[],
): Promise<void> {
  let batch: LogDocument[] = [];
  let bytes = 0;
  for (const document of rows.map((row) => toDocument(key, row))) {
    const size = bytesAbout(document);
    if (batch.length > 0 && bytes + size > BATCH_BYTES_MAX) {
      const full = batch;
      await persist(patience(), () => insertNew(log, full));
      batch = [];
      bytes = 0;
    }
    batch.push(document);
    bytes += size;
  }
  if (batch.length > 0) await persist(patience(), () => insertNew(log, batch));
}

interface PartsCopy {
  from: ThreadKey;
  to: ThreadKey;
  uploads: PartsRef[];
  after: number;
}

export async function copyParts(
  log: Collection<LogDocument>,
  patience: () => Patience,
  { from, to, uploads, after }: PartsCopy,
): Promise<void> {
  const ids = uploads.flatMap((ref) => partIds(from, ref));
  for (let start = 0; start < ids.length; start += PARTS_AT_A_TIME) {
    const wanted = ids.slice(start, start + PARTS_AT_A_TIME);
    await persist(patience(), async () => {
      const options = { maxTimeMS: READ_MS_MAX, hint: hint.id };
      const found = await log.find({ ...shardOf(from), _id: { $in: wanted } }, options).toArray();
      const copies = found.map(({ _id, body }) => {
        const { u, i } = _id as PartId;
        return { _id: partId(to, u, i), ...shardOf(to), body, after };
      });
      if (copies.length > 0) await insertNew(log, copies);
    });
  }
}
