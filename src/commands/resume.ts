import { type Command, Option } from "commander";
import { act } from "./action.ts";
import { addFlags } from "./flags.ts";
import { showOutcome } from "./outcome.ts";
import { readObject, readValue } from "./read-input.ts";
import { addRunFlags, addWaitingFlags, runOptions, type WaitingFlags } from "./run-flags.ts";
import { UsageError } from "./usage-error.ts";
import { watchRun } from "./watch-run.ts";

const help = `
The answer is JSON, so a text needs its quotes: --answer '"yes"'. When several questions are open, answer by their
ids (cairn state shows them); questions left out stay open.

Examples:
  $ cairn resume t1 --answer '"yes"'
  $ cairn resume t1 --answer '{"approved": true, "by": "ada"}'
  $ cairn resume t1 --answers '{"5b1c…": true, "77aa…": "no"}'
`;

interface ResumeFlags extends WaitingFlags {
  answer?: string;
  answers?: string;
}

/** `cairn resume` */
export function addResume(program: Command): Command {
  const command = program
    .command("resume")
    .argument("<thread>", "id of the thread")
    .description("answer what a thread asks, and run on")
    .addOption(new Option("--answer <json>", "the answer to the only open question: JSON, @FILE, or - for stdin"))
    .addOption(new Option("--answers <json>", "answers by question: {id: answer}").conflicts("answer"));
  return addFlags(addRunFlags(addWaitingFlags(command)))
    .addHelpText("after", help)
    .action(resume);
}

function resume(threadId: string, flags: ResumeFlags): Promise<void> {
  return act(flags, async (session) => {
    const thread = session.client.thread(threadId);
    const answer = await answerOf(flags);
    const options = { ...(await runOptions(flags, session)), background: flags.background };
    const start = () => thread.resume(answer, options);
    if (flags.watch) return showOutcome(session, await watchRun(thread, session, start), { type: "outcome" });
    session.progress.start(() => `${threadId} is running`);
    return showOutcome(session, await start());
  });
}

async function answerOf({ answer, answers }: ResumeFlags): Promise<unknown> {
  if (answers !== undefined) {
    const { byId } = await import("../../clients/typescript/src/index.ts");
    return byId(await readObject(answers, "--answers"));
  }
  if (answer === undefined) throw new UsageError("give --answer JSON, or --answers '{id: JSON}'");
  return readValue(answer, "--answer");
}
