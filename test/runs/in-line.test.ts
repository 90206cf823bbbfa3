// Runs that wait for their turn on a thread, or take over from the one that is going.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Thread } from "../../clients/typescript/src/index.ts";
import { storeKinds } from "../support/stores.ts";
import { Bench, eventsOf, historyOf, refusal, until } from "./support/bench.ts";

const channels = { log: "append" };

describe.each(storeKinds)("runs in line on %s", (kind) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(kind);
  });
  afterAll(() => bench.end());

  /** A thread whose one node works until its gate is open, and has begun to. */
  async function busyThread() {
    const gate = bench.newName("gate");
    const nodes = { first: bench.node("note"), gated: bench.node("gated", { gate }) };
    const graph = await bench.graph({ channels, nodes, edges: ["START -> first", "first -> gated"] });
    const thread = bench.thread();
    const begun = bench.traces("gated begins").length;
    const { runId } = await thread.run({ log: ["one"] }, { graph, background: true });
    await until("the node is at work", () => bench.traces("gated begins").length > begun);
    return { graph, gate, thread, runId, open: () => bench.open(gate) };
  }

  const enqueue = { onBusy: "enqueue" } as const;

  describe("enqueue", () => {
    it("runs them one after the other, in the order in which they came", async () => {
      const { thread, open, runId } = await busyThread();
      const two = await thread.run({ log: ["two"] }, { ...enqueue, background: true });
      const three = thread.run({ log: ["three"] }, enqueue);
      await until("all are in line", async () => (await statuses(thread)).length === 3);
      expect(two.status).toBe("queued");
      expect(await statuses(thread)).toEqual(["queued", "queued", "running"]);
      expect(await thread.runInfo(two.runId)).toMatchObject({ startedAt: undefined, graphName: "" });
      expect((await refusal(thread.run({}))).metadata.run_id).toBe(runId);
      open();
      const outcome = await three;
      const turn = ["first", "gated"];
      expect(outcome.state.values.log).toEqual(["one", ...turn, "two", ...turn, "three", ...turn]);
      expect([outcome.status, await statuses(thread)]).toEqual(["done", ["done", "done", "done"]]);
      const queued = (await eventsOf(thread)).flatMap((event) => (event.type === "run_queued" ? [event.before] : []));
      expect(queued).toEqual([1, 2]);
      expect((await thread.info()).status).toBe("idle");
    });

    it("outlives the server, for those in the background and those whose callers are gone", async () => {
      const { thread, open, runId, graph } = await busyThread();
      const two = await thread.run({ log: ["two"] }, { ...enqueue, background: true });
      const call = { ...enqueue, graph, requestId: "three" };
      const gone = bench
        .caller()
        .thread(thread.id)
        .run({ log: ["three"] }, call)
        .catch(() => "gone");
      await until("all are in line", async () => (await statuses(thread)).length === 3);
      await bench.kill();
      expect(await gone).toBe("gone");
      open();
      await bench.restart();
      const three = await thread.run({ log: ["three"] }, call);
      const turn = ["first", "gated"];
      expect(three.state.values.log).toEqual(["one", ...turn, "two", ...turn, "three", ...turn]);
      expect((await thread.run({ log: ["three"] }, call)).runId).toBe(three.runId);
      for (const id of [runId, two.runId, three.runId]) expect((await thread.runInfo(id)).status).toBe("done");
      expect((await statuses(thread)).length).toBe(3);
    });

    it("tells as a run's failure what is wrong with it, and goes on with the next", async () => {
      const { thread, open } = await busyThread();
      const lost = thread.run({}, { ...enqueue, graph: "no such graph" });
      const odd = thread.run({ nope: 1 }, enqueue);
      const last = thread.run({ log: ["last"] }, { ...enqueue, requestId: "last" });
      // On a thread that is free, what is wrong would be refused.
      await until("all are in line", async () => (await statuses(thread)).length === 4);
      open();
      expect([(await lost).status, (await lost).error?.reason]).toEqual(["failed", "GRAPH_NOT_FOUND"]);
      expect([(await odd).status, (await odd).error?.reason]).toEqual(["failed", "CHANNEL_NOT_FOUND"]);
      expect((await last).state.values.log).toHaveLength(6);
      expect((await thread.run({ log: ["last"] }, { ...enqueue, requestId: "last" })).runId).toBe((await last).runId);
    });

    it("does not wait on a thread that is free", async () => {
      const { thread, open, runId } = await busyThread();
      open();
      await thread.waitForRun(runId);
      expect((await thread.run({ log: ["two"] }, { ...enqueue, background: true })).status).toBe("running");
    });

    it("holds so many and no more", async () => {
      const { thread, open, runId } = await busyThread();
      const calls = Array.from({ length: 100 }, (_, i) =>
        thread.run({ log: [i] }, { ...enqueue, background: true }).catch((error) => error.reason as string),
      );
      const outcomes = await Promise.all(calls);
      expect(outcomes.filter((outcome) => outcome === "LIMIT_REACHED")).toHaveLength(1);
      for await (const run of thread.runs({ pageSize: 500 })) {
        if (run.status === "queued") await thread.cancel(run.runId);
      }
      open();
      expect((await thread.waitForRun(runId)).status).toBe("done");
      expect((await thread.state()).values.log).toEqual(["one", "first", "gated"]);
    });

    it("lets go of one that is cancelled before its turn", async () => {
      const { thread, open, runId } = await busyThread();
      const two = await thread.run({ log: ["two"] }, { ...enqueue, background: true });
      const three = thread.run({ log: ["three"] }, enqueue);
      const waiting = thread.waitForRun(two.runId);
      await until("all are in line", async () => (await statuses(thread)).length === 3);
      expect((await thread.cancel(two.runId)).status).toBe("cancelled");
      expect((await waiting).status).toBe("cancelled");
      open();
      expect((await three).state.values.log).toEqual(["one", "first", "gated", "three", "first", "gated"]);
      expect((await thread.runInfo(runId)).status).toBe("done");
    });
  });

  describe("interrupt", () => {
    it("cancels the run that is going and those that wait, and keeps what was done", async () => {
      const { thread, open, runId } = await busyThread();
      const waiting = thread.run({ log: ["never"] }, enqueue);
      await until("it is in line", async () => (await statuses(thread)).length === 2);
      const next = thread.run({ log: ["next"] }, { onBusy: "interrupt" });
      expect((await waiting).status).toBe("cancelled");
      expect((await thread.waitForRun(runId)).status).toBe("cancelled");
      open();
      expect((await next).state.values.log).toEqual(["one", "first", "next", "first", "gated"]);
    });

    it("begins at once on a thread that is free", async () => {
      const { thread, open, runId } = await busyThread();
      open();
      await thread.waitForRun(runId);
      const next = await thread.run({ log: ["next"] }, { onBusy: "interrupt" });
      expect([next.status, (await thread.runInfo(runId)).status]).toEqual(["done", "done"]);
    });

    it("happens, also when the server is killed in between", async () => {
      const { thread, open, runId } = await busyThread();
      const next = await thread.run({ log: ["next"] }, { onBusy: "interrupt", background: true });
      await bench.kill();
      open();
      await bench.restart();
      expect((await thread.waitForRun(next.runId)).status).toBe("done");
      expect((await thread.runInfo(runId)).status).toBe("cancelled");
      expect((await thread.state()).values.log).toEqual(["one", "first", "next", "first", "gated"]);
    });
  });

  describe("rollback", () => {
    it("undoes the run that is going", async () => {
      const { thread, open, runId, graph } = await busyThread();
      open();
      await thread.waitForRun(runId);
      const before = await historyOf(thread);
      const gate = bench.newName("gate");
      const nodes = { gated: bench.node("gated", { gate }) };
      const slow = await bench.graph({ channels, nodes, edges: ["START -> gated"] });
      const begun = bench.traces("gated begins").length;
      const undone = await thread.run({ log: ["undone"] }, { graph: slow, background: true });
      await until("the node is at work", () => bench.traces("gated begins").length > begun);
      const next = await thread.run({ log: ["next"] }, { graph, onBusy: "rollback" });
      expect(next.state.values.log).toEqual(["one", "first", "gated", "next", "first", "gated"]);
      const history = await historyOf(thread);
      expect(history.slice(-before.length)).toEqual(before);
      expect(history.some(({ runId: made }) => made === undone.runId)).toBe(false);
      expect((await thread.runInfo(undone.runId)).status).toBe("cancelled");
    });

    it("undoes the first run of a thread, and one that had answered questions", async () => {
      const gate = bench.newName("gate");
      const nodes = { ask: bench.node("asks", { questions: ["name?"] }), gated: bench.node("gated", { gate }) };
      const graph = await bench.graph({ channels, nodes, edges: ["START -> ask", "START -> gated"] });
      const thread = bench.thread();
      const isAtWork = async (begun: number) =>
        until("the node is at work", () => bench.traces("gated begins").length > begun);
      let begun = bench.traces("gated begins").length;
      await thread.run({ log: ["undone"] }, { graph, background: true });
      await isAtWork(begun);
      const second = thread.run({ log: ["in"] }, { onBusy: "rollback", graph });
      // Opened before, the gate could let the first run end ahead of the call, which would then find nothing to undo.
      await isAtWork(begun + 1);
      bench.open(gate);
      const asked = await second;
      expect([asked.status, asked.state.values.log]).toEqual(["interrupted", ["in", "gated"]]);
      const later = bench.newName("gate");
      const held = {
        ask: bench.node("asks", { questions: ["name?"] }),
        gated: nodes.gated,
        after: bench.node("gated", { gate: later }),
      };
      const longer = await bench.graph({
        channels,
        nodes: held,
        edges: ["START -> ask", "START -> gated", "ask -> after"],
      });
      begun = bench.traces("after begins").length;
      await thread.resume("Ada", { graph: longer, background: true });
      await until("the node is at work", () => bench.traces("after begins").length > begun);
      const again = await thread.run(undefined, { onBusy: "rollback", graph });
      expect([again.status, again.interrupts.map(({ value }) => value)]).toEqual(["interrupted", ["name?"]]);
      expect(again.state.checkpointId).toBe(asked.state.checkpointId);
      expect((await thread.resume("Bob")).state.values.log).toEqual(["in", "ask:Bob", "gated"]);
    });
  });
});

describe("runs in line on several servers of one MongoDB", () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start("mongodb");
  });
  afterAll(() => bench.end());

  /** A thread that the bench's server drives, up to a gate. */
  async function drivenThread() {
    const gate = bench.newName("gate");
    const nodes = { gated: bench.node("gated", { gate }) };
    const graph = await bench.graph({ channels, nodes, edges: ["START -> gated"] });
    const thread = bench.thread();
    const begun = bench.traces("gated begins").length;
    const { runId } = await thread.run({ log: ["one"] }, { graph, background: true });
    await until("the node is at work", () => bench.traces("gated begins").length > begun);
    return { thread, runId, open: () => bench.open(gate) };
  }

  it("are read, waited for and cancelled from each of them", async () => {
    const { thread, runId } = await drivenThread();
    const elsewhere = (await bench.another()).thread(thread.id);
    expect((await elsewhere.runInfo(runId)).status).toBe("running");
    const waiting = elsewhere.waitForRun(runId);
    expect((await elsewhere.cancel(runId)).status).toBe("cancelled");
    expect((await waiting).status).toBe("cancelled");
    expect((await thread.runInfo(runId)).status).toBe("cancelled");
  });

  it("are cancelled gracefully from each of them", async () => {
    const nodes = { again: { expression: { update: { log: "[state.log.size()]" } } } };
    const graph = await bench.graph({ channels, nodes, edges: ["START -> again", "again -> again"] });
    const thread = bench.thread();
    const elsewhere = (await bench.another()).thread(thread.id);
    const { runId } = await thread.run({}, { graph, background: true, recursionLimit: 10_000 });
    expect((await elsewhere.cancel(runId, { graceful: true })).status).toBe("cancelled");
    const { values, step } = await thread.state();
    expect(values.log).toHaveLength(step);
  });

  it("wait and take over wherever they were called", async () => {
    const { thread, runId, open } = await drivenThread();
    const elsewhere = (await bench.another()).thread(thread.id);
    const two = elsewhere.run({ log: ["two"] }, { onBusy: "enqueue" });
    await until("it is in line", async () => (await statuses(thread)).length === 2);
    const three = await elsewhere.run({ log: ["three"] }, { onBusy: "interrupt", background: true });
    expect([(await two).status, (await thread.waitForRun(runId)).status]).toEqual(["cancelled", "cancelled"]);
    open();
    expect((await thread.waitForRun(three.runId)).status).toBe("done");
    expect((await elsewhere.state()).values.log).toEqual(["one", "three", "gated"]);
  });

  it("are taken on by another server when theirs is killed", async () => {
    const { thread, runId, open } = await drivenThread();
    const elsewhere = (await bench.another()).thread(thread.id);
    await bench.kill();
    open();
    expect((await elsewhere.waitForRun(runId, { deadlineMs: 60_000 })).status).toBe("done");
    expect((await elsewhere.state()).values.log).toEqual(["one", "gated"]);
    await bench.restart();
  }, 90_000);
});

async function statuses(thread: Thread): Promise<string[]> {
  const found: string[] = [];
  for await (const { status } of thread.runs({ pageSize: 500 })) found.push(status);
  return found;
}
