// When a run's progress is saved: with each superstep, while the next one runs, or when it stops.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunOptions, Thread } from "../../clients/typescript/src/index.ts";
import { storeKinds } from "../support/stores.ts";
import { Bench, eventsOf, historyOf, until } from "./support/bench.ts";

const channels = { log: "append", said: "last_value", n: "add" };
const kinds = ["sync", "async", "exit"] as const;

describe.each(storeKinds)("durability on %s", (kind) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(kind);
  });
  afterAll(() => bench.end());

  /** A line of nodes, the last but one of which asks, with two parallel ones and a subgraph before. */
  const varied = () => {
    const inline = { channels, nodes: { deep: bench.node("note") }, edges: ["START -> deep"] };
    const nodes = {
      a: bench.node("note"),
      b: bench.node("note"),
      c: bench.node("note"),
      sub: { subgraph: { inline } },
      count: { expression: { update: { n: "state.log.size()" } } },
      ask: { ask: { question: '"sure?"', into: "said" } },
      last: { expression: { update: { log: "[state.said]" } } },
    };
    const edges = [
      "START -> a",
      "a -> b",
      "a -> c",
      "b -> sub",
      "c -> sub",
      "sub -> count",
      "count -> ask",
      "ask -> last",
    ];
    return bench.graph({ channels, nodes, edges });
  };

  it("makes no difference for where a run stops, how it goes on, and what its tasks told", async () => {
    const graph = await varied();
    const seen = await Promise.all(
      kinds.map(async (durability) => {
        const thread = bench.thread();
        const asked = await thread.run({ log: ["in"] }, { graph, durability });
        const read = await thread.state();
        const done = await thread.resume("yes", { durability });
        expect(read).toEqual(asked.state);
        expect(done.state).toEqual(await thread.state());
        const told = (await eventsOf(thread)).flatMap((event) =>
          event.type === "task_finished" ? [[event.node, event.step, event.updates.map(({ value }) => value)]] : [],
        );
        const states = [asked, done].map(({ status, state }) => [status, state.step, state.values, state.next]);
        return { states, told: told.map((each) => JSON.stringify(each)).sort() };
      }),
    );
    expect(seen[0]?.states[1]?.[2]).toEqual({
      log: ["in", "a", "b", "c", "in", "a", "b", "c", "deep", "yes"],
      said: "yes",
      n: 9,
    });
    for (const other of seen.slice(1)) expect(other).toEqual(seen[0]);
  });

  it("saves every superstep, or those alone at which the run stopped", async () => {
    const graph = await varied();
    const steps = async (durability: RunOptions["durability"]) => {
      const thread = bench.thread();
      await thread.run({ log: ["in"] }, { graph, durability });
      await thread.resume("yes", { durability });
      return { thread, steps: (await historyOf(thread)).map(({ step }) => step) };
    };
    expect((await steps("sync")).steps).toEqual([6, 5, 4, 3, 2, 1, 0, -1]);
    expect((await steps("async")).steps).toEqual([6, 5, 4, 3, 2, 1, 0, -1]);
    const atExit = await steps("exit");
    expect(atExit.steps).toEqual([6, 4, -1]);
    await isWhole(atExit.thread);
  });

  it("at the exit saves the run's end when it fails, and the thread goes on from there", async () => {
    const gate = bench.newName("gate");
    const nodes = { a: bench.node("note"), b: bench.node("note"), bad: bench.node("failing", { gate }) };
    const graph = await bench.graph({ channels, nodes, edges: ["START -> a", "a -> bad", "a -> b"] });
    const thread = bench.thread();
    const failed = await thread.run({}, { graph, durability: "exit" });
    expect(failed).toMatchObject({ status: "failed", state: { step: 1, next: ["bad"] } });
    expect((await thread.state()).tasks.map(({ node, finished }) => [node, finished])).toEqual([
      ["b", true],
      ["bad", false],
    ]);
    const before = bench.traces("b ran").length;
    bench.open(gate);
    expect((await thread.run(undefined, { durability: "exit" })).state.values.log).toEqual(["a", "b", "bad"]);
    expect(bench.traces("b ran")).toHaveLength(before);
    await isWhole(thread);
  });

  it("at the exit does not let what waits to be saved grow without a limit", async () => {
    const loop = { step: { expression: { update: { n: "1", said: '"x"' } } } };
    const graph = await bench.graph({ channels, nodes: loop, edges: ["START -> step", "step -> step"] });
    const thread = bench.thread();
    const outcome = await thread.run({}, { graph, durability: "exit", recursionLimit: 2_500 });
    expect([outcome.error?.reason, outcome.state.values.n]).toEqual(["RECURSION_LIMIT", 2_500]);
    const history = await historyOf(thread);
    expect(history.length).toBeGreaterThan(3);
    expect(history.length).toBeLessThan(6);
    await isWhole(thread);
  });

  it("decides what a killed server loses: nothing that was saved, at the exit the run", async () => {
    const killed = async (durability: RunOptions["durability"]) => {
      // One that has not been killed before: only the first server of a bench on MongoDB is a process.
      const bench = await Bench.start(kind);
      const gate = bench.newName("gate");
      const nodes = { [`${durability}A`]: bench.node("note"), [`${durability}Held`]: bench.node("gated", { gate }) };
      const [a, held] = Object.keys(nodes);
      const graph = await bench.graph({ channels, nodes, edges: [`START -> ${a}`, `${a} -> ${held}`] });
      const thread = bench.thread();
      const gone = bench
        .caller()
        .thread(thread.id)
        .run({ log: ["in"] }, { graph, durability })
        .catch(() => "gone");
      await until("the node is at work", () => bench.traces(`${held} begins`).length === 1);
      // The commit behind it is not waited for.
      if (durability !== "exit") await until("it is saved", async () => (await thread.state()).step === 1);
      await bench.kill();
      expect(await gone).toBe("gone");
      bench.open(gate);
      await bench.restart();
      expect((await thread.run()).state.values.log).toEqual(["in", a, held]);
      const ran = bench.traces(`${a} ran`).length;
      await bench.end();
      return ran;
    };
    expect(await killed("sync")).toBe(1);
    expect(await killed("async")).toBe(1);
    expect(await killed("exit")).toBe(2);
  });

  it("is kept by a run in the background", async () => {
    const graph = await varied();
    const thread = bench.thread();
    const { runId } = await thread.run({ log: ["in"] }, { graph, durability: "exit", background: true });
    expect((await thread.waitForRun(runId)).status).toBe("interrupted");
    expect((await historyOf(thread)).map(({ step }) => step)).toEqual([4, -1]);
  });

  it("tells a value that can't be saved, whenever it is to be saved", async () => {
    const nodes = { big: bench.node("big", { bytes: 17 * 1024 * 1024, channel: "said" }), after: bench.node("note") };
    const graph = await bench.graph({ channels, nodes, edges: ["START -> big", "big -> after"] });
    for (const durability of kinds) {
      const { status, error } = await bench.thread().run({}, { graph, durability });
      expect([status, error?.reason, error?.node]).toEqual(["failed", "VALUE_TOO_LARGE", "big"]);
    }
  });
});

/** Every checkpoint but the first has a parent that is there. */
async function isWhole(thread: Thread): Promise<void> {
  const history = await historyOf(thread);
  const ids = new Set(history.map(({ checkpointId }) => checkpointId));
  const orphans = history.filter(({ parentId }) => parentId !== undefined && parentId !== "" && !ids.has(parentId));
  expect(orphans).toEqual([]);
}
