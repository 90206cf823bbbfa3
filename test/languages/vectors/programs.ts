// The programs that write and read vectors; scripts/builds.mjs builds them with the examples.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Language } from "../../../examples/programs.ts";

const path = (name: string) => fileURLToPath(new URL(`../../../${name}`, import.meta.url));

const commands: Record<Language, string[]> = {
  python: [path(".cache/venv/bin/python"), path("test/languages/vectors/vectors.py")],
  rust: [path("clients/rust/target/debug/examples/vectors")],
  cpp: [path(".cache/cpp/examples/vectors")],
  typescript: [process.execPath, path("test/languages/vectors/vectors.ts")],
};

/** Programs that have not been built; empty when all are there. */
export function missingReaders(): string[] {
  return Object.values(commands).flatMap((command) => command.filter((file) => !existsSync(file)));
}

/** Runs a program to its end and gives what it printed. */
export async function runReader(language: Language, args: string[]): Promise<string> {
  const [program = "", ...rest] = commands[language];
  const env = { ...process.env, PYTHONPATH: path("clients/python/src"), PYTHONIOENCODING: "utf-8" };
  const { stdout } = await promisify(execFile)(program, [...rest, ...args], { env, maxBuffer: 64 * 1024 * 1024 });
  return stdout;
}
