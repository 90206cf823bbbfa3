// Measures Cairn against what lies under it and beside it, and prints ratios (docs/performance.md):
//   npm run bench -- [--rounds N] [--seconds N] [--only reads|steps|events|engine|storage|savers|workers]
// Compare the rows of one table, not two runs.
import { parseArgs } from "node:util";
import { type Goal, printGoals } from "./goals.ts";
import { measureEngine } from "./measure-engine.ts";
import { measureEvents } from "./measure-events.ts";
import { measureReads } from "./measure-reads.ts";
import { measureSavers } from "./measure-savers.ts";
import { measureSteps } from "./measure-steps.ts";
import { measureStorage } from "./measure-storage.ts";
import { measureWorkers } from "./measure-workers.ts";
import { buildGenerator } from "./set-up.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "4" },
    only: { type: "string" },
  },
});
const options = { rounds: Number(values.rounds), seconds: Number(values.seconds) };

console.log(`Node ${process.version}, ${options.rounds} rounds of ${options.seconds} s: medians of the rounds`);
const isWanted = (part: string): boolean => values.only === undefined || values.only === part;
if (isWanted("reads") || isWanted("steps")) buildGenerator();
const goals: Goal[] = [];
if (isWanted("reads")) goals.push(...(await measureReads(options)));
if (isWanted("steps")) goals.push(...(await measureSteps(options)));
if (isWanted("events")) goals.push(...(await measureEvents(options)));
if (isWanted("engine")) goals.push(...(await measureEngine(options)));
if (isWanted("storage")) goals.push(...(await measureStorage(options)));
if (isWanted("savers")) goals.push(...(await measureSavers(options)));
if (isWanted("workers")) goals.push(...(await measureWorkers(options)));
printGoals(goals);
