// `npm run mutants [-- WORDS]`: puts faults into a copy of the sources, one at a time; only those with these words in their
// name, if there are any. A test that does not notice its fault is an error.
import { spawn } from "node:child_process";
import { cp, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Mutant, mutants } from "./mutants.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const copy = join(root, ".cache/mutants");
const report = join(copy, "report.json");

const chosen = mutants.filter(({ name }) => name.includes(process.argv.slice(2).join(" ")));

/** What the tests need of the sources. */
const parts = ["src", "test", "clients", "proto", "package.json", "tsconfig.json", "vitest.config.ts"];

/** The same cases each time, and no smaller one looked for: that one differs is enough. */
const { CAIRN_SOAK, ...environment } = process.env;
const fixed = { ...environment, CAIRN_SEED: "1", CAIRN_SHRINK: "no" };

interface Outcome {
  passed: number;
  /** Names of the tests that failed. */
  failed: string[];
}

async function runTest(file: string): Promise<Outcome> {
  await rm(report, { force: true });
  const args = ["run", file, "--reporter=json", `--outputFile=${report}`];
  const vitest = spawn("vitest", args, { cwd: copy, env: fixed, stdio: "ignore" });
  await new Promise((done, fail) => vitest.once("exit", done).once("error", fail));
  const { numPassedTests, testResults } = JSON.parse(await readFile(report, "utf8"));
  type Test = { title: string; status: string };
  const tests: Test[] = testResults.flatMap((result: { assertionResults: Test[] }) => result.assertionResults);
  return {
    passed: numPassedTests,
    failed: tests.filter(({ status }) => status === "failed").map(({ title }) => title),
  };
}

async function catches({ file, from, to, caughtBy }: Mutant): Promise<Outcome> {
  const path = join(copy, file);
  const source = await readFile(path, "utf8");
  const found = source.split(from).length - 1;
  if (found !== 1) throw new Error(`${file} has ${JSON.stringify(from)} ${found} times: it must be there once`);
  // A function, so that no character of the text has a meaning.
  await writeFile(
    path,
    source.replace(from, () => to),
  );
  try {
    return await runTest(caughtBy);
  } finally {
    await writeFile(path, source);
  }
}

await rm(copy, { recursive: true, force: true });
await mkdir(copy, { recursive: true });
for (const part of parts) await cp(join(root, part), join(copy, part), { recursive: true });
await symlink(join(root, "node_modules"), join(copy, "node_modules"));

// A test that fails anyway would seem to notice everything.
for (const file of new Set(chosen.map(({ caughtBy }) => caughtBy))) {
  const { passed, failed } = await runTest(file);
  if (passed === 0 || failed.length > 0) throw new Error(`${file} does not pass without a mutant: ${failed}`);
}

let missed = 0;
console.log("| mutant | in | caught by |\n|---|---|---|");
for (const mutant of chosen) {
  const { failed } = await catches(mutant);
  if (failed.length === 0) missed++;
  const verdict = failed.length === 0 ? `NOT by ${mutant.caughtBy}` : `${mutant.caughtBy}: ${failed.join("; ")}`;
  console.log(`| ${mutant.name} | ${mutant.file} | ${verdict} |`);
}
await rm(copy, { recursive: true, force: true });
console.log(`${chosen.length - missed} caught, ${missed} missed`);
process.exit(missed > 0 || chosen.length === 0 ? 1 : 0);
