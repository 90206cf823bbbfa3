/** The person whom a graph asks. */

import { createInterface } from "node:readline/promises";
import { say } from "./stage.ts";

const patienceSeconds = 20;

/** Asks yes or no. Yes when nobody is there to answer, or nobody does for a while: the demo must not hang. */
export async function askYesOrNo(question: string): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    say(`${question} Nobody is at a terminal, so the demo answers: yes`);
    return true;
  }
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  const ask = `   ${question} [Y/n, yes after ${patienceSeconds} seconds] `;
  try {
    const answer = await lines.question(ask, { signal: AbortSignal.timeout(patienceSeconds * 1_000) });
    return !/^\s*n/i.test(answer);
  } catch (error) {
    if (!(error instanceof Error && error.name === "AbortError")) throw error;
    process.stdout.write("yes\n");
    return true;
  } finally {
    lines.close();
  }
}
