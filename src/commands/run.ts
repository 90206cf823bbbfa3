import { type Command, Option } from "commander";
import { act, type Session } from "./action.ts";
import { addFlags } from "./flags.ts";
import { showOutcome } from "./outcome.ts";
import { readObject } from "./read-input.ts";
import { addRunFlags, addWaitingFlags, runOptions, type WaitingFlags } from "./run-flags.ts";
import { watchRun } from "./watch-run.ts";

const help = `
With --input a new turn begins; without, the thread goes on where it stands. A thread that does not exist is created.
The run belongs to the server: Ctrl-C ends the waiting, not the run.

Exit code 0 when the run is done, 3 when it asks something or stands at a breakpoint, 1 when it failed.

Examples:
  $ cairn run t1 --graph triage --input '{"subject": "Lost parcel", "text": "Where is it?", "amount": 0}'
  $ cairn run t1 --input @turn.json --watch
  $ echo '{"n": 12345678901234567890}' | cairn run t1 --input - --json
  $ cairn run t1 --input '{"n": 2}' --background --on-busy enqueue
  $ cairn run t1 --checkpoint 1f0c…               again from an earlier checkpoint: a fork
`;

const onBusy = ["reject", "enqueue", "interrupt", "rollback"] as const;

interface TurnFlags extends WaitingFlags {
  input?: string;
  onBusy?: (typeof onBusy)[number];
}

/** `cairn run` */
export function addRun(program: Command): Command {
  const command = program
    .command("run")
    .argument("<thread>", "id of the thread")
    .description("run a graph on a thread until it is done, asks, or fails")
    .option("--input <json>", "channels to write first: a JSON object, @FILE, or - for stdin");
  addWaitingFlags(command).addOption(
    new Option("--on-busy <how>", "when another run holds the thread (default: reject)").choices(onBusy),
  );
  return addFlags(addRunFlags(command)).addHelpText("after", help).action(run);
}

function run(threadId: string, flags: TurnFlags): Promise<void> {
  return act(flags, async (session: Session) => {
    const thread = session.client.thread(threadId);
    const input = flags.input === undefined ? undefined : await readObject(flags.input, "--input");
    const { background, onBusy } = flags;
    const options = { ...(await runOptions(flags, session)), background, onBusy };
    const start = () => thread.run(input, options);
    if (flags.watch) return showOutcome(session, await watchRun(thread, session, start), { type: "outcome" });
    session.progress.start(() => `${threadId} is running`);
    return showOutcome(session, await start());
  });
}
