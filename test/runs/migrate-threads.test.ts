// MigrateThreads: all threads of a graph at once.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { storeKinds } from "../support/stores.ts";
import { Bench, type GraphParts, until } from "./support/bench.ts";
import { ask, chain, migrateAll, one } from "./support/migrating.ts";

describe.each(storeKinds)("MigrateThreads on %s", (kind) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(kind);
  });
  afterAll(() => bench.end());

  const first = (parts: GraphParts) => bench.graph({ schemaVersion: 1, ...parts });

  it("tries, migrates, skips what a run holds, and finds nothing left to do", async () => {
    const parts = (channel: string, more: Record<string, unknown> = {}) => ({
      channels: { [channel]: "last_value", said: "last_value" },
      nodes: {
        a: { expression: { update: { [channel]: "1" } } },
        asks: ask("?"),
        wait: bench.node("gated", { gate: `held-${kind}` }),
      },
      edges: ["START -> a", "a -> asks"],
      branches: [{ from: "asks", cel: 'state.said == "wait" ? "wait" : "END"' }],
      ...more,
    });
    const graph = await first(parts("n"));
    const [asked, busy, ended] = [bench.thread(), bench.thread(), bench.thread()];
    for (const thread of [asked, busy, ended]) await thread.run({}, { graph });
    await ended.resume("done");
    const held = busy.resume("wait");
    await until("the node is at work", () => bench.traces("wait begins").length > 0);
    const { checkpointId } = await asked.state();
    await bench.graph(parts("m", one({ renameChannels: { n: "m" } })), graph);
    const step = { from: 1, to: 2, renamedChannels: { n: "m" }, dropped: [], set: [], renamedNodes: {} };
    const told = await migrateAll(bench, graph, true);
    expect(told).toEqual([
      {
        threadId: asked.id,
        outcome: "migrated",
        from: 1,
        to: 2,
        checkpointId,
        newCheckpointId: "",
        steps: [step],
        reason: "",
        message: "",
      },
      expect.objectContaining({ threadId: busy.id, outcome: "busy", reason: "THREAD_BUSY" }),
      expect.objectContaining({ threadId: ended.id, outcome: "migrated" }),
    ]);
    expect((await asked.state()).checkpointId).toBe(checkpointId);
    const migrated = await migrateAll(bench, graph);
    expect(migrated.map(({ outcome, newCheckpointId }) => [outcome, newCheckpointId !== ""])).toEqual([
      ["migrated", true],
      ["busy", false],
      ["migrated", true],
    ]);
    expect(await asked.state()).toMatchObject({
      checkpointId: migrated[0]?.newCheckpointId,
      parentId: checkpointId,
      source: "update",
      values: { m: 1 },
      next: ["asks"],
    });
    expect((await ended.state()).values).toEqual({ m: 1, said: "done" });
    bench.open(`held-${kind}`);
    await held;
    expect((await migrateAll(bench, graph)).map(({ threadId, outcome }) => [threadId, outcome])).toEqual([
      [busy.id, "migrated"],
    ]);
    expect(await migrateAll(bench, graph)).toEqual([]);
    expect(await asked.resume("fine")).toMatchObject({ status: "done", state: { values: { m: 1, said: "fine" } } });
  });

  it("says why a thread is refused, and goes on with the next", async () => {
    const parts = { channels: { n: "last_value" }, nodes: { a: { expression: { update: {} } } }, edges: chain("a") };
    const graph = await first(parts);
    const [bad, good] = [bench.thread(), bench.thread()];
    await bad.run({ n: "no number" }, { graph });
    await good.run({ n: 1 }, { graph });
    await bench.graph({ ...parts, ...one({ set: { n: "state.n + 1" } }) }, graph);
    expect(await migrateAll(bench, graph)).toMatchObject([
      {
        threadId: bad.id,
        outcome: "refused",
        reason: "MIGRATION_FAILED",
        message: expect.stringContaining('channel "n"'),
      },
      { threadId: good.id, outcome: "migrated" },
    ]);
  });
});
