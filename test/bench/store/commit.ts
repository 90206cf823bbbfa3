// What a commit costs through the Store API, as ratios to what lies under it. Run by hand on a quiet machine:
//   node test/bench/store/commit.ts [--seconds N] [--rounds N] [--only embedded|mongodb] [--folder DIR]
// Compare the rows of one table, not two runs.
import { tmpdir } from "node:os";
import { parseArgs } from "node:util";
import { LogStore } from "../../../src/store/log-store.ts";
import { systemEnvironment } from "../../../src/system/environment.ts";
import { startReplicaSet } from "../../support/mongo.ts";
import { inProcess } from "../in-process.ts";
import { print, takeTurns } from "../rounds.ts";
import { type Bench, onEmbedded } from "./on-embedded.ts";
import { onMongo } from "./on-mongodb.ts";
import { costOfReads } from "./reads.ts";
import { Holder } from "./steps.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "2" },
    rounds: { type: "string", default: "4" },
    only: { type: "string" },
    folder: { type: "string", default: tmpdir() },
  },
});
const options = { rounds: Number(values.rounds), seconds: Number(values.seconds) };

async function measure(title: string, bench: Bench): Promise<void> {
  const holder = new Holder(new LogStore(bench.log, systemEnvironment), "size");
  for (let step = 0; step < 10; step++) await holder.step();
  console.log(`\n${title}: a step is a record of ${holder.bytes} bytes`);
  for (const callers of [1, 8, 64]) {
    print(title, callers, await takeTurns(bench.contestants.map(inProcess), { callers, ...options }));
  }
}

console.log(`Node ${process.version}, ${options.rounds} rounds of ${options.seconds} s, medians of the rounds`);
if (values.only !== "mongodb") {
  const bench = await onEmbedded(values.folder);
  await measure("Embedded", bench);
  await costOfReads("Embedded", bench.log);
  await bench.close();
}
if (values.only !== "embedded") {
  const set = await startReplicaSet({ electionTimeoutMillis: 20_000 });
  try {
    const bench = await onMongo(set.uri);
    await measure("MongoDB, three members", bench);
    await costOfReads("MongoDB", bench.watched, () => bench.commands());
    await bench.close();
  } finally {
    await set.stop();
  }
}
