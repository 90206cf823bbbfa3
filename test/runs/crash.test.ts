// kill -9 of the server at every kind of moment: what was saved stays, what has finished does not run again, and a
// call that is repeated under its request_id takes its run on.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { proto, type Thread } from "../../clients/typescript/src/index.ts";
import { storeKinds } from "../support/stores.ts";
import { Bench, eventsOf, historyOf, until } from "./support/bench.ts";

describe.each(storeKinds)("a server that is killed, on %s,", (kind) => {
  let bench: Bench;
  afterEach(() => bench.end());

  /** Three Sends at work, of which the first has finished and is saved. */
  async function oneOfThree(thread: Thread, graph: string, requestId?: string): Promise<void> {
    // The call is lost with its server: it is made by a client that does not take it on by itself.
    const caller = bench.caller().thread(thread.id);
    void caller.run({ items: ["one", "two", "three"] }, { graph, requestId }).catch(() => {});
    await until("all three are at work", () => bench.traces("work begins").length === 3);
    bench.open("one");
    await until("the first is saved", async () => (await thread.state()).tasks.some(({ finished }) => finished));
  }

  const fanOut = () =>
    bench.graph({
      channels: { items: "last_value", log: "append" },
      nodes: { fan: bench.node("fansOut"), work: bench.node("gated") },
      edges: ["START -> fan"],
    });

  it("while one of three tasks has finished: only the other two run again", async () => {
    bench = await Bench.start(kind);
    const thread = bench.thread();
    await oneOfThree(thread, await fanOut());
    const { runId } = await thread.info();
    const before = await eventsOf(thread);
    await bench.kill();
    await bench.restart();
    const { run } = await bench.client.services.runs.getRun({ threadId: thread.id, runId });
    expect(run?.status).toBe(proto.RunStatus.LOST);
    const state = await thread.state();
    expect(state.tasks.map(({ finished }) => finished)).toEqual([true, false, false]);
    expect(state.values.log).toEqual(["fan", "one"]);
    bench.open("two");
    bench.open("three");
    const done = await thread.run();
    expect(done).toMatchObject({ status: "done", state: { values: { log: ["fan", "one", "two", "three"] } } });
    const begun = bench.traces("work begins").map((trace) => trace.split(" ").at(-1));
    expect(begun.sort()).toEqual(["one", "three", "three", "two", "two"]);
    expect(bench.traces("fan")).toHaveLength(1);
    const events = await eventsOf(thread);
    expect(events.slice(0, before.length)).toEqual(before);
    const reused = events.flatMap(({ raw }) =>
      raw.body.case === "runStarted" ? [raw.body.value.reusedTasks.length] : [],
    );
    expect(reused).toEqual([0, 1]);
    const finished = events.filter(({ type }) => type === "task_finished");
    expect(finished).toHaveLength(5);
  });

  it("between supersteps: goes on from the last one", async () => {
    bench = await Bench.start(kind);
    const graph = await bench.graph({
      channels: { n: "add", log: "append" },
      nodes: { a: bench.node("note"), b: bench.node("gated") },
      edges: ["START -> a", "a -> b"],
    });
    const thread = bench.thread();
    void bench
      .caller()
      .thread(thread.id)
      .run({ n: 1 }, { graph })
      .catch(() => {});
    await until("the second node has begun", () => bench.traces("b begins").length === 1);
    const head = (await thread.state()).checkpointId;
    await bench.kill();
    await bench.restart();
    expect(await thread.state()).toMatchObject({ checkpointId: head, step: 1, next: ["b"], values: { log: ["a"] } });
    const stepped = await thread.updateState({ n: 5 }, { asNode: "a" });
    expect(stepped.parentId).toBe(head);
    bench.open("b");
    expect(await thread.run()).toMatchObject({ status: "done", state: { values: { n: 6, log: ["a", "b"] } } });
    expect(bench.traces("a ran")).toHaveLength(1);
    expect((await historyOf(thread)).map(({ source }) => source)).toEqual(["loop", "update", "loop", "loop", "input"]);
  });

  it("while a question waits: it still waits, under the same id", async () => {
    bench = await Bench.start(kind);
    const graph = await bench.graph({
      channels: { log: "append" },
      nodes: { ask: bench.node("asks", { questions: ["name?", "age?"] }), side: bench.node("note") },
      edges: ["START -> ask", "START -> side"],
    });
    const thread = bench.thread();
    const asked = await thread.run({}, { graph });
    await bench.kill();
    await bench.restart();
    expect(await thread.state()).toEqual(asked.state);
    const second = await thread.resume("Ada");
    expect(second.interrupts.map(({ value }) => value)).toEqual(["age?"]);
    await bench.kill();
    await bench.restart();
    expect((await thread.resume(36)).state.values.log).toEqual(["ask:Ada", "ask:36", "side"]);
    expect(bench.traces("side")).toHaveLength(1);
  });

  it("during a run with a request_id: the repeated call takes it on, its input applied once", async () => {
    bench = await Bench.start(kind);
    const thread = bench.thread();
    const graph = await fanOut();
    await oneOfThree(thread, graph, "again");
    const { runId } = await thread.info();
    await bench.kill();
    await bench.restart();
    bench.open("two");
    bench.open("three");
    const retry = () => thread.run({ items: ["one", "two", "three"] }, { graph, requestId: "again" });
    const [done, same] = await Promise.all([retry(), retry()]);
    expect(done).toMatchObject({ runId, status: "done", state: { values: { log: ["fan", "one", "two", "three"] } } });
    expect([same, await retry()]).toEqual([done, done]);
    expect((await historyOf(thread)).filter(({ source }) => source === "input")).toHaveLength(1);
    expect(bench.traces("work begins one")).toHaveLength(1);
    const { runs } = await bench.client.services.runs.listRuns({ threadId: thread.id });
    expect(runs.map((run) => run.runId)).toEqual([runId]);
  });

  it("during a resume with a request_id: the answer is kept, and given once", async () => {
    bench = await Bench.start(kind);
    const graph = await bench.graph({
      channels: { log: "append" },
      nodes: { ask: bench.node("asks", { questions: ["ok?"] }), next: bench.node("gated") },
      edges: ["START -> ask", "ask -> next"],
    });
    const thread = bench.thread();
    await thread.run({}, { graph });
    void bench
      .caller()
      .thread(thread.id)
      .resume("yes", { requestId: "answer" })
      .catch(() => {});
    await until("the next node is at work", () => bench.traces("next begins").length === 1);
    await bench.kill();
    await bench.restart();
    bench.open("next");
    const done = await thread.resume("yes", { requestId: "answer" });
    expect(done).toMatchObject({ status: "done", state: { values: { log: ["ask:yes", "next"] } } });
    expect(bench.traces("ask ran")).toHaveLength(2);
    const answered = (await eventsOf(thread)).filter(({ type }) => type === "interrupt_answered");
    expect(answered).toHaveLength(1);
  });

  it("during a resume at a checkpoint of the past: the branch and its answer are kept, what has finished too", async () => {
    bench = await Bench.start(kind);
    const graph = await bench.graph({
      channels: { log: "append" },
      nodes: {
        ask: bench.node("asks", { questions: ["ok?"] }),
        side: bench.node("note"),
        slow: bench.node("gated", { gate: "slow" }),
      },
      edges: ["START -> ask", "START -> side", "START -> slow"],
    });
    const thread = bench.thread();
    bench.open("slow");
    const asked = await thread.run({}, { graph });
    await thread.resume("yes");
    // The branch has tasks of its own, which run anew, whatever the same nodes did before.
    rmSync(join(bench.folder, "slow.open"));
    const again = { requestId: "again", checkpointId: asked.state.checkpointId };
    void bench
      .caller()
      .thread(thread.id)
      .resume("no", again)
      .catch(() => {});
    await until("two of three are saved", async () => {
      const { source, tasks } = await thread.state();
      return source === "fork" && tasks.filter(({ finished }) => finished).length === 2;
    });
    await bench.kill();
    await bench.restart();
    bench.open("slow");
    const done = await thread.resume("no", again);
    expect(done).toMatchObject({ status: "done", state: { values: { log: ["ask:no", "side", "slow"] } } });
    expect(bench.traces("side ran")).toHaveLength(2);
    expect(bench.traces("ask ran")).toHaveLength(3);
    expect(bench.traces("slow begins")).toHaveLength(3);
    const states = await historyOf(thread);
    expect(states.map(({ source }) => source)).toEqual(["loop", "fork", "loop", "loop", "input"]);
    expect(states[1]?.parentId).toBe(asked.state.checkpointId);
  });
});
