// What drives a thread and what reads it: run, step, updates, forks, state, history, runs.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { storeKinds } from "../support/stores.ts";
import { Bench, eventsOf, historyOf, refusal, until } from "./support/bench.ts";

const line = {
  channels: { n: "add", log: "append" },
  edges: ["START -> a", "a -> b", "b -> END"],
};
const counts = { expression: { update: { n: "1", log: '["counted"]' } } };

describe.each(storeKinds)("driving a thread on %s", (kind) => {
  let bench: Bench;
  let graph: string;
  beforeAll(async () => {
    bench = await Bench.start(kind);
    graph = await bench.graph({ ...line, nodes: { a: bench.node("note"), b: counts } });
  });
  afterAll(() => bench.end());

  it("runs to the end", async () => {
    const thread = bench.thread();
    const outcome = await thread.run({ n: 5 }, { graph, metadata: { who: "me" } });
    expect(outcome).toMatchObject({ status: "done", interrupts: [] });
    expect(outcome.state).toMatchObject({ values: { n: 6, log: ["a", "counted"] }, next: [], step: 2, source: "loop" });
    expect(await thread.state()).toEqual(outcome.state);
    const states = await historyOf(thread);
    expect(states.map(({ step, source, next }) => [step, source, next])).toEqual([
      [2, "loop", []],
      [1, "loop", ["b"]],
      [0, "loop", ["a"]],
      [-1, "input", ["__start__"]],
    ]);
    expect(states.map(({ parentId }) => parentId)).toEqual([...states.slice(1).map((s) => s.checkpointId), ""]);
    expect(states.every(({ metadata }) => (metadata as { who: string }).who === "me")).toBe(true);
    expect(outcome.lastEventNumber).toBe((await thread.info()).lastEventNumber);
  });

  it("takes one superstep at a time, and says done when nothing is due", async () => {
    const thread = bench.thread();
    const statuses: [string, number, string[]][] = [];
    for (const input of [{ n: 1 }, undefined, undefined, undefined]) {
      const { status, state } = await thread.step(input, { graph });
      statuses.push([status, state.step, state.next]);
    }
    expect(statuses).toEqual([
      ["paused", 0, ["a"]],
      ["paused", 1, ["b"]],
      ["done", 2, []],
      ["done", 2, []],
    ]);
    const again = await thread.step({ n: 1 });
    expect([again.status, again.state.step, again.state.values.n]).toEqual(["paused", 4, 3]);
    expect((await thread.run()).state.values).toEqual({ n: 4, log: ["a", "counted", "a", "counted"] });
  });

  it("stops at the recursion limit and goes on when asked to", async () => {
    const loop = await bench.graph({
      channels: { n: "add" },
      nodes: { a: { expression: { update: { n: "1" } } } },
      edges: ["START -> a"],
      branches: [{ from: "a", cel: 'state.n < 6 ? "a" : "enough"', routes: { a: "a", enough: "END" } }],
    });
    const thread = bench.thread();
    const stopped = await thread.run({}, { graph: loop, recursionLimit: 3 });
    expect(stopped).toMatchObject({ status: "failed", error: { reason: "RECURSION_LIMIT" }, state: { next: ["a"] } });
    expect(stopped.state.values.n).toBe(3);
    expect((await thread.info()).status).toBe("failed");
    expect((await thread.run()).state.values.n).toBe(6);
    expect((await thread.info()).status).toBe("idle");
  });

  it("updates the state as a node would have", async () => {
    const thread = bench.thread();
    await thread.step({ n: 1 }, { graph });
    const before = await thread.state();
    const updated = await thread.updateState({ n: 10 }, { asNode: "a", expectedHead: before.checkpointId });
    expect(updated).toMatchObject({ values: { n: 11 }, next: ["b"], source: "update", parentId: before.checkpointId });
    const stale = await refusal(thread.updateState({ n: 1 }, { asNode: "a", expectedHead: before.checkpointId }));
    expect([stale.codeName, stale.reason, stale.metadata.head]).toEqual([
      "ABORTED",
      "HEAD_MISMATCH",
      updated.checkpointId,
    ]);
    const cleared = await thread.updateState(undefined, { asNode: "__end__" });
    expect(cleared.next).toEqual([]);
    expect((await thread.run()).status).toBe("done");
  });

  it("forks from any checkpoint, with and without new values", async () => {
    const thread = bench.thread();
    await thread.run({ n: 1 }, { graph });
    const states = await historyOf(thread);
    const middle = states.find(({ step }) => step === 1);
    const rerun = await thread.run(undefined, { checkpointId: middle?.checkpointId });
    expect(rerun).toMatchObject({ status: "done", state: { values: { n: 2 }, step: 3 } });
    const fork = await thread.fork(middle?.checkpointId ?? "", { n: 100 }, { asNode: "a" });
    expect(fork).toMatchObject({ parentId: middle?.checkpointId, values: { n: 101 }, next: ["b"] });
    expect((await thread.run()).state.values.n).toBe(102);
    const all = await historyOf(thread);
    expect(all.slice(-states.length)).toEqual(states);
    expect(all.filter(({ parentId }) => parentId === middle?.checkpointId)).toHaveLength(3);
  });

  it("keeps account of runs", async () => {
    const thread = bench.thread();
    const outcomes = [await thread.run({ n: 1 }, { graph }), await thread.step({ n: 1 }), await thread.run()];
    const { runs } = bench.client.services;
    const { runs: listed } = await runs.listRuns({ threadId: thread.id });
    expect(listed.map(({ runId }) => runId)).toEqual(outcomes.map(({ runId }) => runId).reverse());
    const paged: string[] = [];
    let pageToken = "";
    do {
      const page = await runs.listRuns({ threadId: thread.id, pageSize: 1, pageToken });
      paged.push(...page.runs.map(({ runId }) => runId));
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
    expect(paged).toEqual(listed.map(({ runId }) => runId));
    for (const { runId, state } of outcomes) {
      const { run } = await runs.getRun({ threadId: thread.id, runId });
      expect(run).toMatchObject({ runId, threadId: thread.id, graphName: graph, checkpointId: state.checkpointId });
      expect(run?.startedAt !== undefined && run.stoppedAt !== undefined).toBe(true);
    }
    const unknown = await refusal(runs.getRun({ threadId: thread.id, runId: "nobody" }));
    expect([unknown.reason, unknown.metadata.run_id]).toEqual(["RUN_NOT_FOUND", "nobody"]);
  });

  it("cancels a run: what was saved stays, nothing is added afterwards, and the thread goes on", async () => {
    const fan = await bench.graph({
      channels: { log: "append" },
      nodes: { one: bench.node("gated"), two: bench.node("gated"), three: bench.node("gated") },
      edges: ["START -> one", "START -> two", "START -> three"],
    });
    const thread = bench.thread();
    const running = thread.run({}, { graph: fan });
    await until(
      "all three are at work",
      () => bench.traces().filter((t) => / begins (one|two|three)$/.test(t)).length === 3,
    );
    bench.open("one");
    await until("the first is saved", async () => (await thread.state()).tasks.some(({ finished }) => finished));
    const { runId } = await thread.info();
    const { run } = await bench.client.services.runs.cancelRun({ threadId: thread.id, runId });
    expect(run?.runId).toBe(runId);
    expect((await running).status).toBe("cancelled");
    const last = (await thread.info()).lastEventNumber;
    bench.open("two");
    bench.open("three");
    await until(
      "the others have ended all the same",
      () => bench.traces().filter((t) => / ends /.test(t)).length === 3,
    );
    // A result that comes too late must neither be saved nor take the lease again.
    const { checkpoints } = bench.client.services;
    await checkpoints.putCheckpoint({ checkpoint: { id: "mine", threadId: thread.id, namespace: "elsewhere" } });
    const later = await eventsOf(thread, last);
    expect(later.map(({ type }) => type)).toEqual(["checkpoint_saved"]);
    expect(await thread.state()).toMatchObject({ next: ["three", "two"], values: { log: ["one"] } });
    expect((await thread.run()).state.values.log).toEqual(["one", "three", "two"]);
    expect(bench.traces("one begins")).toHaveLength(1);
    const over = await bench.client.services.runs.cancelRun({ threadId: thread.id, runId });
    expect(over.run?.status).toBe(run?.status);
  });
});
