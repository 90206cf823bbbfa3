import type { Command } from "commander";
import { act } from "./action.ts";
import { addFlags, type Flags } from "./flags.ts";

const help = `
The copy has the whole history and shares nothing with the thread. A run that is going is not copied: the copy stands at
the last checkpoint. Without an id of its own the server makes one, which is printed.
Exit code 5 when the new thread exists.

Examples:
  $ cairn copy t1 t1-before-the-upgrade
  $ cairn copy t1 --json
`;

/** `cairn copy` */
export function addCopy(program: Command): Command {
  const command = program
    .command("copy")
    .argument("<thread>", "id of the thread")
    .argument("[new]", "id of the copy")
    .description("copy a thread with its history to a new one");
  return addFlags(command)
    .addHelpText("after", help)
    .action((threadId: string, newId: string | undefined, flags: Flags) =>
      act(flags, async ({ client, output, signal, progress }) => {
        progress.start(() => `copying ${threadId}`);
        const { id } = await client.thread(threadId).copy(newId, { signal });
        output.result({ thread_id: threadId, new_thread_id: id }, () => `copied ${threadId} to ${id}`);
        return undefined;
      }),
    );
}
