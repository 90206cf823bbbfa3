// Graphs as nodes: what goes in and out, stops and goes on, is kept for the thread or not at all, and can be read.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { byId, type Thread } from "../../clients/typescript/src/index.ts";
import { storeKinds } from "../support/stores.ts";
import { Bench, eventsOf, refusal, until } from "./support/bench.ts";

const channels = { n: "add", log: "append", said: "last_value" };
const add = (n: number, text: string) => ({ expression: { update: { n: String(n), log: JSON.stringify([text]) } } });
const ask = (question: string, into = "said") => ({ ask: { question: JSON.stringify(question), into } });
const chain = (...nodes: string[]) => ["START", ...nodes].slice(0, -1).map((from, i) => `${from} -> ${nodes[i]}`);
const inner = (nodes: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  inline: { channels, nodes, edges: chain(...Object.keys(nodes)), ...more },
});

describe.each(storeKinds)("subgraphs on %s", (kind) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(kind);
  });
  afterAll(() => bench.end());

  const outer = (sub: Record<string, unknown>, more: Record<string, unknown> = {}): Promise<string> =>
    bench.graph({
      channels,
      nodes: { sub: { subgraph: sub }, after: add(100, "after"), ...more },
      edges: chain("sub", "after"),
    });

  // First, while the server is a process: one that took over from it may be none, and then can only be stopped.
  it("run their finished nodes once, however often the server dies", async () => {
    const nodes = { one: bench.node("note"), wait: bench.node("gated", { gate: `dies-${kind}` }) };
    const graph = await outer(inner(nodes));
    const thread = bench.thread();
    const before = bench.traces("one ran").length;
    const call = thread.run({}, { graph, requestId: "dies" }).catch(() => {});
    await until("the second node is at work", () => bench.traces("wait begins").length > 0);
    await bench.kill();
    await call;
    bench.open(`dies-${kind}`);
    await bench.restart();
    expect(await thread.run({}, { graph, requestId: "dies" })).toMatchObject({ status: "done" });
    expect(bench.traces("one ran").length - before).toBe(1);
  });

  it("give and take the values of the channels that both graphs have", async () => {
    const own = { n: "add", hidden: "last_value" };
    const nodes = { see: { expression: { update: { n: "state.n * 10", hidden: "state.n" } } } };
    const graph = await outer({ inline: { channels: own, nodes, edges: chain("see") } });
    const { status, state } = await bench.thread().run({ n: 1, log: ["in"] }, { graph });
    // Its whole state is what it writes: 1 + 10, added to the 1 that was there.
    expect([status, state.values]).toEqual(["done", { n: 112, log: ["in", "after"] }]);
  });

  it("stop for an answer, are read by their namespace, and go on where they stood", async () => {
    const graph = await outer(inner({ one: add(1, "one"), asks: ask("go on?"), two: add(2, "two") }));
    const thread = bench.thread();
    const stopped = await thread.run({ n: 0 }, { graph });
    const [asked] = stopped.interrupts;
    expect(stopped).toMatchObject({ status: "interrupted", state: { next: ["sub"], values: { n: 0 } } });
    expect(asked).toMatchObject({ node: "asks", value: "go on?", namespace: expect.stringMatching(/^sub:/) });
    const { namespace = "" } = asked ?? {};
    expect(await thread.state({ namespace })).toMatchObject({ next: ["asks"], values: { n: 1, log: ["one"] } });
    await bench.kill();
    await bench.restart();
    expect((await thread.state()).interrupts).toEqual([asked]);
    const done = await thread.resume(byId({ [asked?.id ?? ""]: "yes" }));
    expect(done).toMatchObject({
      status: "done",
      state: { values: { n: 103, log: ["one", "two", "after"], said: "yes" } },
    });
    const steps: [number, string][] = [];
    for await (const { step, source } of thread.history({ namespace })) steps.push([step, source]);
    expect(steps).toEqual([
      [3, "loop"],
      [2, "loop"],
      [1, "loop"],
      [0, "loop"],
      [-1, "input"],
    ]);
    const told = (await eventsOf(thread)).filter((event) => event.namespace === namespace);
    expect(told.filter(({ type }) => type === "task_finished")).toHaveLength(4);
  });

  it("can be gone back into, at any of their checkpoints", async () => {
    const graph = await outer(inner({ one: add(1, "one"), asks: ask("go on?"), two: add(2, "two") }));
    const thread = bench.thread();
    const [asked] = (await thread.run({ n: 0 }, { graph })).interrupts;
    const { namespace = "" } = asked ?? {};
    const done = await thread.resume("yes");
    const checkpoints: { checkpointId: string; step: number }[] = [];
    for await (const { checkpointId, step } of thread.history({ namespace })) checkpoints.push({ checkpointId, step });
    const at = (wanted: number) => ({
      namespace,
      checkpointId: checkpoints.find(({ step }) => step === wanted)?.checkpointId ?? "",
    });
    const again = await thread.run(undefined, at(1));
    expect(again).toMatchObject({ status: "interrupted", state: { next: ["sub"], values: { n: 0 } } });
    expect(again.interrupts[0]?.namespace).not.toBe(namespace);
    await bench.kill();
    await bench.restart();
    const other = await thread.resume("no");
    expect(other).toMatchObject({
      status: "done",
      state: { values: { n: 103, said: "no", log: ["one", "two", "after"] } },
    });
    // Behind the question: what was answered there holds.
    expect(await thread.run(undefined, at(2))).toMatchObject({
      status: "done",
      state: { values: { n: 103, said: "yes" } },
    });
    expect((await thread.state({ checkpointId: done.state.checkpointId })).values).toEqual(done.state.values);
    const wrong = { ...at(1), namespace: "sub:nobody" };
    expect((await refusal(thread.run(undefined, wrong))).reason).toBe("CHECKPOINT_NOT_FOUND");
    expect((await refusal(thread.run({ n: 1 }, at(1)))).violations[0]?.field).toBe("options.namespace");
    expect((await refusal(thread.run(undefined, { namespace }))).violations[0]?.field).toBe("options.checkpoint_id");
  });

  it("can be gone back into where they lie in one another", async () => {
    const deep = inner({ one: add(1, "one"), asks: ask("deep?"), two: add(2, "two") });
    const middle = inner({ before: add(10, "before"), deep: { subgraph: deep } });
    const graph = await outer(middle);
    const thread = bench.thread();
    const [asked] = (await thread.run({ n: 0 }, { graph })).interrupts;
    const { namespace = "" } = asked ?? {};
    expect(namespace).toMatch(/^sub:[^|]+\|deep:[^|]+$/);
    const { checkpointId, values } = await thread.state({ namespace });
    const done = await thread.resume("yes");
    const ran = bench.traces().length;
    const again = await thread.run(undefined, { namespace, checkpointId });
    expect(again.interrupts.map(({ value }) => value)).toEqual(["deep?"]);
    expect((await thread.state({ namespace: again.interrupts[0]?.namespace ?? "" })).values).toEqual(values);
    expect(bench.traces()).toHaveLength(ran);
    expect((await thread.resume("no")).state.values).toEqual({ ...done.state.values, said: "no" });
  });

  it("can be changed while they wait", async () => {
    const graph = await outer(inner({ asks: ask("go on?"), two: add(2, "two") }));
    const thread = bench.thread();
    const { interrupts } = await thread.run({}, { graph });
    const namespace = interrupts[0]?.namespace ?? "";
    const updated = await thread.updateState({ log: ["by hand"] }, { namespace, asNode: "asks" });
    expect(updated).toMatchObject({ next: ["two"], source: "update", values: { log: ["by hand"] } });
    expect((await thread.info()).status).toBe("interrupted");
    expect((await thread.run()).state.values).toMatchObject({ log: ["by hand", "two", "after"], n: 102 });
    const nowhere = await refusal(thread.updateState({}, { namespace: "sub:nobody" }));
    expect(nowhere.reason).toBe("CHECKPOINT_NOT_FOUND");
  });

  it("nest, and their questions are answered together by id", async () => {
    const deep = inner({ asks: ask("deep?", "said") });
    const graph = await bench.graph({
      channels: { ...channels, answers: "append" },
      nodes: { left: { subgraph: inner({ in: { subgraph: deep } }) }, right: ask("right?", "n") },
      edges: ["START -> left", "START -> right"],
    });
    const thread = bench.thread();
    const { interrupts } = await thread.run({}, { graph });
    expect(interrupts.map(({ value }) => value).sort()).toEqual(["deep?", "right?"]);
    const ids = new Map(interrupts.map(({ id, value }) => [value, id]));
    const half = await thread.resume(byId({ [ids.get("deep?") ?? ""]: "down here" }));
    expect(half).toMatchObject({ status: "interrupted", interrupts: [{ value: "right?" }] });
    const done = await thread.resume(7);
    expect(done).toMatchObject({ status: "done", state: { values: { said: "down here", n: 7 } } });
  });

  it("that are registered are found by their name, and one that is not fails its node", async () => {
    const name = await bench.graph({ channels, nodes: { one: add(1, "one") }, edges: chain("one") });
    const graph = await outer({ name });
    expect((await bench.thread().run({}, { graph })).state.values.n).toBe(101);
    const dangling = await outer({ name: "nobody" });
    const { status, error } = await bench.thread().run({}, { graph: dangling });
    expect([status, error?.reason, error?.node]).toEqual(["failed", "GRAPH_NOT_FOUND", "sub"]);
  });

  describe("that keep one state for the thread", () => {
    const turn = (thread: Thread, graph: string) => thread.run({ said: "again" }, { graph });
    const counting = () =>
      bench.graph({
        channels: { said: "last_value", n: "last_value" },
        nodes: {
          sub: {
            subgraph: {
              persistence: "per_thread",
              inline: {
                channels: { calls: "add", n: "last_value", said: "last_value" },
                nodes: {
                  count: { expression: { update: { calls: "1" } } },
                  tell: { expression: { update: { n: "state.calls" } } },
                },
                edges: chain("count", "tell"),
              },
            },
          },
        },
        edges: chain("sub"),
      });

    it("go on from it at each call, and a fork from where it stood then", async () => {
      const graph = await counting();
      const thread = bench.thread();
      const first = await turn(thread, graph);
      expect(first.state.values.n).toBe(1);
      expect((await turn(thread, graph)).state.values.n).toBe(2);
      expect((await turn(thread, graph)).state.values.n).toBe(3);
      expect(await thread.state({ namespace: "sub" })).toMatchObject({ values: { calls: 3 } });
      const { checkpointId } = first.state;
      const branch = await thread.run({ said: "elsewhere" }, { graph, checkpointId });
      expect(branch.state.values.n).toBe(2);
    });

    it("can't be called twice at once", async () => {
      const sub = { persistence: "per_thread", ...inner({ one: add(1, "one") }) };
      const nodes = {
        fan: { expression: { goto: '[{"node": "sub", "arg": {"n": 1}}, {"node": "sub", "arg": {"n": 2}}]' } },
        sub: { subgraph: sub },
      };
      const graph = await bench.graph({ channels, nodes, edges: ["START -> fan"] });
      const { status, error } = await bench.thread().run({}, { graph });
      expect([status, error?.reason, error?.node]).toEqual(["failed", "INVALID_UPDATE", "sub"]);
    });
  });

  it("that are not saved begin anew, with the answers given so far", async () => {
    const sub = {
      persistence: "stateless",
      ...inner({ one: bench.node("note"), asks: ask("a?"), more: ask("b?", "n") }),
    };
    const graph = await outer(sub);
    const thread = bench.thread();
    const before = bench.traces("one ran").length;
    expect(await thread.run({}, { graph })).toMatchObject({
      status: "interrupted",
      interrupts: [{ node: "sub", value: "a?" }],
    });
    expect(await thread.resume("yes")).toMatchObject({ status: "interrupted", interrupts: [{ value: "b?" }] });
    const done = await thread.resume(5);
    expect(done).toMatchObject({ status: "done", state: { values: { said: "yes", n: 105, log: ["one", "after"] } } });
    expect(bench.traces("one ran").length - before).toBe(3);
    const named = (await eventsOf(thread)).filter(({ namespace }) => namespace !== "");
    expect(named).toEqual([]);
  });

  it("may end with a command to the enclosing graph", async () => {
    const sub = inner({ one: add(1, "one"), up: bench.node("goesUp", { to: ["aside"] }), never: add(1, "never") });
    const graph = await outer(sub, { aside: add(10, "aside") });
    const { status, state } = await bench.thread().run({ n: 0 }, { graph });
    // What the subgraph did itself is not written: the command takes its place.
    expect(status).toBe("done");
    expect(state.values.n).toBe(110);
    expect([...(state.values.log as string[])].sort()).toEqual(["after", "aside", "up"]);
    const top = await bench.graph({ channels, nodes: { up: bench.node("goesUp") }, edges: chain("up") });
    expect((await bench.thread().run({}, { graph: top })).error?.message).toContain("this graph has none");
  });

  it("pause at their own breakpoints", async () => {
    const graph = await outer(inner({ one: add(1, "one"), two: add(2, "two") }, { interruptBefore: ["two"] }));
    const thread = bench.thread();
    expect(await thread.run({}, { graph })).toMatchObject({ status: "paused", state: { next: ["sub"] } });
    expect(await thread.run()).toMatchObject({ status: "done", state: { values: { n: 103 } } });
  });
});
