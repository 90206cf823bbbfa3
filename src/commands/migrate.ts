import type { Command } from "commander";
import type { CairnClient } from "../../clients/typescript/src/index.ts";
import { act } from "./action.ts";
import { Exit } from "./exit.ts";
import { addFlags, type Flags, parseCount } from "./flags.ts";
import { progressBar } from "./progress.ts";
import { aligned } from "./style.ts";

const help = `
Records of older layouts are upgraded whenever they are read; this rewrites them once and for all, while servers serve.
It may be stopped and run again: what is done is only looked at. With tokens it takes one that opens every space.
Exit code 1 when records could not be read: they stay as they are.

Examples:
  $ cairn migrate --dry-run             how many records there are of each layout
  $ cairn migrate --rows-per-second 500
`;

interface MigrateFlags extends Flags {
  dryRun?: boolean;
  rowsPerSecond?: number;
}

/** `cairn migrate` */
export function addMigrate(program: Command): Command {
  return addFlags(program.command("migrate").description("bring all stored records up to the newest layout"))
    .option("--dry-run", "count, and change nothing")
    .option("--rows-per-second <n>", "rewrite at most so many records a second", parseCount(1))
    .addHelpText("after", help)
    .action(migrate);
}

type Told = ReturnType<CairnClient["admin"]["migrateStore"]> extends AsyncIterable<infer Response> ? Response : never;

function migrate({ dryRun = false, rowsPerSecond = 0, ...flags }: MigrateFlags): Promise<void> {
  return act(flags, async ({ client, output, progress, signal, wholeMs }) => {
    let last: Told | undefined;
    progress.start(() => (last ? `${progressBar(last.looked, last.total)} ${last.upgraded} upgraded` : "migrating"));
    const options = { signal, deadlineMs: wholeMs };
    for await (const told of client.admin.migrateStore({ dryRun, rowsPerSecond }, options)) last = told;
    progress.clear();
    if (last === undefined) throw new Error("the server told nothing");
    const { newestLayout, layouts, upgraded, unreadable } = last;
    const json = { newest_layout: newestLayout, layouts, upgraded, unreadable, dry_run: dryRun };
    output.result(json, () => textOf(last as Told, dryRun));
    return unreadable > 0n ? Exit.failed : Exit.ok;
  });
}

function textOf({ newestLayout, layouts, upgraded, unreadable }: Told, dryRun: boolean): string {
  const lines = Object.entries(layouts).map(([layout, count]) => [
    `layout ${layout}`,
    `${count} records${Number(layout) === newestLayout ? ", the newest" : ""}`,
  ]);
  if (!dryRun) lines.push(["upgraded", `${upgraded}`]);
  if (unreadable > 0n) lines.push(["unreadable", `${unreadable}, left as they are`]);
  return aligned(lines);
}
