// The ten tasks of docs/clients.md, which quotes from here. Prints what it saw, as JSON. Usage: tour.ts ADDRESS SPACE
import { readFileSync } from "node:fs";
import { CairnClient, CairnClientError, type NodeFunction } from "../../clients/typescript/src/index.ts";

const [address = "", space = ""] = process.argv.slice(2);
const token = process.env.CAIRN_TOKEN;
const text = readFileSync(new URL("./desk.yaml", import.meta.url), "utf8");

const client = CairnClient.connect({ address, space, token });

await client.graphs.register(text);

const approve: NodeFunction = (state, context) => ({ approved: context.interrupt({ publish: state.text }) });

const worker = client.worker({ nodes: { score: ({ text }) => ({ score: text.length }), approve } });
const serving = worker.run(); // until worker.stop()

const thread = client.thread("typescript");
const outcome = await thread.run({ text: "Where is my parcel?" }, { graph: "desk" });

if (outcome.status === "interrupted") await thread.resume(true);

const { values, next } = await thread.state();
const steps: number[] = [];
let checkpointId = "";
for await (const earlier of thread.history()) {
  steps.push(earlier.step);
  if (earlier.next.includes("approve")) checkpointId = earlier.checkpointId;
}

await thread.fork(checkpointId, { text: "Better" });
const again = await thread.run();

const watched: string[] = [];
for await (const event of thread.events({ after: 0, untilStop: true })) watched.push(event.type);

let refused = "";
try {
  await client.thread("missing").state();
} catch (error) {
  if (error instanceof CairnClientError && error.reason === "THREAD_NOT_FOUND") refused = error.reason;
}

worker.stop();
await serving;
client.close();
const asked = again.interrupts.map(({ value }) => value);
const seen = { run: outcome.status, values, next, steps, asked, events: watched.length, refused };
console.log(JSON.stringify(seen));
