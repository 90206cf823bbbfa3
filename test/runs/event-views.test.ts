// What each view shows, and which subgraphs a reader may choose. Whatever is left out, numbers stay as they are.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EventOptions, StreamModeName } from "../../clients/typescript/src/index.ts";
import { storeKinds } from "../support/stores.ts";
import { Bench, eventsOf, until } from "./support/bench.ts";
import { hear } from "./support/hearing.ts";

const lifecycle = ["run_started", "run_stopped"];
const views: Record<Exclude<StreamModeName, "debug">, string[]> = {
  values: ["checkpoint_saved"],
  updates: ["task_finished", "interrupt_raised"],
  tasks: ["task_started", "task_finished", "task_failed", "interrupt_raised"],
  checkpoints: ["checkpoint_saved", "checkpoints_deleted"],
  messages: ["message_token"],
  custom: ["custom"],
};

describe.each(storeKinds)("views of the event log on %s", (kind) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(kind);
  });
  afterAll(() => bench.end());

  it("each show their part of what happens, with starts and stops of runs", async () => {
    const graph = await bench.graph({
      channels: { log: "append" },
      nodes: {
        say: bench.node("tells", { count: 2 }),
        ask: bench.node("asks", { questions: ["?"] }),
        bad: bench.node("failing"),
      },
      edges: ["START -> say", "say -> ask", "ask -> bad"],
    });
    const thread = bench.thread();
    await thread.step({}, { graph });
    const whole = hear(thread, { after: 0 });
    const asked: StreamModeName[][] = [
      ...Object.keys(views).map((mode) => [mode as StreamModeName]),
      ["messages", "checkpoints"],
      ["debug", "values"],
    ];
    const parts = asked.map((modes) => ({ modes, ...hear(thread, { after: 0, modes }) }));
    const all = [whole, ...parts];
    const stops = (count: number) => () =>
      all.every(({ events }) => events.filter(({ type }) => type === "run_stopped").length === count);
    await until("all listen", stops(1));
    await thread.run();
    await thread.resume("yes");
    await until("all have heard of the last stop", stops(3));
    await bench.client.checkpoints.deleteRuns({ runIds: [(await thread.info()).runId] });
    await until("the deletion is heard of", () => whole.events.at(-1)?.type === "checkpoints_deleted");
    await until("by all who asked", () => parts[3]?.events.at(-1)?.type === "checkpoints_deleted");
    await until("by those of two views, too", () => parts[6]?.events.at(-1)?.type === "checkpoints_deleted");
    await until("and of all views", () => parts[7]?.events.at(-1)?.type === "checkpoints_deleted");
    const types = new Set(whole.events.map(({ type }) => type));
    expect([...types]).toEqual(expect.arrayContaining([...lifecycle, ...Object.values(views).flat()]));
    expect(types).toContain("interrupt_answered");
    for (const { modes, events, stop } of parts) {
      stop();
      const shown = modes.includes("debug")
        ? types
        : new Set<string>([...lifecycle, ...modes.flatMap((mode) => (mode === "debug" ? [] : views[mode]))]);
      expect(events, modes.join()).toEqual(whole.events.filter(({ type }) => shown.has(type)));
    }
    whole.stop();
  });

  it("show subgraphs down to a depth, below the root graph or a namespace", async () => {
    const namespaces = ["", "a:1", "a:11", "a:1|b:2", "a:1|b:2|c:3", "b:2", "b:2|a:1"];
    const thread = bench.thread();
    for (const [i, namespace] of namespaces.entries()) {
      await bench.client.checkpoints.putCheckpoint({ checkpoint: { id: `c${i}`, threadId: thread.id, namespace } });
    }
    const all = await eventsOf(thread);
    expect(all.map(({ namespace }) => namespace)).toEqual(namespaces);
    const shown = async (options: EventOptions): Promise<string[]> => {
      const heard = hear(thread, { ...options, after: 0, untilNow: true });
      await heard.done;
      for (const event of heard.events) expect(all).toContainEqual(event);
      return heard.events.map(({ namespace }) => namespace);
    };
    expect(await shown({ depth: 0 })).toEqual([""]);
    expect(await shown({ depth: 1 })).toEqual(["", "a:1", "a:11", "b:2"]);
    expect(await shown({ depth: 2 })).toEqual(namespaces.filter((name) => name !== "a:1|b:2|c:3"));
    expect(await shown({ depth: 9 })).toEqual(namespaces);
    expect(await shown({ namespace: "" })).toEqual([""]);
    expect(await shown({ namespace: "", depth: 1 })).toEqual(["", "a:1", "a:11", "b:2"]);
    expect(await shown({ namespace: "a:1" })).toEqual(["a:1"]);
    expect(await shown({ namespace: "a:1", depth: 0 })).toEqual(["a:1"]);
    expect(await shown({ namespace: "a:1", depth: 1 })).toEqual(["a:1", "a:1|b:2"]);
    expect(await shown({ namespace: "a:1", depth: 2 ** 32 - 1 })).toEqual(["a:1", "a:1|b:2", "a:1|b:2|c:3"]);
    expect(await shown({ namespace: "c:3", depth: 5 })).toEqual([]);
  });

  it("end with the stop that was asked for, also where it is filtered out", async () => {
    const graph = await bench.graph({
      channels: { log: "append" },
      nodes: { a: bench.node("note") },
      edges: ["START -> a"],
    });
    const thread = bench.thread();
    const { runId } = await thread.run({}, { graph });
    const heard = hear(thread, { after: 0, untilRunStops: runId, namespace: "none:1" });
    await heard.done;
    expect(heard.events.map(({ type, namespace }) => [type, namespace])).toEqual([["run_stopped", ""]]);
  });
});
