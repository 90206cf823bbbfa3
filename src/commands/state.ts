import type { Command } from "commander";
import { act } from "./action.ts";
import { addFlags, type Flags } from "./flags.ts";
import { stateJson, stateText } from "./print-state.ts";

const help = `
Examples:
  $ cairn state t1
  $ cairn state t1 --checkpoint 1f0c…
  $ cairn state t1 --json | jq .values
`;

interface StateFlags extends Flags {
  checkpoint?: string;
  namespace?: string;
}

/** `cairn state` */
export function addState(program: Command): Command {
  const command = program
    .command("state")
    .argument("<thread>", "id of the thread")
    .description("show a thread's values, what is next, and what it asks")
    .option("--checkpoint <id>", "the state at this checkpoint; without, at the head")
    .option("--namespace <name>", "of this subgraph; without, of the root graph");
  return addFlags(command)
    .addHelpText("after", help)
    .action((threadId: string, flags: StateFlags) =>
      act(flags, async ({ client, output, signal }) => {
        const { checkpoint: checkpointId, namespace } = flags;
        const state = await client.thread(threadId).state({ checkpointId, namespace, signal });
        output.result(stateJson(state), () => stateText(state));
        return undefined;
      }),
    );
}
