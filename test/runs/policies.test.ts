// What a graph says of its nodes' failures: another attempt, a limit of time, another node that handles them.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { storeKinds } from "../support/stores.ts";
import { Bench, eventsOf, refusal, until } from "./support/bench.ts";

const channels = { log: "append", said: "last_value" };
const quick = { initialInterval: "0.001s", noJitter: true };

describe.each(storeKinds)("policies of nodes on %s", (kind) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(kind);
  });
  afterAll(() => bench.end());

  /** A graph of one node of a new name, so that its traces are its own, and others. */
  async function graphOf(node: Record<string, unknown>, others: Record<string, unknown> = {}) {
    const name = bench.newName("node").replace("-", "_");
    const graph = await bench.graph({ channels, nodes: { [name]: node, ...others }, edges: [`START -> ${name}`] });
    return { graph, name, runs: () => bench.traces(`${name} ran`).length };
  }

  describe("retry", () => {
    it("makes attempts until one succeeds, and tells of each", async () => {
      const { graph, name, runs } = await graphOf({ ...bench.node("flaky", { count: 2 }), retry: quick });
      const thread = bench.thread();
      await thread.ensure();
      const attempts: number[] = [];
      const stop = new AbortController();
      const reader = (async () => {
        for await (const { raw } of thread.events({ after: 0, signal: stop.signal, untilStop: true })) {
          if (raw.body.case === "taskStarted" && raw.body.value.node === name) attempts.push(raw.body.value.attempt);
        }
      })();
      const { status, state } = await thread.run({}, { graph });
      await reader;
      expect([status, state.values.log, runs()]).toEqual(["done", [name], 3]);
      expect(attempts).toEqual([1, 2, 3]);
      expect((await eventsOf(thread)).filter(({ type }) => type === "task_failed")).toEqual([]);
    });

    it("gives up after as many as the policy allows: three unless it says", async () => {
      const { graph, name, runs } = await graphOf({ ...bench.node("flaky", { count: 9 }), retry: quick });
      const { status, error } = await bench.thread().run({}, { graph });
      expect([status, error?.reason, error?.node, error?.kind, runs()]).toEqual([
        "failed",
        "NODE_FAILED",
        name,
        "Error",
        3,
      ]);
    });

    it("leaves alone what another attempt can't mend, and kinds that it does not name", async () => {
      const mistake = await graphOf({ ...bench.node("flaky", { count: 9, value: "TypeError" }), retry: quick });
      await bench.thread().run({}, { graph: mistake.graph });
      expect(mistake.runs()).toBe(1);
      const named = { ...quick, retryOn: ["Busy"] };
      const other = await graphOf({ ...bench.node("flaky", { count: 1, value: "Lost" }), retry: named });
      await bench.thread().run({}, { graph: other.graph });
      expect(other.runs()).toBe(1);
      const busy = await graphOf({ ...bench.node("flaky", { count: 1, value: "Busy" }), retry: named });
      expect((await bench.thread().run({}, { graph: busy.graph })).status).toBe("done");
    });

    it("of a subgraph begins it anew, but goes on where an earlier call left it", async () => {
      const shaky = bench.newName("shaky").replace("-", "_");
      const inner = {
        channels,
        nodes: { before: bench.node("note"), [shaky]: bench.node("flaky", { count: 3 }) },
        edges: ["START -> before", `before -> ${shaky}`],
      };
      const before = bench.traces("before ran").length;
      const { graph } = await graphOf({ subgraph: { inline: inner }, retry: { ...quick, maxAttempts: 2 } });
      const thread = bench.thread();
      expect((await thread.run({}, { graph })).error?.node).toBe(shaky);
      expect(bench.traces("before ran").length - before).toBe(2);
      expect((await thread.run()).state.values.log).toEqual(["before", shaky]);
      expect([bench.traces("before ran").length - before, bench.traces(`${shaky} ran`).length]).toEqual([2, 4]);
    });
  });

  describe("timeouts", () => {
    it("fail a node that takes too long, and the thread can go on", async () => {
      const gate = bench.newName();
      const { graph, name } = await graphOf({ ...bench.node("gated", { gate }), timeout: { run: "0.1s" } });
      const thread = bench.thread();
      const { status, error } = await thread.run({}, { graph });
      expect([status, error?.reason, error?.node]).toEqual(["failed", "NODE_TIMEOUT", name]);
      expect(error?.message).toContain("100 ms");
      bench.open(gate);
      expect((await thread.run()).status).toBe("done");
    });

    it("count from the last sign of life when they are for idle nodes", async () => {
      const gate = bench.newName();
      const alive = await graphOf({ ...bench.node("ticks", { gate }), timeout: { idle: "2s" } });
      const call = bench.thread().run({}, { graph: alive.graph });
      await until("it is at work", () => bench.traces(`${alive.name} begins`).length > 0);
      await new Promise((turn) => setTimeout(turn, 2_500));
      bench.open(gate);
      expect((await call).status).toBe("done");
      const silent = await graphOf({ ...bench.node("gated", { gate: "never" }), timeout: { idle: "0.1s" } });
      const { error } = await bench.thread().run({}, { graph: silent.graph });
      expect(error?.message).toContain("without a sign of life");
    });

    it("are retried like other failures, and a Send may bring its own", async () => {
      const gate = bench.newName();
      const slow = { ...bench.node("gated", { gate }), retry: { ...quick, maxAttempts: 2, retryOn: ["Timeout"] } };
      const { graph } = await graphOf(bench.node("hurries", { to: ["slow"] }), { slow });
      const before = bench.traces("slow begins").length;
      const { error } = await bench.thread().run({}, { graph });
      expect([error?.reason, error?.node]).toEqual(["NODE_TIMEOUT", "slow"]);
      expect(bench.traces("slow begins").length - before).toBe(2);
    });
  });

  describe("error handlers", () => {
    const handler = { expression: { update: { said: "state.__error__.node + ': ' + state.__error__.message" } } };

    it("run in the same superstep, with what went wrong, and the graph goes on", async () => {
      const failing = { ...bench.node("failing", { gate: "never" }), errorHandler: "mend" };
      const { graph, name } = await graphOf(failing, { mend: handler });
      const thread = bench.thread();
      const { status, state } = await thread.run({}, { graph });
      expect([status, state.step]).toEqual(["done", 1]);
      expect(state.values.said).toMatch(new RegExp(`^${name}: .*out of luck`));
      const types = (await eventsOf(thread)).map(({ type }) => type);
      expect(types).toContain("task_failed");
    });

    it("alone run again when they fail or ask, not the node that failed", async () => {
      const failing = { ...bench.node("failing", { gate: "never" }), errorHandler: "mend" };
      const { graph, name, runs } = await graphOf(failing, {
        mend: { ask: { question: '"what now?"', into: "said" } },
      });
      const thread = bench.thread();
      const asked = await thread.run({}, { graph });
      expect(asked).toMatchObject({ status: "interrupted", state: { next: ["mend"] }, interrupts: [{ node: "mend" }] });
      await bench.kill();
      await bench.restart();
      expect((await thread.state()).tasks.map(({ node, finished }) => [node, finished])).toEqual([
        [name, true],
        ["mend", false],
      ]);
      expect(await thread.resume("go on")).toMatchObject({ status: "done", state: { values: { said: "go on" } } });
      expect(runs()).toBe(1);
    });
  });

  describe("caches", () => {
    it("spare a node what it did before with the same input", async () => {
      const { graph, name, runs } = await graphOf({ ...bench.node("note"), cache: { ttl: "3600s" } });
      const cachedOf = async (input: Record<string, unknown>) => {
        const thread = bench.thread();
        const { status, state } = await thread.run(input, { graph });
        expect([status, state.values.log]).toEqual(["done", [expect.any(String)]]);
        const finished = (await eventsOf(thread)).flatMap(({ raw: { body } }) =>
          body.case === "taskFinished" && body.value.node === name ? [body.value.cached] : [],
        );
        expect(finished).toHaveLength(1);
        return finished[0];
      };
      expect(await cachedOf({ said: "a" })).toBe(false);
      expect(await cachedOf({ said: "a" })).toBe(true);
      expect(await cachedOf({ said: "b" })).toBe(false);
      expect(runs()).toBe(2);
    });

    it("hand each thread values of its own", async () => {
      const expression = { update: { said: '"after " + state.said' } };
      const { graph } = await graphOf({ expression, cache: { key: "state.said" } });
      const [first, second] = [bench.thread(), bench.thread()];
      await first.run({ said: "one" }, { graph });
      for (const said of ["two", "three", "one"]) await second.run({ said, log: [said] }, { graph });
      await bench.kill();
      await bench.restart();
      for (const thread of [first, second]) expect((await thread.state()).values.said).toBe("after one");
    });

    it("look at no more than their key says", async () => {
      const { graph, runs } = await graphOf({ ...bench.node("note"), cache: { key: "state.said.size()" } });
      for (const said of ["one", "two", "three"]) await bench.thread().run({ said }, { graph });
      expect(runs()).toBe(2);
      const failed = await bench.thread().run({ log: [] }, { graph });
      expect(failed.error?.reason).toBe("EXPRESSION_FAILED");
    });

    it("keep no failure", async () => {
      const { graph, runs } = await graphOf({ ...bench.node("flaky", { count: 1 }), cache: {} });
      expect((await bench.thread().run({}, { graph })).status).toBe("failed");
      expect((await bench.thread().run({}, { graph })).status).toBe("done");
      expect((await bench.thread().run({}, { graph })).status).toBe("done");
      expect(runs()).toBe(2);
    });
  });

  it("applies several supersteps of updates, once", async () => {
    const count = (n: number) => ({ expression: { update: { log: `["${n}"]` } } });
    const graph = await bench.graph({ channels, nodes: { a: count(1), b: count(2) }, edges: ["START -> a", "a -> b"] });
    const thread = bench.thread();
    const steps = [[{ values: { log: ["in"] }, asNode: "__start__" }], [{ values: { log: ["x"] }, asNode: "a" }]];
    const options = { graph, requestId: "bulk" };
    const state = await thread.bulkUpdateState(steps, options);
    expect(state).toMatchObject({ values: { log: ["in", "x"] }, next: ["b"], source: "update" });
    expect(await thread.bulkUpdateState(steps, options)).toEqual(state);
    const together = await thread.bulkUpdateState([
      [
        { values: { log: ["1"] }, asNode: "a" },
        { values: { log: ["2"] }, asNode: "b" },
      ],
    ]);
    expect(together.values.log).toEqual(["in", "x", "1", "2"]);
    const copy = await thread.bulkUpdateState([[{ asNode: "__copy__" }]]);
    expect(copy).toMatchObject({ source: "fork", parentId: together.parentId, values: together.values });
    const mixed = await refusal(thread.bulkUpdateState([[{ asNode: "__end__" }, { asNode: "a" }]]));
    expect(mixed.reason).toBe("INVALID_FIELD");
  });
});
