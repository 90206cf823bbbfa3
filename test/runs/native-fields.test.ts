// Every field that a native checkpoint fills, read raw: on paused, forked and fanned-out threads.
import { createHash } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { byId, decode, proto, type Thread } from "../../clients/typescript/src/index.ts";
import { storeKinds } from "../support/stores.ts";
import { Bench, historyOf } from "./support/bench.ts";

const { Origin, Phase, ValuesLayout } = proto;

/** The formula of checkpoint.proto, written once more. */
function nativeId(...parts: string[]): string {
  const hex = createHash("sha256").update(parts.join("\0")).digest("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join("-");
}

describe.each(storeKinds)("native checkpoints on %s", (kind) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(kind);
  });
  afterAll(() => bench.end());

  async function raw(thread: Thread, checkpointId?: string) {
    const { entry, values } = await bench.client.checkpoints.getCheckpoint({ threadId: thread.id, checkpointId });
    const checkpoint = entry?.checkpoint;
    if (checkpoint === undefined) throw new Error("the thread has no checkpoint");
    const read = (value: { source: { case?: string; value?: unknown } } | undefined) => {
      const found = values.find(({ ref }) => value?.source.case === "ref" && ref === value.source.value)?.value;
      return found && decode(found);
    };
    return { checkpoint, read };
  }

  const numbers = (map: { versions: Record<string, { number: { value?: unknown } }> } | undefined) =>
    Object.fromEntries(Object.entries(map?.versions ?? {}).map(([name, { number }]) => [name, number.value]));

  it("tell of a paused thread: parallel siblings, questions, a barrier that is half full", async () => {
    const graph = await bench.graph({
      channels: { log: "append" },
      nodes: {
        a: bench.node("note"),
        b: bench.node("note"),
        c: bench.node("asks", { questions: ["c?"] }),
        d: bench.node("asks", { questions: ["d?", "d again?"] }),
        e: bench.node("note"),
        join: bench.node("note"),
      },
      edges: ["START -> a", "START -> b", "b -> c", "b -> d", "b -> e", [["a", "c"], "join"]],
    });
    const thread = bench.thread();
    const startedMs = Date.now();
    const run = await thread.run({}, { graph, metadata: { tag: "x" } });
    const { checkpoint, read } = await raw(thread);
    const { hash } = await bench.client.graphs.get(graph);
    const parent = (await historyOf(thread))[1];
    expect(checkpoint).toMatchObject({
      id: run.state.checkpointId,
      threadId: thread.id,
      namespace: "",
      parentId: parent?.checkpointId,
      parents: {},
      step: 1n,
      source: "loop",
      sourceNode: "c",
      phase: Phase.NODE_INTERRUPT,
      runId: run.runId,
      graphName: graph,
      graphHash: hash,
      formatVersion: 1,
      schemaVersion: 0,
      origin: Origin.NATIVE,
      valuesLayout: ValuesLayout.CHANNELS,
      currentNode: "b",
      nextNodes: ["c", "d"],
      pendingSends: [],
      deltaCounters: {},
      extra: {},
      parentPruned: false,
    });
    expect(checkpoint.id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-6[0-9a-f]{3}-[89ab]/);
    expect(checkpoint.seq).toBeGreaterThan(0n);
    expect(Object.entries(checkpoint.barrierState).map(([node, { names }]) => [node, names])).toEqual([
      ["join", ["a"]],
    ]);
    expect(JSON.parse(Buffer.from(checkpoint.metadata ?? []).toString())).toEqual({ tag: "x" });
    const createdAtMs = Number(checkpoint.createdAtMs);
    expect(Date.parse(checkpoint.createdAt ?? "")).toBe(createdAtMs);
    expect(createdAtMs).toBeGreaterThanOrEqual(startedMs - 1);
    expect(read(checkpoint.channelValues.log)).toEqual(["a", "b"]);

    const tasks = ["c", "d"].map((node) => ({
      id: nativeId(checkpoint.id, "", "2", node, "pull", `branch:to:${node}`),
      node,
      triggers: [`branch:to:${node}`],
    }));
    expect(checkpoint.pendingTasks).toMatchObject(tasks);
    expect(checkpoint.pendingTasks.map(({ stateOverride }) => stateOverride)).toEqual([undefined, undefined]);
    const questions = tasks.map(({ id, node }) => [nativeId(id, "", "interrupt", "0"), node, 0n, "", `${node}?`]);
    expect(
      checkpoint.pendingInterrupts.map((asked) => [
        asked.id,
        asked.node,
        asked.index,
        asked.namespace,
        read(asked.value),
      ]),
    ).toEqual(questions);
    for (const { createdAt } of checkpoint.pendingInterrupts) expect(Date.parse(createdAt ?? "")).toBeGreaterThan(0);

    // One answer: its question is gone, the same task's next one has come; the other still waits.
    const [taskC, taskD] = tasks;
    await thread.resume(byId({ [nativeId(taskD?.id ?? "", "", "interrupt", "0")]: "D" }));
    const later = (await raw(thread)).checkpoint;
    expect(later.id).toBe(checkpoint.id);
    expect(later.pendingInterrupts.map(({ id, index }) => [id, index])).toEqual([
      [nativeId(taskC?.id ?? "", "", "interrupt", "0"), 0n],
      [nativeId(taskD?.id ?? "", "", "interrupt", "1"), 1n],
    ]);
    await thread.resume(byId({ [nativeId(taskC?.id ?? "", "", "interrupt", "0")]: "C" }));
    const onlyD = (await raw(thread)).checkpoint;
    expect([onlyD.nextNodes, onlyD.pendingTasks.map(({ node }) => node), onlyD.sourceNode]).toEqual([
      ["d"],
      ["d"],
      "d",
    ]);
    await thread.resume("D2");
    const done = (await raw(thread)).checkpoint;
    expect(done).toMatchObject({
      phase: Phase.COMPLETED,
      nextNodes: [],
      pendingTasks: [],
      pendingInterrupts: [],
      barrierState: {},
      currentNode: "join",
      step: 3n,
    });
    expect(done.sourceNode).toBeUndefined();
    // The barrier's channel was full at step 2, so it had left barrier_state before it fired.
    expect((await raw(thread, done.parentId)).checkpoint).toMatchObject({ step: 2n, barrierState: {} });
  });

  it("count versions: of each channel, what is new, what each node has seen", async () => {
    const graph = await bench.graph({
      channels: { log: "append", x: "last_value" },
      nodes: { a: bench.node("note"), b: bench.node("note") },
      edges: ["START -> a", "a -> b"],
    });
    const thread = bench.thread();
    await thread.run({ x: 1 }, { graph });
    const states = (await historyOf(thread)).reverse();
    const saved = await Promise.all(
      states.map(async ({ checkpointId }) => (await raw(thread, checkpointId)).checkpoint),
    );
    expect(saved.map(({ source, phase }) => [source, phase])).toEqual([
      ["input", Phase.COMPLETED],
      ...Array(3).fill(["loop", Phase.COMPLETED]),
    ]);
    for (const [i, checkpoint] of saved.entries()) {
      const versions = numbers(checkpoint.channelVersions);
      const before = numbers(saved[i - 1]?.channelVersions);
      const moved = Object.entries(versions).filter(([name, version]) => before[name] !== version);
      expect(numbers(checkpoint.newVersions)).toEqual(Object.fromEntries(moved));
      for (const [name, version] of moved) expect(version).toBeGreaterThan((before[name] as bigint | undefined) ?? 0n);
      const updated = checkpoint.updatedChannels?.names ?? [];
      expect(updated).toEqual([...updated].sort());
      for (const name of updated) expect(Object.keys(numbers(checkpoint.newVersions))).toContain(name);
    }
    expect(saved.map(({ updatedChannels }) => updatedChannels?.names)).toEqual([
      ["__start__"],
      ["branch:to:a", "x"],
      ["branch:to:b", "log"],
      ["log"],
    ]);
    const seen = (i: number, node: string) => numbers(saved[i]?.versionsSeen?.nodes[node]);
    expect(seen(2, "a")).toEqual({ "branch:to:a": numbers(saved[1]?.channelVersions)["branch:to:a"] });
    expect(seen(2, "b")).toEqual({});
    expect(seen(3, "b")).toEqual({ "branch:to:b": numbers(saved[2]?.channelVersions)["branch:to:b"] });
    expect(
      saved.every(({ createdAtMs }, i) => i === 0 || (createdAtMs ?? 0n) >= (saved[i - 1]?.createdAtMs ?? 0n)),
    ).toBe(true);
    expect(saved.every(({ seq }, i) => i === 0 || seq > (saved[i - 1]?.seq ?? 0n))).toBe(true);
  });

  it("say on which side of a node a breakpoint stopped", async () => {
    const graph = await bench.graph({
      channels: { log: "append" },
      nodes: { a: bench.node("note"), b: bench.node("note") },
      edges: ["START -> a", "a -> b"],
    });
    const [before, after] = [bench.thread(), bench.thread()];
    await before.run({}, { graph, interruptBefore: ["b"] });
    expect((await raw(before)).checkpoint).toMatchObject({ phase: Phase.BEFORE, sourceNode: "b", nextNodes: ["b"] });
    await after.run({}, { graph, interruptAfter: ["a"] });
    expect((await raw(after)).checkpoint).toMatchObject({ phase: Phase.AFTER, sourceNode: "a", nextNodes: ["b"] });
    await before.run();
    expect((await raw(before)).checkpoint).toMatchObject({ phase: Phase.COMPLETED, nextNodes: [] });
  });

  it("tell of forks and updates", async () => {
    const graph = await bench.graph({
      channels: { log: "append" },
      nodes: { a: bench.node("note"), b: bench.node("asks", { questions: ["b?"] }) },
      edges: ["START -> a", "a -> b"],
    });
    const thread = bench.thread();
    const first = await thread.run({}, { graph });
    await thread.resume("one");
    const rerun = await thread.run(undefined, { checkpointId: first.state.checkpointId, metadata: { fork: 1 } });
    const fork = (await raw(thread)).checkpoint;
    expect(fork).toMatchObject({
      parentId: first.state.checkpointId,
      source: "fork",
      step: BigInt(first.state.step + 1),
      phase: Phase.NODE_INTERRUPT,
      sourceNode: "b",
      runId: rerun.runId,
      nextNodes: ["b"],
      newVersions: { versions: {} },
    });
    expect(fork.currentNode).toBeUndefined();
    const { checkpoint: origin } = await raw(thread, first.state.checkpointId);
    expect([fork.channelVersions, fork.updatedChannels]).toEqual([origin.channelVersions, origin.updatedChannels]);
    expect(fork.channelValues).toEqual(origin.channelValues);
    const taskId = nativeId(fork.id, "", String(first.state.step + 2), "b", "pull", "branch:to:b");
    expect(fork.pendingTasks).toMatchObject([{ id: taskId, node: "b" }]);
    expect(fork.pendingInterrupts[0]?.id).toBe(nativeId(taskId, "", "interrupt", "0"));
    expect(JSON.parse(Buffer.from(fork.metadata ?? []).toString())).toEqual({ fork: 1 });
    const updated = await thread.updateState({ log: ["u"] }, { asNode: "a" });
    expect((await raw(thread)).checkpoint).toMatchObject({
      id: updated.checkpointId,
      source: "update",
      phase: Phase.UPDATED,
      parentId: fork.id,
      currentNode: "a",
      nextNodes: ["b"],
      pendingInterrupts: [],
      graphName: graph,
      origin: Origin.NATIVE,
    });
  });

  it("tell of a fan-out: each Send with its argument and its sender, beside a parallel branch", async () => {
    const graph = await bench.graph({
      channels: { items: "last_value", log: "append", all: "topic" },
      nodes: {
        fan: bench.node("fansOut", { to: ["work"] }),
        work: { ask: { question: "state.item", into: "all" } },
        side: bench.node("asks", { questions: ["side?"] }),
      },
      edges: ["START -> fan", "fan -> side"],
    });
    const thread = bench.thread();
    await thread.run({ items: ["p", "q"] }, { graph, interruptBefore: ["side"] });
    const { checkpoint, read } = await raw(thread);
    const sends = [0, 1].map((i) => nativeId(checkpoint.id, "", "2", "work", "push", String(i)));
    const side = nativeId(checkpoint.id, "", "2", "side", "pull", "branch:to:side");
    expect(checkpoint.nextNodes).toEqual(["work", "work", "side"]);
    expect(checkpoint.pendingTasks.map(({ id, triggers }) => [id, triggers])).toEqual([
      [sends[0], []],
      [sends[1], []],
      [side, ["branch:to:side"]],
    ]);
    expect(checkpoint.pendingTasks.map(({ stateOverride }) => read(stateOverride))).toEqual([
      { item: "p" },
      { item: "q" },
      undefined,
    ]);
    const told = (sent: typeof checkpoint) =>
      sent.pendingSends.map(({ node, value, sourceNode, timeout }) => [node, read(value), sourceNode, timeout]);
    expect(told(checkpoint)).toEqual([
      ["work", { item: "p" }, "fan", undefined],
      ["work", { item: "q" }, "fan", undefined],
    ]);
    await thread.run(undefined, { interruptBefore: ["nobody"] });
    await thread.resume(byId({ [nativeId(sends[0] ?? "", "", "interrupt", "0")]: "P" }));
    const partly = (await raw(thread)).checkpoint;
    expect(partly.pendingTasks.map(({ id }) => id)).toEqual([sends[1], side]);
    expect(partly.nextNodes).toEqual(["work", "side"]);
    expect(told(partly)).toEqual([["work", { item: "q" }, "fan", undefined]]);
    expect(partly.pendingInterrupts.map(({ id, node }) => [id, node])).toEqual([
      [nativeId(sends[1] ?? "", "", "interrupt", "0"), "work"],
      [nativeId(side, "", "interrupt", "0"), "side"],
    ]);
    const open = partly.pendingInterrupts.map(({ id }) => [id, "x"]);
    await thread.resume(byId(Object.fromEntries(open)));
    expect((await raw(thread)).checkpoint).toMatchObject({ pendingSends: [], pendingTasks: [], nextNodes: [] });
  });
});
