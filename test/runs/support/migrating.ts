// What the suites about migrations share: parts of graphs, and what became of a thread.
import type { Thread } from "../../../clients/typescript/src/index.ts";
import type { Bench } from "./bench.ts";

export const log = (text: string) => ({ expression: { update: { log: JSON.stringify([text]) } } });
export const ask = (question: string, into = "said") => ({ ask: { question: JSON.stringify(question), into } });
export const chain = (...nodes: string[]) =>
  ["START", ...nodes].slice(0, -1).map((from, i) => `${from} -> ${nodes[i]}`);
export const one = (migration: Record<string, unknown>) => ({
  schemaVersion: 2,
  migrations: [{ from: 1, to: 2, ...migration }],
});

/** The schema_version that a checkpoint of the thread was saved under. */
export async function versionAt(
  bench: Bench,
  thread: Thread,
  checkpointId?: string,
  namespace = "",
): Promise<number | undefined> {
  const { checkpoints } = bench.client.services;
  const { entry } = await checkpoints.getCheckpoint({ threadId: thread.id, checkpointId, namespace });
  return entry?.checkpoint?.schemaVersion;
}

/** What MigrateThreads tells, by the threads' ids. */
export async function migrateAll(bench: Bench, graph: string, dryRun = false) {
  const told = [];
  for await (const { thread } of bench.client.graphs.migrate(graph, { dryRun })) if (thread) told.push(thread);
  return told.sort((a, b) => a.threadId.localeCompare(b.threadId, "en", { numeric: true }));
}
