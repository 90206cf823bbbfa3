import type { Command } from "commander";
import type { MigrationStep, ThreadMigration } from "../../clients/typescript/src/index.ts";
import { act } from "./action.ts";
import { Exit } from "./exit.ts";
import { addFlags, type Flags } from "./flags.ts";
import { printable, style, table } from "./style.ts";

const help = `
Runs migrate what they load by themselves; this does it for all threads beforehand. A thread that waits for an answer goes
on waiting. What a run holds is left to the run. It can be broken off and called again. Exit code 1 if a thread is refused.

Examples:
  $ cairn graph migrate triage --dry-run         what would change, thread by thread, or why it would be refused
  $ cairn graph migrate triage
`;

/** `cairn graph migrate` */
export function addMigrate(graph: Command): void {
  addFlags(graph.command("migrate").argument("<name>", "the graph's name"))
    .description("bring a graph's threads to its schema_version")
    .option("--dry-run", "try every migration, and change nothing")
    .addHelpText("after", help)
    .action(migrate);
}

function migrate(name: string, { dryRun = false, ...flags }: Flags & { dryRun?: boolean }): Promise<void> {
  return act(flags, async ({ client, output, signal, progress }) => {
    const rows: string[][] = [];
    const counts = { migrated: 0, busy: 0, refused: 0, unspecified: 0 };
    let looked = 0;
    progress.start(() => `${looked} threads looked at, ${counts.migrated} ${dryRun ? "to migrate" : "migrated"}`);
    for await (const { examined, thread } of client.graphs.migrate(name, { dryRun, signal })) {
      looked = examined;
      if (thread === undefined) continue;
      counts[thread.outcome]++;
      if (output.json) output.result(threadJson(thread), () => "");
      else rows.push(rowOf(thread, dryRun));
    }
    if (rows.length > 0) output.line(table(["THREAD", "VERSION", "OUTCOME", "CHANGES"], rows));
    const { migrated, busy, refused } = counts;
    output.note(
      `${dryRun ? "to migrate" : "migrated"} ${migrated}, busy ${busy}, refused ${refused}; looked at ${looked}`,
    );
    return refused === 0 ? Exit.ok : Exit.failed;
  });
}

const colours = { migrated: "green", busy: "yellow", refused: "red", unspecified: "dim" } as const;

function rowOf({ threadId, outcome, from, to, steps, message }: ThreadMigration, dryRun: boolean): string[] {
  const word = outcome === "migrated" && dryRun ? "to migrate" : outcome;
  const changes = outcome === "migrated" ? steps.flatMap(changesOf).join(", ") : message;
  return [
    printable(threadId),
    `${from} -> ${to}`,
    style(colours[outcome], word),
    printable(changes || "nothing but the version"),
  ];
}

function changesOf({ renamedChannels, dropped, set, renamedNodes }: MigrationStep): string[] {
  return [
    ...Object.entries(renamedChannels).map(([old, name]) => `${old} renamed ${name}`),
    ...dropped.map((channel) => `${channel} dropped`),
    ...set.map((channel) => `${channel} set`),
    ...Object.entries(renamedNodes).map(([old, name]) => `node ${old} renamed ${name}`),
  ];
}

function threadJson(thread: ThreadMigration): Record<string, unknown> {
  return {
    thread_id: thread.threadId,
    outcome: thread.outcome,
    from: thread.from,
    to: thread.to,
    checkpoint_id: thread.checkpointId,
    new_checkpoint_id: thread.newCheckpointId,
    steps: thread.steps.map(({ from, to, renamedChannels, dropped, set, renamedNodes }) => ({
      from,
      to,
      renamed_channels: renamedChannels,
      dropped_channels: dropped,
      set_channels: set,
      renamed_nodes: renamedNodes,
    })),
    reason: thread.reason,
    message: thread.message,
  };
}
