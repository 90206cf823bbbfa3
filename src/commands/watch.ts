import { type Command, InvalidArgumentError } from "commander";
import type { EventOptions, StreamModeName } from "../../clients/typescript/src/index.ts";
import { act } from "./action.ts";
import { addFlags, type Flags, parseCount } from "./flags.ts";
import { eventJson, eventText } from "./print-event.ts";

const modes = ["values", "updates", "tasks", "checkpoints", "messages", "custom", "debug"];

const help = `
Shows what happens in a thread from now on, or from any event on: --after 0 begins with the oldest kept. A broken
connection is resumed where it broke, without loss or repetition. Starts and stops of runs are in every mode.

Modes: values (state after each superstep), updates (what nodes wrote, what they ask), tasks, checkpoints, messages
(tokens), custom, debug (everything).

Examples:
  $ cairn watch t1
  $ cairn watch t1 --after 0 --until-now           the whole story so far
  $ cairn watch t1 --modes updates --until-stop --json | jq -c .updates
`;

interface WatchFlags extends Flags {
  after?: bigint;
  modes?: StreamModeName[];
  namespace?: string;
  depth?: number;
  untilStop?: boolean;
  untilNow?: boolean;
  run?: string;
}

/** `cairn watch` */
export function addWatch(program: Command): Command {
  const command = program
    .command("watch")
    .argument("<thread>", "id of the thread")
    .description("show what happens in a thread as it happens")
    .option("--after <number>", "events after this number; 0 for all that are kept", parseNumber)
    .option("--modes <list>", "views, separated by commas (default: everything)", parseModes)
    .option("--namespace <name>", "only of this subgraph; '' for the root graph")
    .option("--depth <levels>", "with subgraphs down to this level; 0 for none (default: all)", parseCount(0))
    .option("--until-stop", "end when a run stops")
    .option("--until-run-stops <run>", "end when this run stops")
    .option("--until-now", "end when everything that has happened is shown");
  return addFlags(command).addHelpText("after", help).action(watch);
}

function watch(threadId: string, flags: WatchFlags & { untilRunStops?: string }): Promise<void> {
  return act(flags, async ({ client, output, signal, timeoutMs }) => {
    const { after, modes, namespace, depth, untilStop, untilNow, untilRunStops } = flags;
    const common: EventOptions = {
      modes,
      namespace,
      depth,
      untilStop,
      untilNow,
      untilRunStops,
      signal,
      deadlineMs: timeoutMs,
    };
    // What has happened until now is all in the past: without a beginning there would be nothing to show.
    const options = { ...common, after: after ?? (untilNow ? 0n : undefined) };
    for await (const event of client.thread(threadId).events(options)) {
      output.line(output.json ? output.text(eventJson(event)) : eventText(event));
    }
    return undefined;
  });
}

function parseNumber(text: string): bigint {
  if (!/^\d{1,20}$/.test(text)) throw new InvalidArgumentError("Expected an event's number.");
  return BigInt(text);
}

function parseModes(text: string): StreamModeName[] {
  const named = text.split(",").map((name) => name.trim());
  const unknown = named.find((name) => !modes.includes(name));
  if (unknown !== undefined) throw new InvalidArgumentError(`"${unknown}" is none of ${modes.join(", ")}.`);
  return named as StreamModeName[];
}
