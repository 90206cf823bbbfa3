// Programs of the examples in four languages, as scripts/builds.mjs builds them.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export type Language = "python" | "rust" | "cpp" | "typescript";
export const languages: readonly Language[] = ["python", "rust", "cpp", "typescript"];

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));

/** Examples whose workers are programs in all languages. */
export type Example = "relay" | "archive";

function commandsOf(example: Example): Record<Language, string[]> {
  return {
    python: [path(".cache/venv/bin/python"), path(`examples/${example}/worker.py`)],
    rust: [path(`clients/rust/target/debug/examples/${example}`)],
    cpp: [path(`.cache/cpp/examples/${example}`)],
    typescript: [process.execPath, path(`examples/${example}/worker.ts`)],
  };
}

// The Python client as it is here, installed or not.
const env = { ...process.env, PYTHONPATH: path("clients/python/src") };

/** Programs that have not been built; empty when all are there. */
export function missingPrograms(example: Example): string[] {
  return Object.values(commandsOf(example)).flatMap((command) => command.filter((file) => !existsSync(file)));
}

export function startProgram(example: Example, language: Language, args: string[]): ChildProcess {
  const [program = "", ...rest] = commandsOf(example)[language];
  return spawn(program, [...rest, ...args], { env, stdio: ["ignore", "inherit", "inherit"] });
}

/** Runs a program to its end and gives what it printed. */
export async function runProgram(example: Example, language: Language, args: string[]): Promise<string> {
  const [program = "", ...rest] = commandsOf(example)[language];
  const { stdout } = await promisify(execFile)(program, [...rest, ...args], { env });
  return stdout;
}

export async function endProgram(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}
