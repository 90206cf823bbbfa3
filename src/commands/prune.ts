import type { Command } from "commander";
import { act } from "./action.ts";
import { addFlags, type Flags, parseCount, parseSpan } from "./flags.ts";

const help = `
Of each namespace the newest checkpoints stay, and with them all that they need: values, and the checkpoints of subgraphs
at which they stand. The others go with their writes, and the events up to the last of them. There is no way back.
A thread that a run holds is refused (exit code 5). What was stopped half-way may be done again.

Examples:
  $ cairn prune t1 --keep 1
  $ cairn prune t1 t2 t3 --keep 20 --older-than 7d
`;

interface PruneFlags extends Flags {
  keep: number;
  olderThan?: number;
}

/** `cairn prune` */
export function addPrune(program: Command): Command {
  const command = program
    .command("prune")
    .argument("<thread...>", "ids of the threads")
    .description("remove old checkpoints of threads")
    .requiredOption("--keep <count>", "checkpoints to keep in each namespace", parseCount(1))
    .option("--older-than <time>", "only what is older: 90m, 12h, 7d", parseSpan);
  return addFlags(command).addHelpText("after", help).action(prune);
}

function prune(threadIds: string[], flags: PruneFlags): Promise<void> {
  return act(flags, async ({ client, output, signal, progress }) => {
    const { keep } = flags;
    const olderThan = flags.olderThan === undefined ? undefined : new Date(Date.now() - flags.olderThan);
    for (const [index, threadId] of threadIds.entries()) {
      progress.start(() => `pruning ${threadId}, ${index + 1} of ${threadIds.length}`);
      const pruned = await client.thread(threadId).prune({ keep, olderThan, signal });
      const what = `${pruned} ${pruned === 1 ? "checkpoint" : "checkpoints"}`;
      output.result({ thread_id: threadId, pruned_checkpoints: pruned }, () => `removed ${what} of ${threadId}`);
    }
    return undefined;
  });
}
