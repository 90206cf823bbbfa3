import type { Command } from "commander";
import type { ThreadState } from "../../clients/typescript/src/index.ts";
import { act } from "./action.ts";
import { addFlags, type Flags, parseCount } from "./flags.ts";
import { jsonText } from "./json-text.ts";
import { stateJson } from "./print-state.ts";
import { columns, moment, printable, short, table } from "./style.ts";

const help = `
Newest first. PARENT is empty at the root; a checkpoint whose parent is not the one below it began a fork.
With --json one line a checkpoint, with everything that cairn state shows.

Examples:
  $ cairn history t1 --limit 100
  $ cairn history t1 --json | jq -c '[.step, .checkpoint_id]'
`;

/** `cairn history` */
export function addHistory(program: Command): Command {
  const command = program
    .command("history")
    .argument("<thread>", "id of the thread")
    .description("list a thread's checkpoints")
    .option("--limit <count>", "at most so many", parseCount(1), 20)
    .option("--namespace <name>", "of this subgraph; without, of the root graph");
  return addFlags(command).addHelpText("after", help).action(history);
}

function history(threadId: string, flags: Flags & { limit: number; namespace?: string }): Promise<void> {
  return act(flags, async ({ client, output, signal, progress }) => {
    const { limit, namespace } = flags;
    const rows: string[][] = [];
    let count = 0;
    progress.start(() => `${count} checkpoints of ${threadId}`);
    for await (const state of client.thread(threadId).history({ namespace, pageSize: Math.min(limit, 500), signal })) {
      if (output.json) output.result(stateJson(state), () => "");
      else rows.push(rowOf(state));
      if (++count >= limit) break;
    }
    if (output.json) return undefined;
    if (count === 0) output.note(`${threadId} has no checkpoints`);
    else output.line(table(["STEP", "CHECKPOINT", "PARENT", "SOURCE", "AT", "NEXT", "VALUES"], rows));
    return undefined;
  });
}

function rowOf(state: ThreadState): string[] {
  const values = Object.entries(state.values).map(([name, value]) => `${name}=${jsonText(value)}`);
  const used = 2 * state.checkpointId.length + 60;
  return [
    String(state.step),
    printable(state.checkpointId),
    printable(state.parentId),
    printable(state.source),
    moment(state.createdAt),
    printable(state.next.join(",")),
    short(values.join(" "), Math.max(30, columns() - used)),
  ];
}
