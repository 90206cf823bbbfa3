// One ordered log a thread: complete, numbered once, the same for every reader, wherever a reader begins again.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Thread, ThreadEvent } from "../../clients/typescript/src/index.ts";
import { storeKinds } from "../support/stores.ts";
import { Bench, eventsOf, refusal, until } from "./support/bench.ts";

/** What an event tells, in a line. */
function line(event: ThreadEvent): string {
  const node = "node" in event ? ` ${event.node}` : "";
  const status = event.type === "run_stopped" ? ` ${event.status}` : "";
  const step = event.type === "checkpoint_saved" ? ` ${event.step} ${event.source}` : "";
  return `${event.type}${node}${status}${step}`;
}

function expectIncreasing(events: ThreadEvent[]): void {
  for (const [i, { number }] of events.entries()) {
    if (i > 0) expect(number).toBeGreaterThan(events[i - 1]?.number ?? 0n);
  }
}

describe.each(storeKinds)("events on %s", (kind) => {
  let bench: Bench;
  let graph: string;
  beforeAll(async () => {
    bench = await Bench.start(kind);
    graph = await bench.graph({
      channels: { n: "add", log: "append" },
      nodes: { a: bench.node("note"), ask: bench.node("asks", { questions: ["?"] }), bad: bench.node("failing") },
      edges: ["START -> a", "a -> ask", "ask -> bad"],
    });
  });
  afterAll(() => bench.end());

  async function collect(thread: Thread, options: Parameters<Thread["events"]>[0]): Promise<ThreadEvent[]> {
    const events: ThreadEvent[] = [];
    for await (const event of thread.events(options)) if (event.ephemeral === undefined) events.push(event);
    return events;
  }

  it("tell everything once, in order, also to readers of a part and through any mode", async () => {
    const thread = bench.thread();
    await thread.run({ n: 1 }, { graph });
    await thread.resume("yes");
    await thread.updateState({ n: 5 }, { asNode: "bad" });
    const all = await eventsOf(thread);
    expect(all.map(line)).toEqual([
      "run_started",
      "checkpoint_saved -1 input",
      "task_finished __start__",
      "checkpoint_saved 0 loop",
      "task_finished a",
      "checkpoint_saved 1 loop",
      "interrupt_raised ask",
      "run_stopped interrupted",
      "run_started",
      "interrupt_answered",
      "task_finished ask",
      "checkpoint_saved 2 loop",
      "task_failed bad",
      "run_stopped failed",
      "checkpoint_saved 3 update",
    ]);
    expectIncreasing(all);
    expect(all.at(-1)?.number).toBe((await thread.info()).lastEventNumber);
    for (const { number } of all) {
      expect(await eventsOf(thread, number)).toEqual(all.filter((event) => event.number > number));
    }
    const modes = {
      values: ["checkpoint_saved"],
      updates: ["task_finished", "interrupt_raised"],
      tasks: ["task_finished", "task_failed", "interrupt_raised"],
      checkpoints: ["checkpoint_saved"],
      messages: [],
      custom: [],
      debug: [...new Set(all.map(({ type }) => type))],
    } as const;
    for (const [mode, types] of Object.entries(modes)) {
      const seen = await collect(thread, { after: 0, untilNow: true, modes: [mode as keyof typeof modes] });
      const wanted = new Set<string>([...types, "run_started", "run_stopped"]);
      expect(seen, mode).toEqual(all.filter(({ type }) => wanted.has(type)));
    }
    const [first] = all;
    const firstRun = await collect(thread, { after: 0, untilRunStops: first?.runId });
    expect(firstRun).toEqual(all.slice(0, 8));
    expect(await collect(thread, { after: 0, untilNow: true, namespace: "other" })).toEqual([]);
    const values = all.flatMap((event) => (event.type === "checkpoint_saved" ? [event.values.log] : []));
    expect(values.at(-1)).toEqual(["a", "ask:yes"]);
  });

  it("that have not happened yet are OUT_OF_RANGE, naming the last", async () => {
    const thread = bench.thread();
    await thread.step({}, { graph });
    const { lastEventNumber } = await thread.info();
    const ahead = await refusal(thread.events({ after: lastEventNumber + 1n }).next());
    expect([ahead.codeName, ahead.reason, ahead.metadata.last]).toEqual([
      "OUT_OF_RANGE",
      "EVENTS_AHEAD",
      String(lastEventNumber),
    ]);
    expect(await eventsOf(thread, lastEventNumber)).toEqual([]);
  });

  it("reach those who listen as they happen, with the starts of tasks, which are ephemeral", async () => {
    const thread = bench.thread();
    await thread.step({}, { graph });
    const heard: ThreadEvent[] = [];
    const listening = (async () => {
      for await (const event of thread.events({ untilStop: true, after: 0 })) heard.push(event);
      for await (const event of thread.events({ untilStop: true, after: heard.at(-1)?.number })) heard.push(event);
    })();
    await until("the first run is heard", () => heard.some(({ type }) => type === "run_stopped"));
    await thread.run();
    await listening;
    const durable = heard.filter(({ ephemeral }) => ephemeral === undefined);
    expect(durable).toEqual(await eventsOf(thread));
    const started = heard.filter(({ type }) => type === "task_started");
    for (const { number, ephemeral } of started) {
      expect(durable.some((event) => event.number === number)).toBe(true);
      expect(ephemeral?.subNumber).toBeGreaterThan(0n);
    }
  });

  it("are missed by no reader who was cut off, and seen twice by none", async () => {
    const loop = await bench.graph({
      channels: { n: "add" },
      nodes: { a: { expression: { update: { n: "1" } } } },
      edges: ["START -> a"],
      branches: [{ from: "a", cel: 'state.n < 40 ? "a" : "__end__"' }],
    });
    const thread = bench.thread();
    await thread.step({}, { graph: loop });
    const running = thread.run(undefined, { recursionLimit: 100 });
    const seen: ThreadEvent[] = [];
    // Each stream is cancelled after a few events; the next begins after the last one that was read.
    for (
      let size = 1;
      !seen.some(({ type, status }: ThreadEvent & { status?: string }) => type === "run_stopped" && status === "done");
      size++
    ) {
      const stop = new AbortController();
      let left = (size % 7) + 1;
      for await (const event of thread.events({ after: seen.at(-1)?.number ?? 0n, signal: stop.signal })) {
        if (event.ephemeral !== undefined) continue;
        seen.push(event);
        if (--left === 0 || (event.type === "run_stopped" && event.status === "done")) break;
      }
      stop.abort();
    }
    expect((await running).status).toBe("done");
    expectIncreasing(seen);
    expect(seen).toEqual(await eventsOf(thread));
    expect(seen.filter(({ type }) => type === "checkpoint_saved")).toHaveLength(42);
  });
});

describe.each(storeKinds)("a reader of events whose server is killed, on %s,", (kind) => {
  it("is given the rest by the next server, each event once", async () => {
    const bench = await Bench.start(kind);
    try {
      const graph = await bench.graph({
        channels: { log: "append" },
        nodes: { a: bench.node("note"), b: bench.node("gated"), c: bench.node("note") },
        edges: ["START -> a", "a -> b", "b -> c"],
      });
      const thread = bench.thread();
      await thread.ensure();
      void bench
        .caller()
        .thread(thread.id)
        .run({}, { graph })
        .catch(() => {});
      await until("the second node is at work", () => bench.traces("b begins").length === 1);
      const heard: ThreadEvent[] = [];
      const reading = (async () => {
        for await (const event of thread.events({ after: 0, untilStop: true })) {
          if (event.ephemeral === undefined) heard.push(event);
        }
      })();
      await until("the reader is up to date", () =>
        heard.some((event) => event.type === "checkpoint_saved" && event.step === 1),
      );
      await bench.kill();
      await bench.restart();
      bench.open("b");
      const done = await thread.run();
      await reading;
      expect(done.state.values.log).toEqual(["a", "b", "c"]);
      expectIncreasing(heard);
      expect(heard).toEqual(await eventsOf(thread));
      expect(heard.map(line).filter((told) => told.startsWith("task_finished"))).toEqual([
        "task_finished __start__",
        "task_finished a",
        "task_finished b",
        "task_finished c",
      ]);
    } finally {
      await bench.end();
    }
  });
});
