import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { finished } from "node:stream/promises";
import type { Command } from "commander";
import { act } from "./action.ts";
import { addFlags, type Flags } from "./flags.ts";
import { UsageError } from "./usage-error.ts";

const help = `
The file holds the thread as it is now: every checkpoint, write, value and event. Not who holds it, which runs wait, and
what was answered to requests. \`cairn import\` makes a thread of it, on any server; to run on there, it needs its graph
(\`cairn graph show\`, \`cairn graph register\`).

Examples:
  $ cairn export t1 --out t1.cairn
  $ cairn export t1 | ssh elsewhere cairn import -
`;

interface ExportFlags extends Flags {
  out?: string;
}

/** `cairn export` */
export function addExport(program: Command): Command {
  const command = program
    .command("export")
    .argument("<thread>", "id of the thread")
    .description("write a thread with its whole history to a file");
  return addFlags(command)
    .option("--out <file>", "a file that does not exist yet (default: standard output)")
    .addHelpText("after", help)
    .action(exportThread);
}

function exportThread(threadId: string, { out, ...flags }: ExportFlags): Promise<void> {
  return act(flags, async ({ client, output, progress, signal, wholeMs }) => {
    if (out === undefined && process.stdout.isTTY) throw new UsageError("the file is no text: give --out FILE");
    let bytes = 0;
    progress.start(() => `exporting ${threadId}: ${bytes} bytes`);
    const chunks = client.threads.export(threadId, { signal, deadlineMs: wholeMs });
    const count = async function* () {
      for await (const chunk of chunks) {
        bytes += chunk.length;
        yield chunk;
      }
    };
    await (out === undefined ? toStdout(count()) : toFile(out, count()));
    progress.clear();
    if (out !== undefined) output.result({ thread_id: threadId, file: out, bytes }, () => `${out}: ${bytes} bytes`);
    return undefined;
  });
}

async function toStdout(chunks: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of chunks) if (!process.stdout.write(chunk)) await once(process.stdout, "drain");
}

/** A file that is not whole does not stay. */
async function toFile(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void> {
  const file = createWriteStream(path, { flags: "wx", flush: true });
  try {
    await once(file, "open");
  } catch (error) {
    throw new UsageError(`--out: ${error instanceof Error ? error.message : String(error)}`);
  }
  try {
    for await (const chunk of chunks) if (!file.write(chunk)) await once(file, "drain");
    file.end();
    await finished(file);
  } catch (error) {
    file.destroy();
    await rm(path, { force: true });
    throw error;
  }
}
