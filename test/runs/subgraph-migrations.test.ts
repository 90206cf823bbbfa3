// Subgraphs whose own states, or whose nodes, have changed since a thread was saved.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { byId } from "../../clients/typescript/src/index.ts";
import { storeKinds } from "../support/stores.ts";
import { Bench, type GraphParts, refusal } from "./support/bench.ts";
import { ask, chain, log, migrateAll, one, versionAt } from "./support/migrating.ts";

describe.each(storeKinds)("migrations of subgraphs on %s", (kind) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(kind);
  });
  afterAll(() => bench.end());

  const first = (parts: GraphParts) => bench.graph({ schemaVersion: 1, ...parts });

  it("a question in a subgraph stays open: its own state is migrated when the run goes on into it", async () => {
    const inner = (said: string, more: Record<string, unknown>) => ({
      channels: { log: "append", [said]: "last_value" },
      nodes: { one: log("one"), asks: ask("in?", said), two: log("two") },
      edges: chain("one", "asks", "two"),
      ...more,
    });
    const outer = (node: string, inline: unknown) => ({
      channels: { log: "append" },
      nodes: { [node]: { subgraph: { inline } }, after: log("after") },
      edges: chain(node, "after"),
    });
    const graph = await first(outer("sub", inner("said", { schemaVersion: 7 })));
    const thread = bench.thread();
    const { interrupts } = await thread.run({}, { graph });
    const [asked] = interrupts;
    const moved = { schemaVersion: 8, migrations: [{ from: 7, to: 8, renameChannels: { said: "answer" } }] };
    await bench.graph({ ...outer("part", inner("answer", moved)), ...one({ renameNodes: { sub: "part" } }) }, graph);
    expect((await thread.state()).interrupts).toEqual(interrupts);
    await migrateAll(bench, graph);
    expect((await thread.state()).interrupts).toEqual(interrupts);
    expect((await thread.info()).status).toBe("interrupted");
    const done = await thread.resume(byId({ [asked?.id ?? ""]: "yes" }));
    expect(done).toMatchObject({ status: "done", state: { values: { log: ["one", "two", "after"] } } });
    expect(await versionAt(bench, thread, undefined, asked?.namespace)).toBe(8);
  });

  it("a registered subgraph that has a newer version is migrated under a thread that has not, at each level", async () => {
    const deepest = (said: string, more: Record<string, unknown>) => ({
      channels: { log: "append", [said]: "last_value" },
      nodes: { asks: ask("deep?", said), told: { expression: { update: { log: `["heard " + state.${said}]` } } } },
      edges: chain("asks", "told"),
      ...more,
    });
    const deep = await first(deepest("said", {}));
    const over = (name: string) => ({
      channels: { log: "append" },
      nodes: { mid: { subgraph: { name } }, after: log("after") },
      edges: chain("mid", "after"),
    });
    const middle = await bench.graph(over(deep));
    const graph = await bench.graph(over(middle));
    const thread = bench.thread();
    const { interrupts } = await thread.run({}, { graph });
    await bench.graph(deepest("answer", one({ renameChannels: { said: "answer" } })), deep);
    // Nothing is migrated by looking.
    expect((await thread.state()).interrupts).toEqual(interrupts);
    const done = await thread.resume(byId({ [interrupts[0]?.id ?? ""]: "you" }));
    expect([done.status, done.state.values]).toEqual(["done", { log: ["heard you", "after", "after"] }]);
    expect(await versionAt(bench, thread, undefined, interrupts[0]?.namespace)).toBe(2);
  });

  it("a subgraph that keeps one state for the thread keeps its node's name", async () => {
    const inline = { channels: { log: "append" }, nodes: { one: log("one") }, edges: chain("one") };
    const parts = (node: string) => ({
      channels: { log: "append" },
      nodes: { [node]: { subgraph: { inline, persistence: "per_thread" } } },
      edges: chain(node),
    });
    const graph = await first(parts("sub"));
    const thread = bench.thread();
    await thread.run({}, { graph });
    await bench.graph({ ...parts("part"), ...one({ renameNodes: { sub: "part" } }) }, graph);
    const refused = await refusal(thread.run({}));
    expect([refused.reason, refused.metadata.node]).toEqual(["MIGRATION_FAILED", "sub"]);
    await bench.graph({ ...parts("sub"), ...one({}) }, graph);
    expect((await thread.run({})).status).toBe("done");
  });
});
