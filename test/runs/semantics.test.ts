// Where Cairn differs from LangGraph on purpose, as docs/semantics.md lists it, and no other suite tells.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { byId } from "../../clients/typescript/src/index.ts";
import { storeKinds } from "../support/stores.ts";
import { Bench, historyOf, until } from "./support/bench.ts";

const channels = { log: "append", n: "add" };

describe.each(storeKinds)("differences from LangGraph on %s", (kind) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(kind);
  });
  afterAll(() => bench.end());

  it("an answer is for the question that it was given to, and no later one", async () => {
    const nodes = { asks: bench.node("asks", { questions: ["first?", "second?"] }) };
    const graph = await bench.graph({ channels, nodes, edges: ["START -> asks"] });
    const thread = bench.thread();
    await thread.run({}, { graph });
    await thread.resume("one");
    for (let times = 0; times < 2; times++) {
      const again = await thread.run();
      expect([again.status, again.interrupts.map(({ value }) => value)]).toEqual(["interrupted", ["second?"]]);
    }
    expect((await thread.resume("two")).state.values.log).toEqual(["asks:one", "asks:two"]);
  });

  it("a node that failed with its answer runs again with it, or with another one", async () => {
    const nodes = { picky: bench.node("picky") };
    const graph = await bench.graph({ channels, nodes, edges: ["START -> picky"] });
    const thread = bench.thread();
    await thread.run({}, { graph });
    const failed = await thread.resume("bad");
    expect([failed.status, failed.error?.message]).toEqual(["failed", expect.stringContaining("bad will not do")]);
    expect((await thread.state()).interrupts.map(({ value }) => value)).toEqual(["which?"]);
    expect((await thread.run()).error?.message).toContain("bad will not do");
    expect((await thread.resume("good")).state.values.log).toEqual(["good"]);
  });

  it("a task that fails has written nothing, whatever it wrote before it failed", async () => {
    const update = { log: '["half"]', n: '"no number"' };
    const graph = await bench.graph({
      channels,
      nodes: { half: { expression: { update } } },
      edges: ["START -> half"],
    });
    const thread = bench.thread();
    const failed = await thread.run({}, { graph });
    expect([failed.status, failed.state.next, failed.state.values.log ?? []]).toEqual(["failed", ["half"], []]);
    await bench.kill();
    await bench.restart();
    expect((await thread.state()).tasks.map(({ node, finished }) => [node, finished])).toEqual([["half", false]]);
    expect((await thread.run()).error?.reason).toBe("INVALID_UPDATE");
  });

  it("an answer in a subgraph stays with its task while the thread goes on elsewhere", async () => {
    const ask = (node: string) => ({
      subgraph: {
        inline: { channels, nodes: { [node]: bench.node("asks", { questions: [node] }) }, edges: [`START -> ${node}`] },
      },
    });
    const graph = await bench.graph({
      channels,
      nodes: { left: ask("askLeft"), right: ask("askRight") },
      edges: ["START -> left", "START -> right"],
    });
    const thread = bench.thread();
    const { interrupts } = await thread.run({}, { graph });
    const left = interrupts.find(({ value }) => value === "askLeft");
    expect((await thread.resume(byId({ [left?.id ?? ""]: "L" }))).status).toBe("interrupted");
    const ran = bench.traces("askLeft ran").length;
    await bench.kill();
    await bench.restart();
    expect((await thread.run()).interrupts.map(({ value }) => value)).toEqual(["askRight"]);
    expect((await thread.resume("R")).state.values.log).toEqual(["askLeft:L", "askRight:R"]);
    expect(bench.traces("askLeft ran")).toHaveLength(ran);
  });

  it("an attempt after a failure does not ask again what was answered in a subgraph", async () => {
    const shaky = bench.newName("shaky").replace("-", "_");
    const inline = {
      channels,
      nodes: { asks: bench.node("asks", { questions: ["name?"] }), [shaky]: bench.node("flaky", { count: 1 }) },
      edges: ["START -> asks", `asks -> ${shaky}`],
    };
    const retry = { initialInterval: "0.001s", noJitter: true };
    const graph = await bench.graph({
      channels,
      nodes: { sub: { subgraph: { inline }, retry } },
      edges: ["START -> sub"],
    });
    const thread = bench.thread();
    await thread.run({}, { graph });
    const outcome = await thread.resume("Ada");
    expect([outcome.status, outcome.state.values.log]).toEqual(["done", ["asks:Ada", shaky]]);
  });

  it("a subgraph that returns after a sibling's failure does not run again", async () => {
    const [gate, luck] = [bench.newName(), bench.newName()];
    const inline = { channels, nodes: { slow: bench.node("gated", { gate }) }, edges: ["START -> slow"] };
    const graph = await bench.graph({
      channels,
      nodes: { sub: { subgraph: { inline } }, bad: bench.node("failing", { gate: luck }) },
      edges: ["START -> sub", "START -> bad"],
    });
    const thread = bench.thread();
    const call = thread.run({}, { graph });
    await until("both are at work", () => bench.traces("slow begins").length + bench.traces("bad").length === 2);
    bench.open(gate);
    expect((await call).status).toBe("failed");
    expect((await thread.state()).tasks.map(({ node, finished }) => [node, finished])).toEqual([
      ["bad", false],
      ["sub", true],
    ]);
    bench.open(luck);
    expect((await thread.run()).state.values.log).toEqual(["bad", "slow"]);
    expect(bench.traces("slow begins")).toHaveLength(1);
  });

  it("a question in a subgraph can be answered where another node of it failed, and is listed until then", async () => {
    const luck = bench.newName();
    const inline = {
      channels,
      nodes: { asks: bench.node("asks", { questions: ["name?"] }), bad: bench.node("failing", { gate: luck }) },
      edges: ["START -> asks", "START -> bad"],
    };
    const graph = await bench.graph({ channels, nodes: { sub: { subgraph: { inline } } }, edges: ["START -> sub"] });
    const thread = bench.thread();
    expect((await thread.run({}, { graph })).status).toBe("failed");
    const listed = async () => (await thread.state()).interrupts.map(({ value }) => value);
    expect(await listed()).toEqual(["name?"]);
    expect((await thread.resume("Ada")).status).toBe("failed");
    expect(await listed()).toEqual([]);
    bench.open(luck);
    const outcome = await thread.run();
    expect([outcome.status, outcome.state.values.log]).toEqual(["done", ["asks:Ada", "bad"]]);
  });

  it("a task that wrote to untracked channels only has finished", async () => {
    const update = { secret: '"s"' };
    const graph = await bench.graph({
      channels: { ...channels, secret: "untracked" },
      nodes: { hides: { expression: { update } }, asks: bench.node("asks", { questions: ["name?"] }) },
      edges: ["START -> hides", "START -> asks"],
    });
    const thread = bench.thread();
    expect((await thread.run({}, { graph })).state.next).toEqual(["asks"]);
    expect((await thread.resume("Ada")).state.values.log).toEqual(["asks:Ada"]);
  });

  it("an answer at an older checkpoint begins a branch of its own, and the first answer stays where it was", async () => {
    const nodes = { asks: bench.node("asks", { questions: ["name?"] }), after: bench.node("note") };
    const graph = await bench.graph({ channels, nodes, edges: ["START -> asks", "asks -> after"] });
    const thread = bench.thread();
    const { checkpointId } = (await thread.run({}, { graph })).state;
    await thread.resume("Ada");
    expect((await thread.resume("Bob", { checkpointId })).state.values.log).toEqual(["asks:Bob", "after"]);
    const states = await historyOf(thread);
    expect(states.map(({ source }) => source)).toEqual(["loop", "loop", "fork", "loop", "loop", "loop", "input"]);
    expect(states[3]?.values.log).toEqual(["asks:Ada", "after"]);
    const [asked] = (await thread.state({ checkpointId })).tasks;
    expect([asked?.node, asked?.finished]).toEqual(["asks", true]);
  });
});
