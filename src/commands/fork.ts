import { type Command, InvalidArgumentError } from "commander";
import { act } from "./action.ts";
import { addFlags, type Flags } from "./flags.ts";
import { showOutcome } from "./outcome.ts";
import { shellWord, stateJson, stateText } from "./print-state.ts";
import { readObject } from "./read-input.ts";
import { style } from "./style.ts";

const help = `
A fork makes an earlier checkpoint the point from which the thread goes on. It saves a new checkpoint whose parent is
CHECKPOINT, changed by --values if given, and makes it the head. What came after CHECKPOINT stays in the history.

--values are written as cairn update writes them: as the node --as-node, whose successors then run. cairn run THREAD
goes on from the fork; --run does so at once. To run again from a checkpoint without changing anything,
cairn run THREAD --checkpoint CHECKPOINT is enough.

A checkpoint that LangGraph, NeoGraph or juncture has written is forked into the graph --graph, each channel of which
begins with the one that --map names; the thread then runs on here. Its metadata say what had no place.

Examples:
  $ cairn fork t1 1f0c… --values '{"question": "And by air?"}' --as-node __start__ --run
  $ cairn fork t1 1f0c… && cairn run t1
  $ cairn fork t1 1f0c… --graph support --map messages --map topic=subject --run
`;

interface ForkFlags extends Flags {
  values?: string;
  asNode?: string;
  graph?: string;
  map?: Record<string, string>;
  run?: boolean;
}

/** `cairn fork` */
export function addFork(program: Command): Command {
  const command = program
    .command("fork")
    .argument("<thread>", "id of the thread")
    .argument("<checkpoint>", "id of the checkpoint to go back to")
    .description("go on from an earlier checkpoint")
    .option("--values <json>", "channels to write first: a JSON object, @FILE, or - for stdin")
    .option("--as-node <node>", "write them as this node")
    .option("--graph <name>", "the graph; without, the one the thread last ran")
    .option("--map <channel>[=<theirs>]", "begin with a channel of another framework's checkpoint; repeatable", mapped)
    .option("--run", "run on from the fork at once");
  return addFlags(command).addHelpText("after", help).action(fork);
}

function fork(threadId: string, checkpointId: string, flags: ForkFlags): Promise<void> {
  return act(flags, async (session) => {
    const { client, output, signal, progress } = session;
    const thread = client.thread(threadId);
    const values = flags.values === undefined ? undefined : await readObject(flags.values, "--values");
    const { asNode, graph, map: channelMapping } = flags;
    const state = await thread.fork(checkpointId, values, { asNode, graph, channelMapping, signal });
    if (flags.run) {
      progress.start(() => `${threadId} is running`);
      return showOutcome(session, await thread.run(undefined, { graph, signal }));
    }
    const hint = state.next.length > 0 ? `\n${style("dim", `go on with: cairn run ${shellWord(threadId)}`)}` : "";
    output.result(stateJson(state), () => stateText(state) + hint);
    return undefined;
  });
}

function mapped(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf("=");
  const [channel, theirs] = at < 0 ? [text, text] : [text.slice(0, at), text.slice(at + 1)];
  if (channel === "") throw new InvalidArgumentError("It is CHANNEL or CHANNEL=THEIRS.");
  return { ...before, [channel]: theirs };
}
