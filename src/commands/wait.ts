import type { Command } from "commander";
import { act } from "./action.ts";
import { exitCodeOfStatus } from "./exit.ts";
import { addFlags, type Flags } from "./flags.ts";
import { runJson, runText } from "./print-run.ts";

const help = `
Without a run, waits for the one that is going, or tells of the last one. Waits as long as runs may take (--timeout).
Exit codes are those of cairn run.

Examples:
  $ cairn wait t1
  $ cairn run t1 --input '{"text": "hi"}' --background && cairn wait t1
`;

/** `cairn wait` */
export function addWait(program: Command): Command {
  const command = program
    .command("wait")
    .argument("<thread>", "id of the thread")
    .argument("[run]", "id of the run")
    .description("wait until a run has stopped");
  return addFlags(command).addHelpText("after", help).action(wait);
}

function wait(threadId: string, given: string | undefined, flags: Flags): Promise<void> {
  return act(flags, async ({ client, output, signal, progress }) => {
    const thread = client.thread(threadId);
    const runId = given ?? (await thread.info({ signal })).runId;
    progress.start(() => `${threadId} is running`);
    const run = await thread.waitForRun(runId, { signal });
    output.result(runJson(run), () => runText(run));
    return exitCodeOfStatus(run.status);
  });
}
