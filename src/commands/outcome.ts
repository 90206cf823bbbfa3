import type { RunOutcome } from "../../clients/typescript/src/index.ts";
import type { Session } from "./action.ts";
import { exitCodeOfStatus } from "./exit.ts";
import { outcomeJson, outcomeText } from "./print-state.ts";

/** Shows what became of a run and gives the exit code that says it. */
export function showOutcome({ output }: Session, outcome: RunOutcome, more: Record<string, unknown> = {}): number {
  output.result({ ...more, ...outcomeJson(outcome) }, () => outcomeText(outcome));
  return exitCodeOfStatus(outcome.status);
}
