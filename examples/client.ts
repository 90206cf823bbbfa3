/** The triage graph from a program. Expects a server with the examples' graphs: see README.md beside this file. */
import { byId, CairnClient, CairnClientError } from "../clients/typescript/src/index.ts";

const client = CairnClient.connect({ address: process.env.CAIRN_SERVER ?? "127.0.0.1:50051" });
const thread = client.thread(`ticket-${Date.now()}`);

const ticket = { subject: "Charged twice", text: "A refund, please.", amount: 240 };
let outcome = await thread.run(ticket, { graph: "triage" });

// A question is an outcome, not an exception. So is a failure: outcome.status === "failed", outcome.error.
while (outcome.status === "interrupted") {
  for (const { node, value } of outcome.interrupts) console.log(`${node} asks`, value);
  const answers = outcome.interrupts.map(({ id }) => [id, { approved: true }]);
  outcome = await thread.resume(byId(Object.fromEntries(answers)));
}
console.log(outcome.status, outcome.state.values.reply);

for await (const event of thread.events({ after: 0, untilNow: true })) {
  if (event.type === "task_finished") console.log(`superstep ${event.step}: ${event.node}`);
}

// What is thrown is a call that was refused, with a reason to decide by.
try {
  await thread.resume("too late");
} catch (error) {
  if (!(error instanceof CairnClientError)) throw error;
  console.log(error.codeName, error.reason);
}
client.close();
