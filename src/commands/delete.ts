import type { Command } from "commander";
import { act } from "./action.ts";
import { Exit } from "./exit.ts";
import { addFlags, type Flags } from "./flags.ts";

const help = `
Everything in it goes: checkpoints, writes, values, events, runs. A run that is going is ended. There is no way back.
Exit code 4 when there was no such thread.

Example:
  $ cairn delete t1
`;

/** `cairn delete` */
export function addDelete(program: Command): Command {
  const command = program
    .command("delete")
    .argument("<thread>", "id of the thread")
    .description("delete a thread with everything in it");
  return addFlags(command)
    .addHelpText("after", help)
    .action((threadId: string, flags: Flags) =>
      act(flags, async ({ client, output, signal }) => {
        const existed = await client.thread(threadId).delete({ signal });
        output.result({ thread_id: threadId, existed }, () => (existed ? `deleted ${threadId}` : ""));
        if (!existed) output.note(`cairn: there is no thread ${threadId}`);
        return existed ? Exit.ok : Exit.notFound;
      }),
    );
}
