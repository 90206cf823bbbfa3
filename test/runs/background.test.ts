// Runs that nobody waits for: they go on without their caller, and without their server.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { storeKinds } from "../support/stores.ts";
import { Bench, eventsOf, refusal, until } from "./support/bench.ts";

const channels = { log: "append" };

describe.each(storeKinds)("runs in the background on %s", (kind) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(kind);
  });
  afterAll(() => bench.end());

  /** `first`, then a node that waits at a gate, then `last`. */
  async function gatedGraph() {
    const gate = bench.newName("gate");
    const nodes = { first: bench.node("note"), gated: bench.node("gated", { gate }), last: bench.node("note") };
    const graph = await bench.graph({ channels, nodes, edges: ["START -> first", "first -> gated", "gated -> last"] });
    const begun = bench.traces("gated begins").length;
    const isAtWork = () => until("the node is at work", () => bench.traces("gated begins").length > begun);
    return { graph, gate, isAtWork };
  }

  it("are answered at once, can be read, and are waited for", async () => {
    const { graph, gate, isAtWork } = await gatedGraph();
    const thread = bench.thread();
    const outcome = await thread.run({ log: ["in"] }, { graph, background: true });
    expect([outcome.status, outcome.state.threadId]).toEqual(["running", thread.id]);
    await isAtWork();
    const { runId } = outcome;
    expect(await thread.runInfo(runId)).toMatchObject({
      runId,
      status: "running",
      graphName: graph,
      stoppedAt: undefined,
    });
    expect((await refusal(thread.run({}))).metadata.run_id).toBe(runId);
    const waiting = thread.waitForRun(runId);
    bench.open(gate);
    const stopped = await waiting;
    expect([stopped.status, stopped.stoppedAt]).toEqual(["done", expect.any(Date)]);
    expect((await thread.waitForRun(runId)).status).toBe("done");
    expect((await thread.state()).values.log).toEqual(["in", "first", "gated", "last"]);
    expect((await thread.info()).status).toBe("idle");
  });

  it("are begun once, however often they are asked for", async () => {
    const { graph, gate } = await gatedGraph();
    const thread = bench.thread();
    const options = { graph, background: true, requestId: "once" };
    const first = await thread.run({ log: ["in"] }, options);
    expect((await thread.run({ log: ["in"] }, options)).runId).toBe(first.runId);
    bench.open(gate);
    await thread.waitForRun(first.runId);
    const again = await thread.run({ log: ["in"] }, options);
    expect([again.runId, again.status]).toEqual([first.runId, "running"]);
    expect((await refusal(thread.run({ log: ["other"] }, options))).reason).toBe("REQUEST_ID_REUSED");
    expect((await thread.state()).values.log).toEqual(["in", "first", "gated", "last"]);
  });

  it("go on by themselves when their server is killed, and finished nodes don't run again", async () => {
    const { graph, gate, isAtWork } = await gatedGraph();
    const thread = bench.thread();
    const before = bench.traces("first ran").length;
    const { runId } = await thread.run({}, { graph, background: true, recursionLimit: 9, metadata: { by: "test" } });
    await isAtWork();
    await bench.kill();
    bench.open(gate);
    await bench.restart();
    expect((await thread.waitForRun(runId)).status).toBe("done");
    const state = await thread.state();
    expect([state.values.log, state.metadata]).toEqual([["first", "gated", "last"], { by: "test" }]);
    expect(bench.traces("first ran").length - before).toBe(1);
    const starts = (await eventsOf(thread)).filter(({ type, runId: id }) => type === "run_started" && id === runId);
    expect(starts).toHaveLength(2);
    expect(await listed(thread)).toEqual([[runId, "done"]]);
  });

  it("take their answers with them", async () => {
    const gate = bench.newName("gate");
    const nodes = { asks: bench.node("asks", { questions: ["name?"] }), gated: bench.node("gated", { gate }) };
    const graph = await bench.graph({ channels, nodes, edges: ["START -> asks", "asks -> gated"] });
    const thread = bench.thread();
    const begun = bench.traces("gated begins").length;
    await thread.run({}, { graph });
    const { runId, status } = await thread.resume("Ada", { background: true });
    expect(status).toBe("running");
    await until("the node is at work", () => bench.traces("gated begins").length > begun);
    await bench.kill();
    bench.open(gate);
    await bench.restart();
    await thread.waitForRun(runId);
    expect((await thread.state()).values.log).toEqual(["asks:Ada", "gated"]);
  });

  it("are cancelled like others", async () => {
    const { graph, isAtWork } = await gatedGraph();
    const thread = bench.thread();
    const { runId } = await thread.run({}, { graph, background: true });
    await isAtWork();
    expect((await thread.cancel(runId)).status).toBe("cancelled");
    expect((await thread.state()).next).toEqual(["gated"]);
    expect(await listed(thread)).toEqual([[runId, "cancelled"]]);
  });

  it("are cancelled gracefully after the superstep that is going", async () => {
    const nodes = { again: { expression: { update: { log: "[state.log.size()]" } } } };
    const graph = await bench.graph({ channels, nodes, edges: ["START -> again", "again -> again"] });
    const thread = bench.thread();
    const { runId } = await thread.run({}, { graph, background: true, recursionLimit: 10_000 });
    await until("it is under way", async () => (await thread.state()).step > 2);
    expect((await thread.cancel(runId, { graceful: true })).status).toBe("cancelled");
    const { next, values, step, tasks } = await thread.state();
    expect([next, values.log]).toEqual([["again"], Array.from({ length: step }, (_, i) => i)]);
    expect(tasks.map(({ finished }) => finished)).toEqual([false]);
  });

  it("that have nothing to do are done", async () => {
    const graph = await bench.graph({ channels, nodes: { one: bench.node("note") }, edges: ["START -> one"] });
    const thread = bench.thread();
    await thread.run({}, { graph });
    expect((await thread.run(undefined, { background: true })).status).toBe("done");
    expect((await refusal(thread.waitForRun("nobody"))).reason).toBe("RUN_NOT_FOUND");
  });
});

async function listed(thread: ReturnType<Bench["thread"]>): Promise<[string, string][]> {
  const runs: [string, string][] = [];
  for await (const { runId, status } of thread.runs()) runs.push([runId, status]);
  return runs;
}
