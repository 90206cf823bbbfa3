// Programs of the examples in four languages, as scripts/builds.mjs builds them.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export type Language = "python" | "rust" | "cpp" | "typescript";
export const languages: readonly Language[] = ["python", "rust", "cpp", "typescript"];

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));

/** Programs that do the same in all languages. */
export interface Programs {
  /** What Rust's and C++'s are called. */
  name: string;
  /** Python's and TypeScript's without their endings, from the root of the repository. */
  script: string;
}

export const relay: Programs = { name: "relay", script: "examples/relay/worker" };
export const tour: Programs = { name: "tour", script: "examples/tour/tour" };
export const archive: Programs = { name: "archive", script: "examples/archive/worker" };

function commandsOf({ name, script }: Programs): Record<Language, string[]> {
  return {
    python: [path(".cache/venv/bin/python"), path(`${script}.py`)],
    rust: [path(`clients/rust/target/debug/examples/${name}`)],
    cpp: [path(`.cache/cpp/examples/${name}`)],
    typescript: [process.execPath, path(`${script}.ts`)],
  };
}

// The Python client as it is here, installed or not.
const env = { ...process.env, PYTHONPATH: path("clients/python/src"), PYTHONIOENCODING: "utf-8" };

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;

/** Programs that have not been built; empty when all are there. */
export function missingPrograms(programs: Programs): string[] {
  return Object.values(commandsOf(programs)).flatMap((command) => command.filter((file) => !existsSync(file)));
}

export function startProgram(programs: Programs, language: Language, args: string[]): ChildProcess {
  const [program = "", ...rest] = commandsOf(programs)[language];
  return spawn(program, [...rest, ...args], { env, stdio: ["ignore", "inherit", "inherit"] });
}

/** Runs a program to its end and gives what it printed. */
export async function runProgram(programs: Programs, language: Language, args: string[]): Promise<string> {
  const [program = "", ...rest] = commandsOf(programs)[language];
  const { stdout } = await promisify(execFile)(program, [...rest, ...args], { env, maxBuffer: OUTPUT_BYTES_MAX });
  return stdout;
}

export async function endProgram(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}
