// The relay's programs, each in its language, as scripts/builds.mjs builds them.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

export type Language = "python" | "rust" | "cpp" | "typescript";
export const languages: readonly Language[] = ["python", "rust", "cpp", "typescript"];

const path = (name: string) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

const commands: Record<Language, string[]> = {
  python: [path(".cache/venv/bin/python"), path("examples/relay/worker.py")],
  rust: [path("clients/rust/target/debug/examples/relay")],
  cpp: [path(".cache/cpp/examples/relay")],
  typescript: [process.execPath, path("examples/relay/worker.ts")],
};

// The Python client as it is here, installed or not.
const env = { ...process.env, PYTHONPATH: path("clients/python/src") };

/** Programs that have not been built; empty when all are there. */
export function missingPrograms(): string[] {
  return Object.values(commands).flatMap((command) => command.filter((file) => !existsSync(file)));
}

export function startProgram(language: Language, args: string[]): ChildProcess {
  const [program = "", ...rest] = commands[language];
  return spawn(program, [...rest, ...args], { env, stdio: ["ignore", "inherit", "inherit"] });
}

/** Runs a program to its end and gives what it printed. */
export async function runProgram(language: Language, args: string[]): Promise<string> {
  const [program = "", ...rest] = commands[language];
  const { stdout } = await promisify(execFile)(program, [...rest, ...args], { env });
  return stdout;
}

export async function endProgram(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}
