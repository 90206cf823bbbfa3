// `npm run parity -- CASES.json [...]`: plays parity cases on Cairn and says which differ from what was recorded.
import { readFile } from "node:fs/promises";
import type { Case } from "./case.ts";
import { runCases } from "./run-cases.ts";

const files = process.argv.slice(2);
if (files.length === 0) {
  console.error("usage: npm run parity -- CASES.json [...]");
  process.exit(2);
}
const cases: Case[] = [];
for (const file of files) {
  const content: unknown = JSON.parse(await readFile(file, "utf8"));
  cases.push(...([content].flat() as Case[]));
}
const verdicts = await runCases(cases);
const failed = verdicts.filter(({ differs }) => differs !== undefined);
for (const { name, differs } of failed) console.log(`${name}: ${differs}`);
console.log(`${verdicts.length - failed.length} passed, ${failed.length} failed`);
process.exit(failed.length > 0 || verdicts.length === 0 ? 1 : 0);
