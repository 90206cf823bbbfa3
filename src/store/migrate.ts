import type { Environment } from "../system/environment.ts";
import type { GraphRow, Log, Recoded, Row, Scan, ThreadKey } from "./log.ts";
import { decodeGraph, decodeRow, encodeGraph, encodeRecord, LAYOUT } from "./record-codec.ts";
import { threadName } from "./thread-name.ts";

/** How far the upgrade of a store is. */
export interface Migration {
  /** How much of the store has been looked at, of about how much. */
  looked: number;
  total: number;
  /** How many records, those of graphs included, were found of each layout. */
  layouts: Map<number, number>;
  upgraded: number;
  /** Records that can't be read; they stay as they are. */
  unreadable: number;
}

export interface MigrateOptions {
  /** Count, and change nothing. */
  dryRun: boolean;
  /** Records upgraded a second at most; 0: as many as it takes. */
  rowsPerSecond: number;
  signal: AbortSignal;
}

/** Rows whose layouts are looked at in one go. */
const SCAN = 1_000;
/** Rows rewritten by one act: few enough that even the largest fit into memory. */
const BATCH = 16;
/** How often a row is looked at again that was changed between reading and rewriting it. */
const ATTEMPTS_MAX = 10;

/**
 * Upgrades every record of an older layout, and tells after each batch how far it is. Nothing is remembered: what is done is
 * of the newest layout and costs no more than a look, so it may be stopped anywhere, run again, or run twice at once.
 */
export async function* migrate(log: Log, environment: Environment, options: MigrateOptions): AsyncGenerator<Migration> {
  const migration: Migration = {
    looked: 0,
    total: await log.sizeAbout(),
    layouts: new Map(),
    upgraded: 0,
    unreadable: 0,
  };
  const pace = new Pace(environment, options);
  yield* migrateGraphs(log, migration, pace, options);
  for (let after: string | undefined = ""; after !== undefined; ) {
    options.signal.throwIfAborted();
    const scan: Scan = await log.scan(after, SCAN);
    for (const { layout } of scan.rows) count(migration, layout);
    const older = options.dryRun ? [] : scan.rows.filter(({ layout }) => layout < LAYOUT);
    for (let from = 0; from < older.length; from += BATCH) {
      const batch = older.slice(from, from + BATCH);
      await migrateRows(log, migration, batch);
      yield { ...migration };
      await pace.after(batch.length);
    }
    migration.looked += scan.looked;
    after = scan.next;
    yield { ...migration };
  }
}

function count(migration: Migration, layout: number): void {
  migration.layouts.set(layout, (migration.layouts.get(layout) ?? 0) + 1);
}

/** Rows that others rewrite meanwhile are read again. What is not read is below a floor, and on its way out. */
async function migrateRows(log: Log, migration: Migration, batch: Scan["rows"]): Promise<void> {
  const byThread = Map.groupBy(batch, ({ key }) => threadName(key));
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    const found = await Promise.all([...byThread.values()].map((rows) => rowsAt(log, rows)));
    const isLast = attempt === ATTEMPTS_MAX;
    const recoded = found.flat().flatMap(({ key, row }) => recodedOf(key, row) ?? []);
    if (attempt === 1) migration.unreadable += found.flat().length - recoded.length;
    if (recoded.length === 0) return;
    const changed = await log.recode(recoded);
    migration.upgraded += recoded.length - changed;
    if (changed === 0 || isLast) return;
  }
}

/** Those of one thread's rows that are still of an older layout. */
async function rowsAt(log: Log, rows: Scan["rows"]): Promise<{ key: ThreadKey; row: Row }[]> {
  const key = (rows[0] as Scan["rows"][number]).key;
  const found = await log.gather(key, { positions: rows.map(({ n }) => n), parts: [], keys: [] });
  return found.rows.filter(({ layout }) => layout < LAYOUT).map((row) => ({ key, row }));
}

/** The row's record in the newest layout; undefined when it can't be read. */
function recodedOf(key: ThreadKey, row: Row): Recoded | undefined {
  try {
    const to = encodeRecord({ thread: key.thread, n: row.n }, decodeRow(key, row));
    return { key, n: row.n, from: row.body, to, layout: LAYOUT };
  } catch {
    return undefined;
  }
}

async function* migrateGraphs(
  log: Log,
  migration: Migration,
  pace: Pace,
  { dryRun, signal }: MigrateOptions,
): AsyncGenerator<Migration> {
  for (let after: string | undefined = ""; after !== undefined; ) {
    signal.throwIfAborted();
    const page: Awaited<ReturnType<Log["scanGraphs"]>> = await log.scanGraphs(after, BATCH);
    for (const { space, graph } of page.graphs) {
      count(migration, graph.layout);
      if (dryRun || graph.layout >= LAYOUT) continue;
      const to = recodedGraph(graph);
      if (to === undefined) migration.unreadable++;
      else if (await log.recodeGraph(space, graph, to)) migration.upgraded++;
      await pace.after(1);
    }
    after = page.next;
    yield { ...migration };
  }
}

function recodedGraph(graph: GraphRow): Pick<GraphRow, "body" | "layout"> | undefined {
  try {
    return { body: encodeGraph(decodeGraph(graph)), layout: LAYOUT };
  } catch {
    return undefined;
  }
}

/** Keeps to a number of rows a second. */
class Pace {
  readonly #environment: Environment;
  readonly #rowsPerSecond: number;
  readonly #signal: AbortSignal;
  readonly #begunMs: number;
  #rows = 0;

  constructor(environment: Environment, { rowsPerSecond, signal }: MigrateOptions) {
    this.#environment = environment;
    this.#rowsPerSecond = rowsPerSecond;
    this.#signal = signal;
    this.#begunMs = environment.clock.monotonicMs();
  }

  /** Waits until so many more rows were due. */
  async after(rows: number): Promise<void> {
    if (this.#rowsPerSecond === 0) return;
    this.#rows += rows;
    const dueMs = this.#begunMs + (this.#rows / this.#rowsPerSecond) * 1000;
    const waitMs = dueMs - this.#environment.clock.monotonicMs();
    if (waitMs <= 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#environment.clock.after(waitMs, resolve);
    this.#signal.addEventListener("abort", () => resolve(), { once: true });
    await promise;
    cancel();
    this.#signal.throwIfAborted();
  }
}
