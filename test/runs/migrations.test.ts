// Threads that were saved under an older schema_version than their graph's: what a run makes of them, and what it refuses.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { byId } from "../../clients/typescript/src/index.ts";
import { storeKinds } from "../support/stores.ts";
import { Bench, type GraphParts, historyOf, refusal, until } from "./support/bench.ts";
import { ask, chain, log, migrateAll, one, versionAt } from "./support/migrating.ts";

describe.each(storeKinds)("migrations of a thread's state on %s", (kind) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(kind);
  });
  afterAll(() => bench.end());

  const first = (parts: GraphParts) => bench.graph({ schemaVersion: 1, ...parts });

  // First, while the server is a process that can be killed.
  it("a run that was cut off after its thread was migrated goes on", async () => {
    const gate = `cut-${kind}`;
    const nodes = (name: string, into: string) => ({
      begin: log("begin"),
      asks: ask("?", into),
      [name]: bench.node("gated", { gate }),
    });
    const v1 = {
      channels: { log: "append", said: "last_value" },
      nodes: nodes("slow", "said"),
      edges: chain("begin", "asks", "slow"),
    };
    const graph = await first(v1);
    const thread = bench.thread();
    const { interrupts } = await thread.run({}, { graph });
    const v2 = {
      channels: { log: "append", answer: "last_value" },
      nodes: nodes("patient", "answer"),
      edges: chain("begin", "asks", "patient"),
    };
    await bench.graph(
      { ...v2, ...one({ renameChannels: { said: "answer" }, renameNodes: { slow: "patient" } }) },
      graph,
    );
    const call = thread.resume(byId({ [interrupts[0]?.id ?? ""]: "yes" }), { requestId: "cut" }).catch(() => {});
    await until("the node is at work", () => bench.traces("patient begins").length > 0);
    await bench.kill();
    await call;
    bench.open(gate);
    await bench.restart();
    const outcome = await thread.resume(byId({ [interrupts[0]?.id ?? ""]: "yes" }), { requestId: "cut" });
    expect([outcome.status, outcome.state.values]).toEqual(["done", { log: ["begin", "patient"], answer: "yes" }]);
  });

  it("a chain of steps is walked, and what is older stays as it was", async () => {
    const nodes = { a: { expression: { update: { total: "2", gone: '"x"', log: '["a"]' } } } };
    const channels = { total: "last_value", gone: "last_value", log: "append" };
    const graph = await first({ channels, nodes, edges: chain("a") });
    const thread = bench.thread();
    await thread.run({}, { graph });
    const migrations = [
      { from: 1, to: 2, renameChannels: { total: "sum" }, drop: ["gone"] },
      {
        from: 2,
        to: 3,
        set: {
          sum: "has(state.sum) ? state.sum * 10 : 0",
          count: "has(state.log) ? size(state.log) : 0",
          lang: 'has(state.lang) ? state.lang : "en"',
        },
      },
    ];
    const v3 = {
      channels: { sum: "last_value", log: "append", count: "add", lang: "last_value" },
      nodes: { a: log("b") },
      edges: chain("a"),
    };
    await bench.graph({ ...v3, schemaVersion: 3, migrations }, graph);
    // Until a run loads it the thread is as it was saved.
    expect((await thread.state()).values).toEqual({ total: 2, gone: "x", log: ["a"] });
    expect(await thread.run()).toMatchObject({ status: "done", state: { values: { total: 2, gone: "x" } } });
    expect(await versionAt(bench, thread)).toBe(1);
    const outcome = await thread.run({ log: ["in"] });
    const values = { sum: 20, log: ["a", "in", "b"], count: 1, lang: "en" };
    expect([outcome.status, outcome.state.values]).toEqual(["done", values]);
    expect(await versionAt(bench, thread)).toBe(3);
    const states = await historyOf(thread);
    expect(states.map(({ values: { total, sum }, source }) => [source, total ?? sum])).toEqual([
      ["loop", 20],
      ["loop", 20],
      ["input", 20],
      ["loop", 2],
      ["loop", undefined],
      ["input", undefined],
    ]);
    // The input's checkpoint follows the last one of the older version.
    expect(await versionAt(bench, thread, states[2]?.parentId)).toBe(1);
    // A fork from a checkpoint of the older version is migrated as the thread was.
    const forked = await thread.updateState(
      { log: ["forked"] },
      { checkpointId: states[3]?.checkpointId ?? "", asNode: "a" },
    );
    expect(forked.values).toEqual({ sum: 20, log: ["a", "forked"], count: 1, lang: "en" });
    // And so is a run from one.
    const again = await thread.run(undefined, { checkpointId: states[4]?.checkpointId ?? "" });
    expect(again.state.values).toEqual({ sum: 0, log: ["b"], count: 0, lang: "en" });
  });

  it("a missing step, a newer state and another graph's are refused, naming both versions", async () => {
    const parts = { channels: { log: "append" }, nodes: { a: log("a") }, edges: chain("a") };
    const graph = await bench.graph({ ...parts, schemaVersion: 1 });
    const other = await bench.graph({ ...parts, ...one({}) });
    const thread = bench.thread();
    await thread.run({}, { graph });
    await bench.graph({ ...parts, schemaVersion: 3, migrations: [{ from: 2, to: 3 }] }, graph);
    const missing = await refusal(thread.run({}));
    expect([missing.reason, missing.metadata]).toEqual(["SCHEMA_MISMATCH", { stored: "1", graph: "3" }]);
    expect(missing.message).toContain("no migration from 1");
    await bench.graph({ ...parts, schemaVersion: 0 }, graph);
    const newer = await refusal(thread.run({}));
    expect([newer.reason, newer.metadata]).toEqual(["SCHEMA_MISMATCH", { stored: "1", graph: "0" }]);
    expect((await refusal(thread.run({}, { graph: other }))).message).toContain(`a state of graph "${graph}"`);
    expect((await thread.state()).values).toEqual({ log: ["a"] });
  });

  it("a function of the nodes module makes the whole state", async () => {
    const nodes = { a: { expression: { update: { n: "3", log: '["a"]' } } } };
    const graph = await first({ channels: { n: "last_value", log: "append" }, nodes, edges: chain("a") });
    const thread = bench.thread();
    await thread.run({}, { graph });
    const v2 = {
      channels: { list: "append", log: "append", by: "last_value" },
      nodes: { a: { expression: { update: { list: "[4]" } } } },
      edges: chain("a"),
    };
    const by = (name: string, params = {}) => one({ module: { function: name, params } });
    const before = (await thread.state()).checkpointId;
    await bench.graph({ ...v2, ...by("botched") }, graph);
    const refused = await refusal(thread.run({ log: ["in"] }));
    expect([refused.reason, refused.metadata]).toEqual([
      "MIGRATION_FAILED",
      { from: "1", to: "2", function: "botched" },
    ]);
    expect(refused.message).toContain("no such luck");
    expect([(await thread.state()).checkpointId, (await thread.info()).status]).toEqual([before, "idle"]);
    await bench.graph({ ...v2, ...by("listed", { by: "me" }) }, graph);
    const { state } = await thread.run({ log: ["in"] });
    expect(state.values).toEqual({ list: [3, 4], log: ["a", "in"], by: "me 1-2" });
  });

  it("expressions and values that will not do are refused, and nothing is changed", async () => {
    const nodes = { a: { expression: { update: { n: "3" } } } };
    const graph = await first({ channels: { n: "last_value" }, nodes, edges: chain("a") });
    const thread = bench.thread();
    await thread.run({}, { graph });
    const { checkpointId } = await thread.state();
    const refusals: [set: Record<string, string>, text: string][] = [
      [{ n: "state.nothing" }, 'channel "n"'],
      [{ l: "state.n" }, 'channel "l": must be a list'],
    ];
    for (const [set, text] of refusals) {
      await bench.graph(
        { channels: { n: "last_value", l: "append" }, nodes, edges: chain("a"), ...one({ set }) },
        graph,
      );
      const refused = await refusal(thread.run({}));
      expect([refused.reason, refused.message]).toEqual(["MIGRATION_FAILED", expect.stringContaining(text)]);
    }
    expect((await thread.state()).checkpointId).toBe(checkpointId);
  });

  it("several questions stay open under their ids, with what was finished beside them", async () => {
    const parts = (left: string, said: string, entries: string) => ({
      channels: { [entries]: "append", [said]: "last_value", r: "last_value" },
      nodes: {
        [left]: ask("l?", said),
        right: ask("r?", "r"),
        notes: { expression: { update: { [entries]: '["noted"]' } } },
        last: { expression: { update: { [entries]: '["last"]' } } },
      },
      edges: [`START -> ${left}`, "START -> right", "START -> notes", [[left, "right"], "last"]],
    });
    const graph = await first(parts("left", "said", "log"));
    const thread = bench.thread();
    const { interrupts, state } = await thread.run({}, { graph });
    const idOf = (question: string) => interrupts.find(({ value }) => value === question)?.id ?? "";
    const renames = { renameChannels: { said: "answer", log: "entries" }, renameNodes: { left: "wrong" } };
    const v2 = parts("wrong", "answer", "entries");
    await bench.graph({ ...v2, ...one(renames) }, graph);
    const half = await thread.resume(byId({ [idOf("l?")]: "L" }));
    expect(half.interrupts.map(({ id, value, node }) => [id, value, node])).toEqual([[idOf("r?"), "r?", "right"]]);
    const { checkpointId } = half.state;
    expect([await versionAt(bench, thread), half.state.source, half.state.parentId]).toEqual([
      2,
      "update",
      state.checkpointId,
    ]);
    // The older one still shows what it asked, in its own names; the thread goes on from the newer one.
    const old = await thread.state({ checkpointId: state.checkpointId });
    expect(old.tasks.map(({ node, finished }) => [node, finished])).toEqual([
      ["left", false],
      ["notes", true],
      ["right", false],
    ]);
    // Once more while it waits: to a third version.
    const v3 = { ...parts("port", "answer", "entries"), schemaVersion: 3 };
    const second = { from: 2, to: 3, renameNodes: { wrong: "port" } };
    await bench.graph({ ...v3, migrations: [{ from: 1, to: 2, ...renames }, second] }, graph);
    const done = await thread.resume(byId({ [idOf("r?")]: "R" }));
    expect(done).toMatchObject({
      status: "done",
      state: { values: { entries: ["noted", "last"], answer: "L", r: "R" } },
    });
    // Time travel to the question as it was first asked: answered anew, migrated anew.
    const anew = { checkpointId: state.checkpointId };
    const answers = byId({ [idOf("l?")]: "other", [idOf("r?")]: "wise" });
    expect((await thread.resume(answers, anew)).state.values).toMatchObject({ answer: "other", r: "wise" });
    expect(checkpointId).not.toBe(state.checkpointId);
  });

  it("a node that is gone from under a paused thread is refused, and so is one that nothing leads to", async () => {
    const parts = (node: string) => ({
      channels: { said: "last_value" },
      nodes: { [node]: ask("?") },
      edges: chain(node),
    });
    const graph = await first(parts("asks"));
    const thread = bench.thread();
    const { interrupts } = await thread.run({}, { graph });
    await bench.graph({ ...parts("wonders"), ...one({}) }, graph);
    const gone = await refusal(thread.resume("x"));
    expect([gone.reason, gone.metadata.node]).toEqual(["GRAPH_MISMATCH", "asks"]);
    await bench.graph({ ...parts("wonders"), ...one({ renameNodes: { asks: "wonders" } }) }, graph);
    const done = await thread.resume(byId({ [interrupts[0]?.id ?? ""]: "x" }));
    expect(done).toMatchObject({ status: "done", state: { values: { said: "x" } } });
  });

  it("a result that waits to be applied is not missed by an expression", async () => {
    const parts = {
      channels: { log: "append", said: "last_value" },
      nodes: { asks: ask("?"), notes: log("noted") },
      edges: ["START -> asks", "START -> notes"],
    };
    const graph = await first(parts);
    const thread = bench.thread();
    await thread.run({}, { graph });
    const { graphHash } = await thread.state();
    const channels = { ...parts.channels, count: "last_value" };
    await bench.graph(
      { ...parts, channels, ...one({ set: { count: "has(state.log) ? size(state.log) : 0" } }) },
      graph,
    );
    const refused = await refusal(thread.resume("x"));
    expect([refused.reason, refused.metadata]).toMatchObject(["MIGRATION_FAILED", { node: "notes", channel: "log" }]);
    // Under the graph of before the superstep ends, and then nothing waits.
    await thread.resume("x", { graph, graphHash });
    expect((await thread.run({}, { graph })).state.values.count).toBe(1);
  });

  it("Sends, waiting edges and deferred nodes follow their nodes", async () => {
    const parts = (x: string) => ({
      channels: { log: "append", said: "last_value" },
      nodes: {
        fan: { expression: { goto: `[{"node": "${x}each", "arg": {"i": 1}}, {"node": "${x}each", "arg": {"i": 2}}]` } },
        [`${x}each`]: { expression: { update: { log: '["each " + string(state.i)]' } } },
        [`${x}quick`]: log("quick"),
        slow: log("slow"),
        [`${x}both`]: log("both"),
        [`${x}last`]: { ...log("last"), defer: true },
        asks: ask("?"),
      },
      edges: [
        "START -> fan",
        `START -> ${x}quick`,
        "START -> asks",
        "asks -> slow",
        [[`${x}quick`, "slow"], `${x}both`],
        `fan -> ${x}last`,
      ],
    });
    const graph = await first(parts("x"));
    const [thread, forced] = [bench.thread(), bench.thread()];
    for (const each of [thread, forced]) expect((await each.run({}, { graph })).status).toBe("interrupted");
    const renames = { xeach: "yeach", xquick: "yquick", xboth: "yboth", xlast: "ylast" };
    await bench.graph({ ...parts("y"), ...one({ renameNodes: renames }) }, graph);
    const outcome = await thread.resume("yes");
    const logged = ["quick", "each 1", "each 2", "slow", "both", "last"];
    expect([outcome.status, [...(outcome.state.values.log as string[])].sort()]).toEqual(["done", [...logged].sort()]);
    await migrateAll(bench, graph);
    const done = await forced.resume("yes");
    expect([done.status, done.state.values.log]).toEqual(["done", outcome.state.values.log]);
  });

  it("a barrier that has half arrived and Sends that are due are renamed where the thread is between supersteps", async () => {
    const parts = (x: string) => ({
      channels: { log: "append" },
      nodes: {
        fan: { expression: { goto: `[{"node": "${x}each", "arg": {"i": 1}}, {"node": "${x}each", "arg": {"i": 2}}]` } },
        [`${x}each`]: { expression: { update: { log: '["each " + string(state.i)]' } } },
        slow: log("slow"),
        [`${x}both`]: log("both"),
        [`${x}last`]: { ...log("last"), defer: true },
      },
      edges: ["START -> fan", "fan -> slow", [["fan", "slow"], `${x}both`], `fan -> ${x}last`],
    });
    const graph = await first(parts("x"));
    const [thread, plain] = [bench.thread(), bench.thread()];
    // The entry, then `fan`.
    for (let step = 0; step < 2; step++) await thread.step(step === 0 ? {} : undefined, { graph });
    expect((await thread.state()).next).toEqual(["slow", "xeach", "xeach"]);
    const renames = { xeach: "yeach", xboth: "yboth", xlast: "ylast", fan: "fans" };
    const v2 = JSON.parse(
      JSON.stringify(parts("y"))
        .replaceAll('"fan"', '"fans"')
        .replaceAll("-> fan", "-> fans")
        .replaceAll("fan ->", "fans ->"),
    );
    await bench.graph({ ...v2, ...one({ renameNodes: renames }) }, graph);
    const outcome = await thread.run();
    expect(outcome).toMatchObject({ status: "done", state: { next: [] } });
    expect(outcome.state.values).toEqual((await plain.run({}, { graph })).state.values);
  });

  it("a thread that paused before a node goes on to it under its new name", async () => {
    const parts = (node: string) => ({
      channels: { log: "append" },
      nodes: { a: log("a"), [node]: log("b") },
      edges: chain("a", node),
      interruptBefore: [node],
    });
    const graph = await first(parts("b"));
    const thread = bench.thread();
    expect((await thread.run({}, { graph })).status).toBe("paused");
    await bench.graph({ ...parts("c"), ...one({ renameNodes: { b: "c" } }) }, graph);
    expect(await thread.run()).toMatchObject({ status: "done", state: { values: { log: ["a", "b"] } } });
  });
});
