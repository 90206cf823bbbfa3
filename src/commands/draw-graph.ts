import { existsSync, statSync } from "node:fs";
import type { Command } from "commander";
import type { CairnClient } from "../../clients/typescript/src/index.ts";
import { act } from "./action.ts";
import { addFlags, type Flags } from "./flags.ts";
import { readFileOrStdin } from "./read-input.ts";
import { UsageError } from "./usage-error.ts";

const help = `
Examples:
  $ cairn graph draw examples/triage/graph.yaml > triage.mmd
  $ cairn graph draw --thread t1     what is due, has failed or waits for an answer is marked
`;

interface DrawFlags extends Flags {
  thread?: string;
  checkpoint?: string;
}

/** `cairn graph draw` */
export function addDraw(graph: Command): void {
  const command = graph
    .command("draw")
    .argument("[name-or-file]", "a graph file if there is one of this name, else a name")
    .description("draw a graph as Mermaid text")
    .option("--thread <id>", "the graph that this thread ran, marked with where the thread stands")
    .option("--checkpoint <id>", "with --thread: in the superstep after this checkpoint");
  addFlags(command).addHelpText("after", help).action(draw);
}

function draw(nameOrFile: string | undefined, flags: DrawFlags): Promise<void> {
  return act(flags, async ({ client: { graphs }, output, signal }) => {
    const { thread, checkpoint: checkpointId } = flags;
    if ((nameOrFile === undefined) === (thread === undefined)) {
      throw new UsageError("draw takes either a name, a file, or --thread");
    }
    if (thread === undefined && checkpointId !== undefined) throw new UsageError("--checkpoint goes with --thread");
    const mermaid = await (nameOrFile === undefined
      ? graphs.drawThread(thread ?? "", { checkpointId, signal })
      : drawNamed(graphs, nameOrFile, signal));
    output.result({ mermaid: mermaid.trimEnd() }, () => mermaid.trimEnd());
    return undefined;
  });
}

async function drawNamed(graphs: CairnClient["graphs"], nameOrFile: string, signal: AbortSignal): Promise<string> {
  const isFile = nameOrFile === "-" || (existsSync(nameOrFile) && statSync(nameOrFile).isFile());
  return isFile
    ? graphs.drawSource(await readFileOrStdin(nameOrFile), { signal })
    : graphs.draw(nameOrFile, { signal });
}
