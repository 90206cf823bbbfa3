import { resolve } from "node:path";
import type { Command } from "commander";
import { act } from "./action.ts";
import { addFlags, type Flags } from "./flags.ts";

const help = `
The folder is made on the server's machine, by the server, and must not exist yet; a relative path counts from here. The
server goes on serving. The copy is a store: cairn serve --store DIR. With tokens it takes one that opens every space.
A store on MongoDB is backed up by MongoDB's own tools: mongodump.

Example:
  $ cairn backup /backups/cairn-2026-11-26
`;

/** `cairn backup` */
export function addBackup(program: Command): Command {
  const command = program
    .command("backup")
    .argument("<dir>", "a folder on the server's machine that does not exist yet")
    .description("copy an embedded store while it serves");
  return addFlags(command)
    .addHelpText("after", help)
    .action((dir: string, flags: Flags) =>
      act(flags, async ({ client, output, progress, signal, wholeMs }) => {
        const folder = resolve(dir);
        progress.start(() => "copying the store");
        await client.admin.backupStore({ folder }, { signal, deadlineMs: wholeMs });
        output.result({ folder }, () => `the store is copied to ${folder}`);
        return undefined;
      }),
    );
}
