import type { StoreParts } from "../committer.ts";
import type { Log, ThreadKey } from "../log.ts";
import { decodeGraph } from "../record-codec.ts";
import { checkThread } from "./check-thread.ts";
import { faultIn } from "./check-values.ts";
import type { Finding } from "./finding.ts";
import { repairThread } from "./repair-thread.ts";

/** Spaces or threads asked for at a time. */
const BATCH = 100;

/** A finding, and where it is. */
export interface StoreFinding extends Finding {
  space: string;
  /** Absent: it is a graph. */
  thread?: string;
  graph?: string;
  isRepaired: boolean;
}

/** How far the look at a store is. */
export interface Checkup {
  threads: number;
  records: number;
  values: number;
  /** Those since the checkup before. */
  findings: StoreFinding[];
}

export interface CheckOptions {
  /** Put right what can be put right without losing anything. */
  repair: boolean;
  /** Absent: all of them, and all graphs. */
  space?: string;
  signal: AbortSignal;
}

/** Looks at everything in a store, while servers serve it, and tells after each thread what it found. */
export async function* checkStore(parts: StoreParts, options: CheckOptions): AsyncGenerator<Checkup> {
  const checkup: Checkup = { threads: 0, records: 0, values: 0, findings: [] };
  const isWhole = options.space === undefined;
  yield { ...checkup, findings: isWhole ? await graphFindings(parts.log, options.signal) : [] };
  for await (const key of threadsOf(parts.log, options.space)) {
    options.signal.throwIfAborted();
    const report = await checkThread(parts.log, key, options.signal);
    const repaired = options.repair ? await repairThread(parts, key, report) : new Set();
    checkup.threads++;
    checkup.records += report.records;
    checkup.values += report.values;
    const findings = report.findings.map((finding) => ({ ...finding, ...key, isRepaired: repaired.has(finding) }));
    yield { ...checkup, findings };
  }
}

async function graphFindings(log: Log, signal: AbortSignal): Promise<StoreFinding[]> {
  const findings: StoreFinding[] = [];
  for (let after: string | undefined = ""; after !== undefined; ) {
    signal.throwIfAborted();
    const scan: Awaited<ReturnType<Log["scanGraphs"]>> = await log.scanGraphs(after, BATCH);
    for (const { space, graph } of scan.graphs) {
      try {
        decodeGraph(graph);
      } catch (error) {
        const why = faultIn(error);
        findings.push({
          fault: "unreadable-graph",
          n: graph.revision,
          space,
          graph: graph.name,
          why,
          isRepaired: false,
        });
      }
    }
    after = scan.next;
  }
  return findings;
}

async function* threadsOf(log: Log, only: string | undefined): AsyncGenerator<ThreadKey> {
  const spaces = only === undefined ? pages((after) => log.spaces(after, BATCH)) : [only];
  for await (const space of spaces) {
    for await (const thread of pages((after) => log.threadIds(space, after, BATCH))) yield { space, thread };
  }
}

async function* pages(read: (after: string) => Promise<string[]>): AsyncGenerator<string> {
  for (let after = ""; ; ) {
    const page = await read(after);
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < BATCH) return;
    after = last;
  }
}
