import { checkpointKey } from "./keys.ts";
import type { Log, Row, ThreadKey } from "./log.ts";
import { decodeRow } from "./record-codec.ts";

/** Rows read at a time: most lines of parents run through neighbours. */
const BATCH = 64;

/**
 * Walks from a checkpoint up its line of parents, itself first. Ends at the root, at a parent that is missing,
 * and where a line bites its own tail.
 */
export async function* lineOfParents(log: Log, key: ThreadKey, namespace: string, from: string): AsyncGenerator<Row> {
  const seen = new Set<string>();
  let neighbours = new Map<string, Row>();
  let id: string | undefined = from;
  while (id !== undefined && !seen.has(id)) {
    seen.add(id);
    const row: Row | undefined = neighbours.get(id) ?? (await rowById(log, key, namespace, id));
    if (!row?.checkpoint) return;
    yield row;
    id = decodeRow(key, row).checkpoint?.parentId;
    if (id === undefined || neighbours.has(id)) continue;
    const before = { seq: row.checkpoint.seq };
    const batch = await log.checkpoints(key, { namespace, order: "seq", before, tags: [], limit: BATCH });
    neighbours = new Map(batch.map((found) => [found.checkpoint?.id ?? "", found]));
  }
}

export async function rowById(log: Log, key: ThreadKey, namespace: string, id: string): Promise<Row | undefined> {
  const rows = await log.byKeys(key, [checkpointKey(id)]);
  return rows.find(({ checkpoint }) => checkpoint?.id === id && checkpoint.namespace === namespace);
}
