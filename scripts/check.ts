// `npm run check`: everything that can be said about the sources without running them. Needs no network and no git.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { differences } from "./generated.ts";

const baseline = "proto/baseline.binpb";

const steps: Array<[name: string, run: () => boolean]> = [
  ["format and lint", () => command("biome", "check", "--error-on-warnings", ".")],
  ["types", () => command("tsc", "--noEmit")],
  ["generated code", generatedCode],
  ["proto lint", () => command("buf", "lint")],
  ["proto breaking", () => !existsSync(baseline) || command("buf", "breaking", "--against", baseline)],
];

function command(program: string, ...args: string[]): boolean {
  return spawnSync(program, args, { stdio: "inherit" }).status === 0;
}

function generatedCode(): boolean {
  const stale = differences();
  for (const { file } of stale) console.error(`${file} is not what the protos generate: run \`npm run generate\``);
  return stale.length === 0;
}

function passes(run: () => boolean): boolean {
  try {
    return run();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return false;
  }
}

const failed: string[] = [];
for (const [name, run] of steps) {
  const ok = passes(run);
  console.log(`${ok ? "ok    " : "FAILED"}  ${name}`);
  if (!ok) failed.push(name);
}
if (failed.length > 0) {
  console.error(`check failed: ${failed.join(", ")}`);
  process.exitCode = 1;
}
