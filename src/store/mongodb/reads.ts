// Reads of one thread. Each is one command, names the shard key, and reads what a majority has from the primary.
import type { Collection, Filter } from "mongodb";
import type { CheckpointQuery, PartsRef, Row, ThreadKey } from "../log.ts";
import { Rope } from "../patches/rope.ts";
import { READ_MS_MAX } from "./collections.ts";
import { bytesOf, type LogDocument, type PartId, partIds, rowId, shardOf, toRow } from "./documents.ts";
import { hint } from "./indexes.ts";

const options = { maxTimeMS: READ_MS_MAX };
/** So that an answer is not split for its number of documents, only for its size. */
const WHOLE = 100_000;

export async function readLast(log: Collection<LogDocument>, key: ThreadKey): Promise<Row | undefined> {
  const found = await log
    .find({ ...shardOf(key), _id: rowsOf(key, 0, Infinity) }, { ...options, hint: hint.id })
    .sort({ _id: -1 })
    .limit(1)
    .toArray();
  return found[0] && toRow(found[0]);
}

/** Where the newest row stands, and who put it there. */
export async function readEnd(
  log: Collection<LogDocument>,
  key: ThreadKey,
): Promise<{ n: number; attempt: string } | undefined> {
  const found = await log.findOne(
    { ...shardOf(key), _id: rowsOf(key, 0, Infinity) },
    { ...options, hint: hint.id, sort: { _id: -1 }, projection: { n: 1, a: 1 } },
  );
  return found ? { n: found.n as number, attempt: found.a as string } : undefined;
}

/** A floor that follows voids what was found before it. Floors are seen whether expired or not. */
export async function readAfter(
  log: Collection<LogDocument>,
  key: ThreadKey,
  n: number,
  limit: number,
  nowMs: number,
): Promise<Row[]> {
  const alive = { $or: [{ exp: { $not: { $lte: new Date(nowMs) } } }, { floor: true as const }] };
  for (let from = n + 1; ; ) {
    const found = await log
      .find(
        { ...shardOf(key), _id: rowsOf(key, from, Infinity), ...alive },
        { ...options, hint: hint.id, batchSize: WHOLE },
      )
      .sort({ _id: 1 })
      .limit(limit)
      .toArray();
    // Only behind a full page a floor may stand that it does not show. Asked for afterwards, none is missed.
    const floor = found.length < limit ? newestFloor(found) : await readFloor(log, key);
    const last = found.at(-1)?.n ?? 0;
    if (floor <= last || found.length < limit) {
      const rows = found.filter((document) => (document.n as number) >= floor).map(toRow);
      return rows.filter(({ expiresAtMs }) => expiresAtMs === undefined || expiresAtMs > nowMs);
    }
    from = floor;
  }
}

async function readFloor(log: Collection<LogDocument>, key: ThreadKey): Promise<number> {
  const found = await log.findOne(
    { floor: true, ...shardOf(key) },
    { ...options, hint: hint.floors, sort: { n: -1 }, projection: { n: 1 } },
  );
  return found?.n ?? 0;
}

export async function readByKeys(log: Collection<LogDocument>, key: ThreadKey, keys: string[]): Promise<Row[]> {
  if (keys.length === 0) return [];
  const found = await log
    .find({ ...shardOf(key), k: { $in: [...keys, false] } }, { ...options, hint: hint.keys, batchSize: WHOLE })
    .toArray();
  return keyedRows(found, keys);
}

export async function readByKeyNewest(
  log: Collection<LogDocument>,
  key: ThreadKey,
  lookup: string,
  beforeN: number,
  limit: number,
): Promise<Row[]> {
  const shard = shardOf(key);
  const filter: Filter<LogDocument> = {
    $or: [
      { ...shard, k: lookup, n: { $lt: beforeN } },
      { ...shard, k: false },
    ],
  };
  const found = await log
    .find(filter, { ...options, hint: hint.keys, batchSize: WHOLE })
    .sort({ n: -1 })
    .limit(limit)
    .toArray();
  const rows = found.map(toRow);
  const cut = rows.findIndex((row) => row.floor);
  const seen = cut < 0 ? rows : rows.slice(0, cut + 1);
  return seen.filter((row) => row.n < beforeN && row.keys.includes(lookup));
}

export async function readCheckpoints(
  log: Collection<LogDocument>,
  key: ThreadKey,
  query: CheckpointQuery,
): Promise<Row[]> {
  if (query.limit <= 0) return [];
  return query.order === "seq" ? readBySeq(log, key, query) : readById(log, key, query);
}

/** Rows and floors in one order, newest first: what follows the first floor is below it. */
async function readBySeq(log: Collection<LogDocument>, key: ThreadKey, query: CheckpointQuery): Promise<Row[]> {
  const before = query.before && "seq" in query.before ? query.before.seq : Infinity;
  const filter = rowsAndFloors(key, query, { seq: { $lt: before } }, { seq: { $gt: 0 } });
  const index = query.namespace === undefined ? hint.allSeq : hint.namespaceSeq;
  const found = await log
    .find(filter, { ...options, hint: index, batchSize: WHOLE })
    .sort({ seq: -1 })
    .limit(query.limit)
    .toArray();
  const rows = found.map(toRow);
  const cut = rows.findIndex((row) => row.floor);
  return cut < 0 ? rows : rows.slice(0, cut);
}

/** Floors sort before every id, so that the newest is known before the first row. */
async function readById(log: Collection<LogDocument>, key: ThreadKey, query: CheckpointQuery): Promise<Row[]> {
  const before = query.before && "id" in query.before ? { cid: { $lt: query.before.id } } : { cid: { $gte: "" } };
  const filter = rowsAndFloors(key, query, before, { cid: true });
  const all = query.namespace === undefined;
  // A thread has a floor or two. With more, or with rows that wait below one to be removed, a larger look is needed.
  for (let limit = query.limit + 2; ; limit *= 4) {
    const found = await log
      .find(filter, { ...options, hint: all ? hint.allId : hint.namespaceId, batchSize: WHOLE })
      // Several namespaces may hold the same id.
      .sort(all ? { cid: -1, seq: -1 } : { cid: -1 })
      .limit(limit)
      .toArray();
    const floor = newestFloor(found);
    const rows = found.filter((document) => !document.floor && (document.n as number) > floor);
    if (rows.length >= query.limit || found.length < limit) return rows.slice(0, query.limit).map(toRow);
  }
}

function rowsAndFloors(
  key: ThreadKey,
  { namespace, tags }: CheckpointQuery,
  rows: Filter<LogDocument>,
  floors: Filter<LogDocument>,
): Filter<LogDocument> {
  const shard = shardOf(key);
  const filtered = tags.length === 0 ? rows : { ...rows, tags: { $all: tags } };
  return namespace === undefined
    ? {
        $or: [
          { ...shard, all: true, ...filtered },
          { ...shard, all: false, ...floors },
        ],
      }
    : {
        $or: [
          { ...shard, ns: namespace, ...filtered },
          { ...shard, ns: false, ...floors },
        ],
      };
}

export interface Gathered {
  rows: Row[];
  parts: Map<string, Uint8Array>;
  keyed: Row[];
}

export async function gather(
  log: Collection<LogDocument>,
  key: ThreadKey,
  wanted: { positions: number[]; parts: PartsRef[]; keys: string[] },
): Promise<Gathered> {
  const shard = shardOf(key);
  const positions = [...new Set(wanted.positions)];
  const ids = [...positions.map((n) => rowId(key, n)), ...wanted.parts.flatMap((ref) => partIds(key, ref))];
  const branches: Filter<LogDocument>[] = [];
  if (ids.length > 0) branches.push({ ...shard, _id: { $in: ids } });
  if (positions.length + wanted.keys.length > 0) branches.push({ ...shard, k: { $in: [...wanted.keys, false] } });
  if (branches.length === 0) return { rows: [], parts: new Map(), keyed: [] };
  const found = await log.find({ $or: branches }, { ...options, batchSize: WHOLE }).toArray();
  const rows = found.filter((document) => document.n !== undefined);
  const asked = new Set(positions);
  const floor = newestFloor(rows);
  return {
    rows: rows.filter(({ n = 0 }) => asked.has(n) && n >= floor).map(toRow),
    parts: await joinParts(wanted.parts, found),
    keyed: wanted.keys.length === 0 ? [] : keyedRows(rows, wanted.keys),
  };
}

/** Those that have one of the keys, in order, without what is below the newest floor among them. */
function keyedRows(found: LogDocument[], keys: string[]): Row[] {
  const floor = newestFloor(found);
  const asked = new Set<string | false>(keys);
  return found
    .filter((document) => (document.n as number) >= floor && document.k?.some((lookup) => asked.has(lookup)))
    .map(toRow)
    .sort((one, other) => one.n - other.n);
}

function newestFloor(found: LogDocument[]): number {
  let newest = 0;
  for (const { floor, n } of found) if (floor) newest = Math.max(newest, n as number);
  return newest;
}

/** The values whose parts are all there; whoever asked for another finds it missing. */
async function joinParts(wanted: PartsRef[], found: LogDocument[]): Promise<Map<string, Uint8Array>> {
  const parts = new Map<string, Uint8Array>();
  for (const document of found) {
    if (document.n !== undefined) continue;
    const { u, i } = document._id as PartId;
    parts.set(`${u}.${i}`, bytesOf(document.body));
  }
  const values = new Map<string, Uint8Array>();
  for (const { upload, count, from = 0 } of wanted) {
    const own = Array.from({ length: count }, (_, i) => parts.get(`${upload}.${from + i}`)).filter(
      (part) => part !== undefined,
    );
    if (own.length === count) values.set(upload, await new Rope(own).joined());
  }
  return values;
}

/** Positions from `from` up to and without `to`. */
export function rowsOf(
  key: ThreadKey,
  from: number,
  to: number,
): { $gte: LogDocument["_id"]; $lt: LogDocument["_id"] } {
  return { $gte: rowId(key, from), $lt: rowId(key, to) };
}
