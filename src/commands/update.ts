import type { Command } from "commander";
import { act } from "./action.ts";
import { addFlags, type Flags } from "./flags.ts";
import { stateJson, stateText } from "./print-state.ts";
import { readObject } from "./read-input.ts";

const help = `
Writes to the channels as a node would have, reducers included, and saves a checkpoint. What runs next is what follows
that node: --as-node says which; without, the one that wrote last. "__start__" acts as an input, "__end__" clears what
is due.

Examples:
  $ cairn update t1 --values '{"answer": "Tomorrow."}' --as-node draft
  $ cairn update t1 --values @fix.json --checkpoint 1f0c…     an older one: a fork
`;

interface UpdateFlags extends Flags {
  values: string;
  asNode?: string;
  checkpoint?: string;
  graph?: string;
  expectedHead?: string;
}

/** `cairn update` */
export function addUpdate(program: Command): Command {
  const command = program
    .command("update")
    .argument("<thread>", "id of the thread")
    .description("write to a thread's state")
    .requiredOption("--values <json>", "channels to write: a JSON object, @FILE, or - for stdin")
    .option("--as-node <node>", "write as this node")
    .option("--checkpoint <id>", "update this checkpoint in place of the head: a fork")
    .option("--graph <name>", "the graph; without, the one the thread last ran")
    .option("--expected-head <id>", "refuse (exit code 5) unless this is the head");
  return addFlags(command).addHelpText("after", help).action(update);
}

function update(threadId: string, flags: UpdateFlags): Promise<void> {
  return act(flags, async ({ client, output, signal }) => {
    const { asNode, checkpoint: checkpointId, graph, expectedHead } = flags;
    const values = await readObject(flags.values, "--values");
    const options = { asNode, checkpointId, graph, expectedHead, signal };
    const state = await client.thread(threadId).updateState(values, options);
    output.result(stateJson(state), () => stateText(state));
    return undefined;
  });
}
