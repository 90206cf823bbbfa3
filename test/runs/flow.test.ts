// Where a superstep leads: Sends, waiting edges, commands; and what its channels keep.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { storeKinds } from "../support/stores.ts";
import { Bench, historyOf } from "./support/bench.ts";

describe.each(storeKinds)("flow on %s", (kind) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(kind);
  });
  afterAll(() => bench.end());

  it("fans out by Send from a command and from a conditional edge, in order", async () => {
    const work = { expression: { update: { log: "[state.item]" } } };
    const channels = { items: "last_value", log: "append" };
    const byCommand = await bench.graph({
      channels,
      nodes: { fan: bench.node("fansOut"), work },
      edges: ["START -> fan"],
    });
    const byEdge = await bench.graph({
      channels,
      nodes: { fan: { expression: { update: {} } }, work },
      edges: ["START -> fan"],
      branches: [{ from: "fan", cel: 'state.items.map(i, {"node": "work", "arg": {"item": i}})' }],
    });
    const items = Array.from({ length: 30 }, (_, i) => `item ${i}`);
    expect((await bench.thread().run({ items }, { graph: byCommand })).state.values.log).toEqual(["fan", ...items]);
    expect((await bench.thread().run({ items }, { graph: byEdge })).state.values.log).toEqual(items);
  });

  it("waits at a waiting edge for all of its nodes, also over several supersteps, each time anew", async () => {
    const graph = await bench.graph({
      channels: { log: "append" },
      nodes: { a: bench.node("note"), b: bench.node("note"), c: bench.node("note"), end: bench.node("note") },
      edges: ["START -> a", "START -> b", "b -> c", [["a", "c"], "end"]],
    });
    const thread = bench.thread();
    const once = await thread.run({}, { graph });
    expect(once.state.values.log).toEqual(["a", "b", "c", "end"]);
    expect((await thread.run({})).state.values.log).toEqual(["a", "b", "c", "end", "a", "b", "c", "end"]);
  });

  it("goes where a command says, besides the edges", async () => {
    const graph = await bench.graph({
      channels: { log: "append" },
      nodes: {
        first: { ...bench.node("goes", { to: ["far"] }), ends: ["far"] },
        near: bench.node("note"),
        far: bench.node("note"),
        stop: { ...bench.node("goes", { to: ["__end__"] }), ends: ["__end__"] },
      },
      edges: ["START -> first", "first -> near", "far -> stop"],
    });
    const { state } = await bench.thread().run({}, { graph });
    expect(state.values.log).toEqual(["first", "far", "near", "stop"]);
  });

  it("overwrites a reducer's value, once a superstep", async () => {
    const graph = await bench.graph({
      channels: { log: "append", n: "add" },
      nodes: {
        a: bench.node("overwrites", { value: ["new"] }),
        b: { expression: { overwrite: { n: "40" } } },
        c: { expression: { update: { n: "2", log: '["more"]' } } },
      },
      edges: ["START -> a", "a -> b", "b -> c"],
    });
    const { state } = await bench.thread().run({ log: ["old"], n: 7 }, { graph });
    expect(state.values).toEqual({ log: ["new", "more"], n: 42 });
    const both = await bench.graph({
      channels: { log: "append" },
      nodes: { a: bench.node("overwrites", { value: ["a"] }), b: bench.node("overwrites", { value: ["b"] }) },
      edges: ["START -> a", "START -> b"],
    });
    const failed = await bench.thread().run({}, { graph: both });
    expect(failed).toMatchObject({ status: "failed", error: { reason: "INVALID_UPDATE", channel: "log" } });
  });

  it("keeps untracked values for the run and never saves them; ephemeral ones live for one superstep", async () => {
    const graph = await bench.graph({
      channels: { secret: "untracked", brief: "ephemeral", log: "append" },
      nodes: {
        a: {
          expression: {
            update: { log: '[has(state.secret) ? state.secret : "none", has(state.brief) ? state.brief : "gone"]' },
          },
        },
        b: {
          expression: {
            update: { log: '[has(state.secret) ? state.secret : "none", has(state.brief) ? state.brief : "gone"]' },
          },
        },
      },
      edges: ["START -> a", "a -> b"],
    });
    const whole = bench.thread();
    const secret = "do-not-keep-this";
    const { state } = await whole.run({ secret, brief: "hi" }, { graph, interruptAfter: [] });
    expect(state.values.log).toEqual([secret, "hi", secret, "gone"]);
    const stepwise = bench.thread();
    await stepwise.run({ secret, brief: "hi" }, { graph, interruptBefore: ["b"] });
    expect((await stepwise.run(undefined, { interruptBefore: ["nobody"] })).state.values.log).toEqual([
      secret,
      "hi",
      "none",
      "gone",
    ]);
    for (const saved of await historyOf(whole)) expect(Object.keys(saved.values)).not.toContain("secret");
  });

  it("keeps whole numbers, floats and bytes apart on their way through reducers", async () => {
    const graph = await bench.graph({
      channels: { n: "add", list: "append", top: "max" },
      nodes: { a: { expression: { update: { n: "1" } } } },
      edges: ["START -> a"],
    });
    const big = 2n ** 60n;
    const list = [1, 2 ** 53 - 1, big, -0, 1.5, new Uint8Array([1, 2]), null, { a: [true] }];
    const { state } = await bench.thread().run({ n: big, list, top: big }, { graph });
    expect(state.values).toEqual({ n: big + 1n, list, top: big });
    const json = await bench.thread().run({ list: [1, "é"], n: 3 }, { graph, encoding: "json" });
    expect(json.state.values).toMatchObject({ list: [1, "é"], n: 4 });
  });
});
