import type { Command } from "commander";
import { act } from "./action.ts";
import { Exit } from "./exit.ts";
import { addFlags, type Flags } from "./flags.ts";
import { runJson, runText } from "./print-run.ts";

const help = `
Cancels a run that is going, or waits for its turn; without a run, the one that is going. What was saved stays, and the
thread can go on. A run that has stopped stays as it is: exit code 5.

Examples:
  $ cairn cancel t1
  $ cairn cancel t1 1f0c…
  $ cairn cancel t1 --graceful                    when the superstep that is going has ended
`;

/** `cairn cancel` */
export function addCancel(program: Command): Command {
  const command = program
    .command("cancel")
    .argument("<thread>", "id of the thread")
    .argument("[run]", "id of the run")
    .description("cancel a run")
    .option("--graceful", "let the superstep that is going end first");
  return addFlags(command).addHelpText("after", help).action(cancel);
}

function cancel(threadId: string, given: string | undefined, flags: Flags & { graceful?: boolean }): Promise<void> {
  return act(flags, async ({ client, output, signal }) => {
    const thread = client.thread(threadId);
    const { graceful } = flags;
    const run = await thread.cancel(given ?? (await thread.info({ signal })).runId, { signal, graceful });
    output.result(runJson(run), () => runText(run));
    return run.status === "cancelled" ? Exit.ok : Exit.refused;
  });
}
