// What users do wrong fails the run and says where; the thread stays at its last checkpoint and can go on.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { storeKinds } from "../support/stores.ts";
import { Bench, eventsOf, refusal, until } from "./support/bench.ts";

const MIB = 1024 * 1024;

describe.each(storeKinds)("failures on %s", (kind) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(kind);
  });
  afterAll(() => bench.end());

  it("a failing node does not undo its sibling, which does not run again", async () => {
    const graph = await bench.graph({
      channels: { log: "append" },
      nodes: { bad: bench.node("failing"), good: bench.node("note"), last: bench.node("note") },
      edges: ["START -> bad", "START -> good", [["bad", "good"], "last"]],
    });
    const thread = bench.thread();
    const failed = await thread.run({}, { graph });
    expect(failed).toMatchObject({ status: "failed", error: { reason: "NODE_FAILED", node: "bad" } });
    expect(failed.error?.message).toContain("RangeError: out of luck");
    expect(failed.state).toMatchObject({ step: 0, next: ["bad"], values: { log: ["good"] } });
    expect(failed.state.tasks.map(({ node, finished, error }) => [node, finished, error?.reason])).toEqual([
      ["bad", false, "NODE_FAILED"],
      ["good", true, undefined],
    ]);
    expect(await thread.state()).toEqual(failed.state);
    expect((await thread.run()).status).toBe("failed");
    bench.open("bad");
    const done = await thread.run();
    expect(done).toMatchObject({ status: "done", state: { values: { log: ["bad", "good", "last"] } } });
    expect([bench.traces("good").length, bench.traces("bad").length]).toEqual([1, 3]);
    const reused = (await eventsOf(thread)).flatMap(({ raw: { body } }) =>
      body.case === "runStarted" ? [body.value.reusedTasks.map(({ node }) => node)] : [],
    );
    expect(reused).toEqual([[], ["good"], ["good"]]);
  });

  it("a reducer on a wrong type fails the run with node, channel and reason", async () => {
    const graph = await bench.graph({
      channels: { n: "add", log: "append" },
      nodes: { a: bench.node("note"), wrong: bench.node("writes", { channel: "n", value: "three" }) },
      edges: ["START -> a", "a -> wrong"],
    });
    const thread = bench.thread();
    const failed = await thread.run({ n: 1 }, { graph });
    expect(failed).toMatchObject({
      status: "failed",
      error: { reason: "INVALID_UPDATE", node: "wrong", channel: "n" },
      state: { step: 1, next: ["wrong"], values: { n: 1, log: ["a"] } },
    });
    expect(failed.error?.message).toContain("expected a number, got text");
    expect((await thread.state()).checkpointId).toBe(failed.state.checkpointId);
    await thread.updateState({ n: 5 }, { asNode: "wrong" });
    expect(await thread.run()).toMatchObject({ status: "done", state: { values: { n: 6 } } });
  });

  it("an input of a wrong type likewise, and the next input is taken", async () => {
    const graph = await bench.graph({
      channels: { n: "add" },
      nodes: { a: { expression: { update: { n: "1" } } } },
      edges: ["START -> a"],
    });
    const thread = bench.thread();
    const failed = await thread.run({ n: "many" }, { graph });
    expect(failed).toMatchObject({ status: "failed", error: { reason: "INVALID_UPDATE", channel: "n" } });
    expect((await thread.run({ n: 2 })).state.values).toEqual({ n: 3 });
  });

  it("two writers of a last value fail the run; the first to finish stays", async () => {
    const graph = await bench.graph({
      channels: { x: "last_value" },
      nodes: { a: bench.node("writes", { value: 1 }), b: bench.node("writes", { value: 2 }) },
      edges: ["START -> a", "START -> b"],
    });
    const failed = await bench.thread().run({}, { graph });
    expect(failed).toMatchObject({ status: "failed", error: { reason: "INVALID_UPDATE", channel: "x" } });
    expect(failed.error?.node).toMatch(/^[ab]$/);
  });

  it("CEL that fails at run time names node, channel and expression, and can go on with better state", async () => {
    const graph = await bench.graph({
      channels: { n: "last_value", m: "last_value", log: "append" },
      nodes: { a: bench.node("note"), divide: { expression: { update: { m: "100 / state.n" } } } },
      edges: ["START -> a", "a -> divide"],
    });
    const thread = bench.thread();
    const failed = await thread.run({ n: 0 }, { graph });
    expect(failed).toMatchObject({
      status: "failed",
      error: { reason: "EXPRESSION_FAILED", node: "divide", channel: "m" },
      state: { next: ["divide"] },
    });
    expect(failed.error?.message).toContain("100 / state.n");
    const { checkpointId } = await thread.state();
    expect(checkpointId).toBe(failed.state.checkpointId);
    await thread.updateState({ n: 4 }, { asNode: "a" });
    expect((await thread.run()).state.values.m).toBe(25);
    const absent = await bench.thread().run({}, { graph });
    expect(absent).toMatchObject({ status: "failed", error: { reason: "EXPRESSION_FAILED", node: "divide" } });
  });

  it("a conditional edge or command to nowhere fails the run", async () => {
    const graph = await bench.graph({
      channels: { to: "last_value" },
      nodes: { a: { expression: { update: {}, goto: "state.to" } } },
      edges: ["START -> a"],
    });
    const failed = await bench.thread().run({ to: "atlantis" }, { graph });
    expect(failed).toMatchObject({ status: "failed", error: { reason: "NODE_NOT_FOUND", node: "a" } });
    expect(failed.error?.message).toContain("atlantis");
    const channel = await bench.graph({
      channels: { x: "last_value" },
      nodes: { a: bench.node("note") },
      edges: ["START -> a"],
    });
    const lost = await bench.thread().run({}, { graph: channel });
    expect(lost).toMatchObject({ status: "failed", error: { reason: "CHANNEL_NOT_FOUND", node: "a", channel: "log" } });
  });

  it("a value over the limit fails the run, naming node, channel and both sizes", async () => {
    const graph = await bench.graph({
      channels: { huge: "last_value", log: "append" },
      nodes: {
        big: bench.node("big", { channel: "huge", bytes: 16 * MIB + 1 }),
        small: bench.node("note"),
        slow: bench.node("gated"),
      },
      edges: ["START -> big", "START -> small", "START -> slow"],
    });
    const thread = bench.thread();
    const running = thread.run({}, { graph });
    await until("the large value is there", () => bench.traces("big").length === 1);
    bench.open("slow");
    const failed = await running;
    expect(failed).toMatchObject({
      status: "failed",
      error: { reason: "VALUE_TOO_LARGE", node: "big", channel: "huge" },
    });
    expect(failed.error?.message).toContain(String(16 * MIB));
    expect(failed.error?.message).toMatch(/1677722\d/);
    expect(failed.state).toMatchObject({ step: 0, values: { log: ["slow", "small"] }, next: ["big"] });
    expect((await thread.run()).status).toBe("failed");
    expect(bench.traces("small")).toHaveLength(1);
  });

  it("a value over the limit as an input is refused, naming channel and both sizes", async () => {
    const graph = await bench.graph({
      channels: { a: "last_value", b: "last_value" },
      nodes: { n: { expression: { update: {} } } },
      edges: ["START -> n"],
    });
    const thread = bench.thread();
    const tooLarge = await refusal(thread.run({ a: 1, b: new Uint8Array(16 * MIB + 1) }, { graph }));
    expect([tooLarge.codeName, tooLarge.reason, tooLarge.metadata.channel]).toEqual([
      "RESOURCE_EXHAUSTED",
      "VALUE_TOO_LARGE",
      "b",
    ]);
    expect(tooLarge.metadata.limit_bytes).toBe(String(16 * MIB));
    expect(Number(tooLarge.metadata.size_bytes)).toBeGreaterThan(16 * MIB);
    expect(tooLarge.violations.map(({ field }) => field)).toEqual(['input.values["b"]']);
    expect((await refusal(thread.state())).codeName).toBe("NOT_FOUND");
    // Until the entry has run an input is one value; an update is not.
    const halves = { a: new Uint8Array(9 * MIB), b: new Uint8Array(9 * MIB) };
    const together = await refusal(thread.run(halves, { graph }));
    expect([together.reason, together.violations.map(({ field }) => field)]).toEqual(["VALUE_TOO_LARGE", ["input"]]);
    await thread.run({ a: halves.a }, { graph });
    expect((await thread.updateState(halves, { asNode: "n" })).next).toEqual([]);
    const update = await refusal(thread.updateState({ a: new Uint8Array(16 * MIB + 1) }, { asNode: "n" }));
    expect([update.reason, update.metadata.channel]).toEqual(["VALUE_TOO_LARGE", "a"]);
  });
});
