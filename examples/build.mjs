// Builds the programs of the examples that are in four languages. Plain JavaScript, so that any Node from 20 on can start it.
import { dirname } from "node:path";
import { examplesBuildOf, runBuild } from "../scripts/builds.mjs";
import { venvPython } from "../scripts/python-venv.mjs";

const root = dirname(import.meta.dirname);
const { rust, cpp } = examplesBuildOf(root);

async function step(language, work) {
  process.stdout.write(`building the part in ${language} (the first time takes minutes)\n`);
  const said = await work();
  if (said === undefined) return;
  process.stderr.write(`${said}\nthe part in ${language} could not be built\n`);
  process.exit(1);
}

const built = async (build) => (await runBuild(build, true)).find(({ ok }) => !ok)?.output;

await step("Python", async () => (venvPython() === undefined ? "no virtual environment" : undefined));
await step("Rust", () => built(rust));
await step("C++", () => built(cpp));
