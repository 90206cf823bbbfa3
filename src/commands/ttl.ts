import { type Command, InvalidArgumentError } from "commander";
import { act } from "./action.ts";
import { addFlags, type Flags, parseSpan } from "./flags.ts";
import { spanText } from "./style.ts";

const help = `
The time counts from the thread's last change, of which this is one. Once it is over the thread is deleted with everything
in it, as by cairn delete; not while a run is going or waits.

Examples:
  $ cairn ttl t1 30d
  $ cairn ttl t1 none
`;

/** `cairn ttl` */
export function addTtl(program: Command): Command {
  const command = program
    .command("ttl")
    .argument("<thread>", "id of the thread")
    .argument("<time>", "from 1s to 36500d, or none", parseTtl)
    .description("say how long a thread lives after its last change");
  return addFlags(command)
    .addHelpText("after", help)
    .action((threadId: string, given: { ms: number | undefined }, flags: Flags) =>
      act(flags, async ({ client, output, signal }) => {
        const { ttlMs } = await client.thread(threadId).setTtl(given.ms, { signal });
        const text = ttlMs === undefined ? "for ever" : `${spanText(ttlMs)} after its last change`;
        output.result({ thread_id: threadId, ttl_ms: ttlMs ?? null }, () => `${threadId} lives ${text}`);
        return undefined;
      }),
    );
}

function parseTtl(text: string): { ms: number | undefined } {
  const ms = text === "none" ? undefined : parseSpan(text);
  if (ms !== undefined && ms < 1000) throw new InvalidArgumentError("Expected a second at least.");
  return { ms };
}
