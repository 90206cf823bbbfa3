import type { Command } from "commander";
import { act } from "./action.ts";
import { addFlags, type Flags, parseCount } from "./flags.ts";
import { runJson } from "./print-run.ts";
import { failureText } from "./print-state.ts";
import { columns, moment, printable, short, styledStatus, table } from "./style.ts";

const help = `
Newest first: those that wait for their turn, the one that is going, those that have stopped.

Examples:
  $ cairn runs t1
  $ cairn runs t1 --limit 1 --json
`;

/** `cairn runs` */
export function addRuns(program: Command): Command {
  const command = program
    .command("runs")
    .argument("<thread>", "id of the thread")
    .description("list a thread's runs")
    .option("--limit <count>", "at most so many", parseCount(1), 50);
  return addFlags(command).addHelpText("after", help).action(runs);
}

function runs(threadId: string, flags: Flags & { limit: number }): Promise<void> {
  return act(flags, async ({ client, output, signal, progress }) => {
    const { limit } = flags;
    const rows: string[][] = [];
    let count = 0;
    progress.start(() => `${count} runs`);
    for await (const run of client.thread(threadId).runs({ pageSize: Math.min(limit, 500), signal })) {
      const { runId, status, graphName, startedAt, stoppedAt, error } = run;
      const waits = run.waitsFor.length > 0 ? `waits for workers: ${run.waitsFor.join(", ")}` : "";
      const why = short(error ? failureText(error) : printable(waits), Math.max(20, columns() - 100));
      if (output.json) output.result(runJson(run), () => "");
      else rows.push([runId, styledStatus(status), printable(graphName), moment(startedAt), moment(stoppedAt), why]);
      if (++count >= limit) break;
    }
    if (output.json) return undefined;
    if (count === 0) output.note("no runs");
    else output.line(table(["RUN", "STATUS", "GRAPH", "STARTED", "STOPPED", "WHY"], rows));
    return undefined;
  });
}
