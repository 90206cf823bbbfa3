import { createReadStream } from "node:fs";
import type { Command } from "commander";
import { act } from "./action.ts";
import { addFlags, type Flags } from "./flags.ts";
import { printable } from "./style.ts";
import { UsageError } from "./usage-error.ts";

const help = `
The thread is there once all of it is, or not at all. Exit code 5 when there is a thread of that name, or a newer Cairn
wrote the file; 2 when the file is damaged.

Examples:
  $ cairn import t1.cairn
  $ cairn import t1.cairn --thread t1-again --space elsewhere
`;

/** Somewhat more than the server allows. */
const DEADLINE_MS = 60 * 60 * 1000;

interface ImportFlags extends Flags {
  thread?: string;
}

/** `cairn import` */
export function addImport(program: Command): Command {
  const command = program
    .command("import")
    .argument("<file>", "what `cairn export` has written; - for standard input")
    .description("make a thread of a file that `cairn export` has written");
  return addFlags(command)
    .option("--thread <id>", "id of the new thread (default: the one that it had)")
    .addHelpText("after", help)
    .action(importThread);
}

function importThread(file: string, { thread, ...flags }: ImportFlags): Promise<void> {
  return act(flags, async ({ client, output, progress, signal, timeoutMs }) => {
    let bytes = 0;
    progress.start(() => `importing ${file}: ${bytes} bytes`);
    const chunks = async function* () {
      for await (const chunk of readChunks(file)) {
        bytes += chunk.length;
        yield chunk;
      }
    };
    const options = { threadId: thread, signal, deadlineMs: timeoutMs ?? DEADLINE_MS };
    const { thread: made, records } = await client.threads.import(chunks(), options);
    output.result({ thread_id: made.id, records }, () => `imported ${printable(made.id)}: ${records} records`);
    return undefined;
  });
}

async function* readChunks(file: string): AsyncGenerator<Uint8Array> {
  const stream = file === "-" ? process.stdin : createReadStream(file, { highWaterMark: 256 * 1024 });
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (error) {
    throw new UsageError(`${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
