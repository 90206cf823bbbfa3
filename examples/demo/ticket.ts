/** The scenes with the support ticket: steps, a question, an answer, the past, a fork. */

import type { CairnClient, ThreadState } from "../../clients/typescript/src/index.ts";
import { aligned } from "../../src/commands/style.ts";
import { askYesOrNo } from "./person.ts";
import { command, expect, say, scene, show } from "./stage.ts";

const ticket = { subject: "Charged twice", text: "I was charged twice, please refund.", amount: 240 };
const id = "ticket-1";

/** Runs the graph one superstep at a time until it asks. Gives the id of the checkpoint at which it asks. */
export async function untilItAsks(client: CairnClient): Promise<string> {
  scene("A support ticket, one superstep at a time");
  say("The graph triage sorts a ticket, drafts a refund, and asks a person when it is a large one.");
  const thread = client.thread(id);
  command(`cairn step ${id} --graph triage --input '${JSON.stringify(ticket)}'`);
  let outcome = await thread.step(ticket, { graph: "triage" });
  show(stepLine(outcome.state));
  while (outcome.status === "paused") {
    command(`cairn step ${id}`);
    outcome = await thread.step();
    if (outcome.status === "paused") show(stepLine(outcome.state));
  }
  expect("the thread waits for a person", outcome.status, "interrupted");
  const { interrupts, state } = outcome;
  show(`the node ${interrupts[0]?.node} asks: ${JSON.stringify(interrupts[0]?.value)}`);
  expect("the question is from the node approve", interrupts[0]?.node, "approve");
  say("A static stop needs no answer: triage stops before page_engineer, so that somebody can look first.");
  command(`cairn run ticket-2 --graph triage --input '{"subject": "No logins", "text": "The site is down."}'`);
  const outage = client.thread("ticket-2");
  const paused = await outage.run({ subject: "No logins", text: "The site is down." }, { graph: "triage" });
  expect(
    "the outage is paused before page_engineer",
    [paused.status, paused.state.next],
    ["paused", ["page_engineer"]],
  );
  command("cairn run ticket-2");
  const { status, state: paged } = await outage.run();
  expect("and goes on when it is run again", [status, paged.values.category], ["done", "outage"]);
  return state.checkpointId;
}

/** A person answers the question that was asked before the crash. */
export async function answer(client: CairnClient, askedAt: string): Promise<boolean> {
  scene("The person answers");
  const thread = client.thread(id);
  const waiting = await thread.state();
  expect("the question is still open after the crash", [waiting.checkpointId, waiting.interrupts.length], [askedAt, 1]);
  const approved = await askYesOrNo("Send back 240 euros?");
  command(`cairn resume ${id} --answer '{"approved": ${approved}}' --request-id answer-1`);
  const outcome = await thread.resume({ approved }, { requestId: "answer-1" });
  show(`reply: ${outcome.state.values.reply}`);
  expect("the ticket is done", outcome.status, "done");
  expect(
    approved ? "and the refund was sent" : "and the refund was declined",
    outcome.state.values.log,
    logOf(approved),
  );
  const again = await thread.resume({ approved }, { requestId: "answer-1" });
  expect("a retry of the same request gets the first answer and runs nothing", again.runId, outcome.runId);
  return approved;
}

/** History, and the other answer from the same question. */
export async function otherAnswer(client: CairnClient, askedAt: string, approved: boolean): Promise<void> {
  scene("The past, and a fork of it");
  command(`cairn history ${id}`);
  const before = await historyOf(client);
  show(before.map(historyLine).join("\n"));
  say(`What if the person had said ${approved ? "no" : "yes"}? The question's checkpoint is still there.`);
  const other = approved ? { approved: false, note: "the second charge was another order" } : { approved: true };
  command(`cairn resume ${id} --checkpoint ${askedAt} --answer '${JSON.stringify(other)}'`);
  const outcome = await client.thread(id).resume(other, { checkpointId: askedAt });
  show(`reply: ${outcome.state.values.reply}`);
  expect("the fork went the other way", outcome.state.values.log, logOf(!approved));
  const after = await historyOf(client);
  const kept = after.slice(-before.length).map(({ checkpointId }) => checkpointId);
  expect(
    "everything that came before is still in the history",
    kept,
    before.map(({ checkpointId }) => checkpointId),
  );
  const branches = after.filter(({ parentId }) => parentId === askedAt).length;
  expect("two branches start from the checkpoint that asked", branches, 2);
  say("An edit forks as well: the same ticket with a small amount needs nobody.");
  const classify = before.find(({ next }) => next.includes("classify")) as ThreadState;
  command(`cairn fork ${id} ${classify.checkpointId} --values '{"amount": 24}' --as-node __start__ --run`);
  await client.thread(id).fork(classify.checkpointId, { amount: 24 }, { asNode: "__start__" });
  const small = await client.thread(id).run();
  expect("the small refund ran through", [small.status, small.state.values.amount], ["done", 24]);
}

async function historyOf(client: CairnClient): Promise<ThreadState[]> {
  const states: ThreadState[] = [];
  for await (const state of client.thread(id).history()) states.push(state);
  return states;
}

function logOf(approved: boolean): string[] {
  return ["classified", "refund proposed", ...(approved ? [] : ["refund declined"]), "sent"];
}

function stepLine({ step, next, values }: ThreadState): string {
  const log = values.log as string[];
  return `superstep ${step}: ${log.at(-1) ?? "the input is applied"}; next: ${next.join(", ") || "nothing"}`;
}

function historyLine({ step, checkpointId, parentId, source, next }: ThreadState): string {
  const parent = parentId === "" ? "" : `from ${parentId.slice(0, 13)}…`;
  const row = [`step ${step}`.padEnd(8), `${checkpointId.slice(0, 13)}…`, parent.padEnd(19), source.padEnd(6)];
  return aligned([[...row, next.length > 0 ? `next: ${next.join(", ")}` : "the end"]]);
}
