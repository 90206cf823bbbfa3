// MongoDB goes away while a run is going: UNAVAILABLE within the deadline, and all is well again once it is back.
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ReplicaSet, startReplicaSet } from "../support/mongo.ts";
import { mongoStore } from "../support/stores.ts";
import { Bench, eventsOf, refusal, until } from "./support/bench.ts";

/** Far more than the server allows its store. */
const patienceMs = 120_000;

let set: ReplicaSet;
let bench: Bench;
beforeAll(async () => {
  set = await startReplicaSet({ members: 3, needsMembers: true });
  const uri = set.uri.replace(/serverSelectionTimeoutMS=\d+/, "serverSelectionTimeoutMS=3000");
  bench = await Bench.start(mongoStore(uri));
}, 120_000);
afterAll(async () => {
  await bench?.end();
  await set?.stop();
}, 60_000);

it("a run that can't save answers UNAVAILABLE, and goes on without a restart", { timeout: 400_000 }, async () => {
  const graph = await bench.graph({
    channels: { n: "add", log: "append" },
    nodes: { a: bench.node("note"), b: bench.node("gated"), c: bench.node("note") },
    edges: ["START -> a", "a -> b", "b -> c"],
  });
  const thread = bench.thread();
  const caller = bench.caller().thread(thread.id);
  // How long that takes is up to the server, not to its callers.
  const call = () => caller.run({ n: 1 }, { graph, requestId: "once", deadlineMs: patienceMs });
  const running = refusal(call());
  await until("the second node is at work", () => bench.traces("b begins").length === 1);
  const [one, two] = set.members;
  await Promise.all([one?.kill(), two?.kill()]);
  bench.open("b");
  expect((await running).codeName).toBe("UNAVAILABLE");
  const meanwhile = await refusal(caller.state({ deadlineMs: patienceMs }));
  expect(meanwhile.codeName).toBe("UNAVAILABLE");
  expect((await refusal(caller.run({}, { graph, deadlineMs: patienceMs }))).codeName).toBe("UNAVAILABLE");
  await Promise.all([one?.restart(), two?.restart()]);
  let outcome: Awaited<ReturnType<typeof call>> | undefined;
  const isBack = async () => {
    outcome = await call().catch(() => undefined);
    return outcome !== undefined;
  };
  await until("the server has found its store again", isBack, patienceMs);
  expect(outcome).toMatchObject({ status: "done", state: { values: { n: 1, log: ["a", "b", "c"] } } });
  expect(bench.traces("a ran")).toHaveLength(1);
  const events = await eventsOf(thread);
  expect(events.filter((event) => event.type === "checkpoint_saved" && event.source === "input")).toHaveLength(1);
  expect((await thread.run({ n: 1 })).state.values.n).toBe(2);
  // Lists read records that are written aside; an outage must not leave them waiting.
  const listed: string[] = [];
  for await (const { id } of bench.client.threads.list()) listed.push(id);
  expect(listed).toContain(thread.id);
});
