import { createReadStream } from "node:fs";
import { type Command, Option } from "commander";
import { act } from "./action.ts";
import { addFlags, type Flags } from "./flags.ts";
import type { Source } from "./moving-in/source.ts";
import { sources } from "./moving-in/sources.ts";
import { progressBar } from "./progress.ts";
import { printable } from "./style.ts";
import { UsageError } from "./usage-error.ts";

const help = `
The thread is there once all of it is, or not at all. Exit code 5 when there is a thread of that name, or a newer Cairn
wrote the file; 2 when the file is damaged.

Examples:
  $ cairn import t1.cairn
  $ cairn import t1.cairn --thread t1-again --space elsewhere
  $ cairn import --from langgraph-sqlite checkpoints.db
  $ cairn import --from langgraph-mongodb mongodb://localhost:27017/checkpointing_db --thread 42

With --from, every checkpoint of another framework's store is put with its writes and read back. The store is only read. What
is there already is compared and stays: a move that was stopped goes on where it was. Exit code 5 when a thread there is another
one of that name.
`;

interface ImportFlags extends Flags {
  thread?: string;
  from?: string;
}

/** `cairn import` */
export function addImport(program: Command): Command {
  const command = program
    .command("import")
    .argument(
      "<file>",
      "what `cairn export` has written, - for standard input; with --from a file or a database's address",
    )
    .description("make a thread of a file that `cairn export` has written, or move in from another store");
  return addFlags(command)
    .option("--thread <id>", "id of the new thread (default: the one that it had); with --from the only thread to move")
    .addOption(new Option("--from <store>", "what another framework's saver has written").choices(Object.keys(sources)))
    .addHelpText("after", help)
    .action(importThread);
}

function importThread(file: string, { thread, from, ...flags }: ImportFlags): Promise<void> {
  const open = sources[from ?? ""];
  if (open !== undefined) return moveThreadsIn(() => open(file), thread, flags);
  return act(flags, async ({ client, output, progress, signal, wholeMs }) => {
    let bytes = 0;
    progress.start(() => `importing ${file}: ${bytes} bytes`);
    const chunks = async function* () {
      for await (const chunk of readChunks(file)) {
        bytes += chunk.length;
        yield chunk;
      }
    };
    const options = { threadId: thread, signal, deadlineMs: wholeMs };
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

function moveThreadsIn(open: () => Promise<Source>, thread: string | undefined, flags: Flags): Promise<void> {
  return act(flags, async ({ client, output, progress, signal }) => {
    const { moveIn } = await import("./moving-in/move-in.ts");
    const source = await open();
    try {
      const total = BigInt(2 * (await source.count()));
      const moved = { threads: 0, put: 0, there: 0, verified: 0 };
      const done = () => BigInt(moved.put + moved.there + moved.verified);
      progress.start(() => `${progressBar(done(), total)} thread ${moved.threads + 1}`);
      await moveIn(source, client, { thread, signal, moved });
      if (moved.threads === 0) throw new UsageError(thread ? `it has no thread ${thread}` : "it has no threads");
      const { threads, put, there, verified } = moved;
      const before = there === 0 ? "" : `, ${there} were there`;
      output.result(moved, () => `moved in ${threads} threads: ${put} checkpoints put${before}, ${verified} read back`);
      return undefined;
    } finally {
      await source.close();
    }
  });
}
