// `npm run parity -- CASES.json [...] [--kill]`: plays parity cases on Cairn and says which differ from what was recorded.
// With --kill the server dies, and another takes over, between any two calls of a case.
import { readFile } from "node:fs/promises";
import type { Case } from "./case.ts";
import { runCases } from "./run-cases.ts";

const args = process.argv.slice(2);
const kill = args.includes("--kill");
const files = args.filter((arg) => arg !== "--kill");
if (files.length === 0) {
  console.error("usage: npm run parity -- CASES.json [...] [--kill]");
  process.exit(2);
}
const cases: Case[] = [];
for (const file of files) {
  const content: unknown = JSON.parse(await readFile(file, "utf8"));
  cases.push(...([content].flat() as Case[]));
}
const { verdicts } = await runCases(cases, { kill });
const failed = verdicts.filter(({ differs }) => differs !== undefined);
for (const { name, differs } of failed) console.log(`${name}: ${differs}`);
console.log(`${verdicts.length - failed.length} passed, ${failed.length} failed`);
process.exit(failed.length > 0 || verdicts.length === 0 ? 1 : 0);
