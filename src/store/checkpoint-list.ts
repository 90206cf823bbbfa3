import { invalidField, invariant } from "../errors.ts";
import { checkpointNotFound } from "../not-found.ts";
import { compareBytes } from "../values/order.ts";
import { lineOfParents } from "./ancestors.ts";
import { readEntries, settled } from "./checkpoint-reader.ts";
import { checkpointKey } from "./keys.ts";
import type { CheckpointQuery, Log, Row, ThreadKey } from "./log.ts";
import { isNumber, isText, pageSizeOf, pageTokens } from "./page-token.ts";
import type { CheckpointList, ReadOptions, StoredCheckpoint } from "./store.ts";
import { tagsOfFilters } from "./tags.ts";
import { type ValueSources, ValueTable } from "./value-table.ts";

/** Threads looked into for one page of a list over all of them. A page may so be short; its token goes on. */
const THREADS_PER_PAGE_MAX = 500;
/** Checkpoints walked over for one page of a line of parents. */
const STEPS_PER_PAGE_MAX = 2_000;

/** After which checkpoint the next page begins; in a list over all threads, in which of them. */
type Position = { thread?: string; seq?: number; id?: string; done?: boolean };

interface Page {
  /** Rows with their threads; those of one thread stand together. */
  rows: { thread: string; row: Row }[];
  next?: Position;
}

interface Question extends CheckpointList {
  tags: string[];
  limit: number;
}

/** A page of checkpoints, in three calls to the log when they are of one thread. */
export async function listCheckpoints(
  sources: ValueSources,
  space: string,
  list: CheckpointList,
  options: ReadOptions,
) {
  const question = { ...list, tags: tagsOfFilters(list.filters), limit: pageSizeOf(list.pageSize) };
  const { thread, namespace, ancestorsOf, before, order } = list;
  const tokens = pageTokens([space, thread, namespace, ancestorsOf, before, order, question.tags], isPosition);
  const position = tokens.read(list.pageToken);
  const { page, entries } = await settled(async () => {
    const page = await pageOf(sources.log, space, question, position);
    return { page, entries: await entriesOf(sources, space, page.rows, options) };
  });
  return { entries, nextPageToken: page.next ? tokens.write(page.next) : "" };
}

function pageOf(log: Log, space: string, list: Question, position: Position | undefined): Promise<Page> {
  if (list.ancestorsOf !== undefined) return ancestorsPage(log, space, list, list.ancestorsOf, position);
  if (list.thread === undefined) return spacePage(log, space, list, position);
  return threadPage(log, { space, thread: list.thread }, list, position);
}

async function threadPage(log: Log, key: ThreadKey, list: Question, position?: Position): Promise<Page> {
  const before = boundOf(list, position) ?? (await boundOfBefore(log, key, list));
  const { namespace, order, tags, limit } = list;
  const found = await log.checkpoints(key, { namespace, order, before, tags, limit: limit + 1 });
  const { rows, isEnd } = await cut(log, key, list, found);
  const last = rows.at(-1)?.checkpoint;
  return {
    rows: rows.map((row) => ({ thread: key.thread, row })),
    ...(!isEnd && last && { next: order === "seq" ? { seq: last.seq } : { id: last.id } }),
  };
}

/**
 * Cuts what was found to a page. Several namespaces may hold the same id: such rows stay on one page, since
 * a list by id can only go on after an id.
 */
async function cut(log: Log, key: ThreadKey, list: Question, found: Row[]): Promise<{ rows: Row[]; isEnd: boolean }> {
  if (found.length <= list.limit) return { rows: found, isEnd: true };
  const rows = found.slice(0, list.limit);
  if (list.order === "seq" || list.namespace !== undefined) return { rows, isEnd: false };
  const next = found[list.limit]?.checkpoint?.id;
  if (next !== rows.at(-1)?.checkpoint?.id) return { rows, isEnd: false };
  const whole = rows.filter(({ checkpoint }) => checkpoint?.id !== next);
  if (whole.length > 0 || next === undefined) return { rows: whole, isEnd: false };
  const same = (await log.byKeys(key, [checkpointKey(next)])).filter((row) => hasTags(row, list.tags));
  return { rows: same.sort((left, right) => seqOf(right) - seqOf(left)), isEnd: false };
}

async function spacePage(log: Log, space: string, list: Question, position?: Position): Promise<Page> {
  if (list.before !== undefined) throw invalidField("before", "needs thread_id");
  const rows: Page["rows"] = [];
  let resumed = position?.thread !== undefined && !position.done ? position : undefined;
  let after = position?.thread ?? "";
  for (let threads = 0; threads < THREADS_PER_PAGE_MAX; threads++) {
    const [next] = resumed?.thread !== undefined ? [resumed.thread] : await log.threadIds(space, after, 1);
    if (next === undefined) return { rows };
    const limit = list.limit - rows.length;
    const page = await threadPage(log, { space, thread: next }, { ...list, limit }, resumed);
    rows.push(...page.rows);
    if (page.next) return { rows, next: { ...page.next, thread: next } };
    resumed = undefined;
    after = next;
    if (rows.length >= list.limit) break;
  }
  return { rows, next: { thread: after, done: true } };
}

async function ancestorsPage(
  log: Log,
  space: string,
  list: Question,
  from: string,
  position?: Position,
): Promise<Page> {
  const { thread, namespace, limit, order } = list;
  if (thread === undefined) throw invalidField("ancestors_of", "needs thread_id");
  if (namespace === undefined) throw invalidField("ancestors_of", "needs namespace");
  const key = { space, thread };
  const bound = await boundOfBefore(log, key, list);
  const rows: Page["rows"] = [];
  let isResuming = position !== undefined;
  let steps = 0;
  let last: Row | undefined;
  for await (const row of lineOfParents(log, key, namespace, position?.id ?? from)) {
    // The last one of the page before.
    if (isResuming) {
      isResuming = false;
      continue;
    }
    if (rows.length === limit || ++steps > STEPS_PER_PAGE_MAX) return { rows, next: { id: last?.checkpoint?.id } };
    last = row;
    if (isBefore(row, bound, order) && hasTags(row, list.tags)) rows.push({ thread, row });
  }
  if (!last && !position) throw checkpointNotFound(from, { thread, namespace });
  return { rows };
}

function boundOf({ order }: Question, position: Position | undefined): CheckpointQuery["before"] {
  if (order === "seq") return position?.seq === undefined ? undefined : { seq: position.seq };
  return position?.id === undefined ? undefined : { id: position.id };
}

/** The bound that `before` names. By seq the checkpoint must exist, of several namespaces' the newest counts. */
async function boundOfBefore(log: Log, key: ThreadKey, list: Question): Promise<CheckpointQuery["before"]> {
  const { before, namespace, order } = list;
  if (before === undefined) return undefined;
  if (order === "id") return { id: before };
  const rows = await log.byKeys(key, [checkpointKey(before)]);
  const seqs = rows
    .filter(({ checkpoint }) => checkpoint?.id === before)
    .filter(({ checkpoint }) => namespace === undefined || checkpoint?.namespace === namespace)
    .map(seqOf);
  if (seqs.length === 0) throw checkpointNotFound(before, { thread: key.thread, namespace });
  return { seq: Math.max(...seqs) };
}

function isBefore(row: Row, bound: CheckpointQuery["before"], order: "seq" | "id"): boolean {
  if (!bound) return true;
  if ("seq" in bound) return seqOf(row) < bound.seq;
  invariant(order === "id", "a bound by id belongs to the order by id");
  return compareBytes(row.checkpoint?.id ?? "", bound.id) < 0;
}

async function entriesOf(
  sources: ValueSources,
  space: string,
  rows: Page["rows"],
  options: ReadOptions,
): Promise<StoredCheckpoint[]> {
  const byThread = new Map<string, Row[]>();
  for (const { thread, row } of rows) byThread.set(thread, [...(byThread.get(thread) ?? []), row]);
  const entries: StoredCheckpoint[] = [];
  let { bytesMax } = options;
  for (const [thread, own] of byThread) {
    const found = await readEntries(new ValueTable(sources, { space, thread }), own, { ...options, bytesMax });
    entries.push(...found);
    if (bytesMax !== undefined) bytesMax -= bytesIn(found);
  }
  return entries;
}

function bytesIn(entries: StoredCheckpoint[]): number {
  const values = new Map(entries.flatMap(({ values }) => [...values]));
  return [...values.values()].reduce((sum, { value }) => sum + (value?.data.length ?? 0), 0);
}

const hasTags = (row: Row, tags: string[]) => tags.every((tag) => row.tags.includes(tag));
const seqOf = (row: Row) => row.checkpoint?.seq ?? 0;

function isPosition(position: unknown): position is Position {
  if (typeof position !== "object" || position === null) return false;
  const { thread, seq, id } = position as Position;
  return [thread, id].every((text) => text === undefined || isText(text)) && (seq === undefined || isNumber(seq));
}
