import { Command, CommanderError } from "commander";
import { addBackup } from "./backup.ts";
import { addCancel } from "./cancel.ts";
import { addCopy } from "./copy.ts";
import { addDelete } from "./delete.ts";
import { addDoctor } from "./doctor.ts";
import { Exit, exitCodesHelp } from "./exit.ts";
import { addExport } from "./export.ts";
import { addFork } from "./fork.ts";
import { addGraph } from "./graph.ts";
import { addHistory } from "./history.ts";
import { addImport } from "./import.ts";
import { addMigrate } from "./migrate.ts";
import { addPrune } from "./prune.ts";
import { reportError } from "./report-error.ts";
import { addResume } from "./resume.ts";
import { addRun } from "./run.ts";
import { addRuns } from "./runs.ts";
import { addServe } from "./serve.ts";
import { addShow } from "./show.ts";
import { addState } from "./state.ts";
import { addStatus } from "./status.ts";
import { addStep } from "./step.ts";
import { addThreads } from "./threads.ts";
import { addTtl } from "./ttl.ts";
import { addUpdate } from "./update.ts";
import { addWait } from "./wait.ts";
import { addWatch } from "./watch.ts";
import { addWorkers } from "./workers.ts";

const epilogue = `
A first walk:
  $ cairn serve --graphs examples/triage        in one terminal
  $ cairn run t1 --graph triage --input '{"subject": "Charged twice", "text": "A refund, please.", "amount": 240}'
  $ cairn resume t1 --answer '{"approved": true}'   when it stopped to ask
  $ cairn history t1                            every checkpoint it left
  $ cairn fork t1 CHECKPOINT --values '{"amount": 24}' && cairn run t1

${exitCodesHelp}
Values are JSON; integers keep every digit, 1.0 is a float and 1 an integer. What JSON lacks is written as
{"$bytes": "base64"}, {"$float": "NaN"} or {"$map": [[key, value], …]}, in both directions.`;

/** Every subcommand, each from a file of its own. */
export function makeProgram(): Command {
  const program = new Command("cairn")
    .description("Keeps the checkpoints of agent graphs, and runs them.")
    .exitOverride()
    .configureHelp({ sortSubcommands: false })
    .showSuggestionAfterError()
    .addHelpText("after", epilogue);
  const groups: [heading: string, add: ((program: Command) => Command)[]][] = [
    ["The server:", [addServe, addStatus, addWorkers, addMigrate, addDoctor, addBackup]],
    ["Graphs:", [addGraph]],
    ["Running a thread:", [addRun, addStep, addResume, addWatch, addWait, addCancel]],
    ["Looking at it:", [addThreads, addRuns, addState, addHistory, addShow]],
    ["Changing it:", [addUpdate, addFork]],
    ["Keeping and removing it:", [addCopy, addExport, addImport, addPrune, addTtl, addDelete]],
  ];
  for (const [heading, adds] of groups) for (const add of adds) add(program).helpGroup(heading);
  return program;
}

/** Runs one command line and gives its exit code. */
export async function runProgram(argv: string[]): Promise<number> {
  try {
    await makeProgram().parseAsync(argv);
    return Number(process.exitCode ?? Exit.ok);
  } catch (error) {
    // Commander has written its message already, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? Exit.ok : Exit.usage;
    return reportError(error, false);
  }
}
