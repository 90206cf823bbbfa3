import type { Command } from "commander";
import { act } from "./action.ts";
import { Exit } from "./exit.ts";
import { addFlags } from "./flags.ts";
import { showOutcome } from "./outcome.ts";
import { readObject } from "./read-input.ts";
import { addRunFlags, type RunFlags, runOptions } from "./run-flags.ts";

const help = `
With --input the input is applied and one superstep runs; without, the superstep that is due. "paused" means that
more is due, "done" that nothing is; both are exit code 0.

Examples:
  $ cairn step t1 --graph triage --input '{"subject": "…"}'
  $ cairn step t1
`;

/** `cairn step` */
export function addStep(program: Command): Command {
  const command = program
    .command("step")
    .argument("<thread>", "id of the thread")
    .description("run one superstep")
    .option("--input <json>", "channels to write first: a JSON object, @FILE, or - for stdin");
  return addFlags(addRunFlags(command)).addHelpText("after", help).action(step);
}

function step(threadId: string, flags: RunFlags & { input?: string }): Promise<void> {
  return act(flags, async (session) => {
    const input = flags.input === undefined ? undefined : await readObject(flags.input, "--input");
    session.progress.start(() => `${threadId} takes a step`);
    const outcome = await session.client.thread(threadId).step(input, await runOptions(flags, session));
    const code = showOutcome(session, outcome);
    return outcome.status === "paused" ? Exit.ok : code;
  });
}
