// One log, many readers: the classes of bug that streams which can be resumed are known for (etcd keeps a list of those
// of its watch). Lost, given twice, out of order, readers ahead of the writer, a restart in the middle, another server.
// The edge of what is kept is in event-retention.test.ts, slow readers are in event-backlog.test.ts.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Thread, ThreadEvent } from "../../clients/typescript/src/index.ts";
import { randomFrom, seed } from "../support/size-and-seed.ts";
import { storeKinds } from "../support/stores.ts";
import { Bench, eventsOf, until } from "./support/bench.ts";
import { durable, expectOrdered, hear } from "./support/hearing.ts";

const isOver = (events: ThreadEvent[]) => events.at(-1)?.type === "run_stopped";

/** A graph that goes round so often, and tells something each time. */
function rounds(bench: Bench, n: number): Promise<string> {
  return bench.graph({
    channels: { n: "add", log: "append" },
    nodes: { count: { expression: { update: { n: "1" } } }, say: bench.node("tells", { count: 2 }) },
    edges: ["START -> count", "count -> say"],
    branches: [{ from: "say", cel: `state.n < ${n} ? "count" : "__end__"` }],
  });
}

/** A graph that stops in its middle until a gate is opened. */
function halves(bench: Bench): Promise<string> {
  const node = (fn: string, params = {}) => bench.node(fn, params);
  return bench.graph({
    channels: { log: "append" },
    nodes: { a: node("tells", { count: 5 }), wait: node("gated", { gate: "middle" }), b: node("tells", { count: 5 }) },
    edges: ["START -> a", "a -> wait", "wait -> b"],
  });
}

/** Reads until a run stops, over many streams: each is left after a few events, and the next goes on from its number. */
async function comesAndGoes(threads: Thread[], random: () => number): Promise<ThreadEvent[]> {
  const seen: ThreadEvent[] = [];
  while (!isOver(seen)) {
    const thread = threads[Math.trunc(random() * threads.length)] as Thread;
    const stream: ThreadEvent[] = [];
    let left = 1 + Math.trunc(random() * 20);
    for await (const event of thread.events({ after: seen.at(-1)?.number ?? 0n })) {
      stream.push(event);
      if (event.ephemeral === undefined) seen.push(event);
      if (--left <= 0 || isOver(seen)) break;
    }
    expectOrdered(stream, { isFiltered: true });
  }
  return seen;
}

describe.each(storeKinds)("the event log on %s", (kind) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(kind);
  });
  afterAll(() => bench.end());

  it("is the same for readers who join before, during and after a run, at any number", async () => {
    const graph = await halves(bench);
    const thread = bench.thread();
    await thread.ensure();
    const before = hear(thread, { after: 0, untilStop: true });
    const running = thread.run({}, { graph });
    await until("the run is in its middle", () => bench.traces("wait begins").length === 1);
    const first = await eventsOf(thread);
    const during = first.map(({ number }) => [number, hear(thread, { after: number, untilStop: true })] as const);
    bench.open("middle");
    await running;
    const all = await eventsOf(thread);
    for (const [after, { events, done }] of [[0n, before] as const, ...during]) {
      await done;
      expectOrdered(events, { isFiltered: after > 0n });
      expect(durable(events)).toEqual(all.filter(({ number }) => number > after));
    }
    for (const { number: after } of all) {
      const late = hear(thread, { after, untilNow: true });
      await late.done;
      expect(late.events).toEqual(all.filter(({ number }) => number > after));
    }
  });

  it("gives who begins now all that comes, and nothing that was", async () => {
    const graph = await rounds(bench, 1);
    const thread = bench.thread();
    await thread.run({}, { graph });
    const before = (await thread.info()).lastEventNumber;
    const heard = hear(thread, {});
    // It has begun once it hears something; what it missed until then is not part of "now".
    await until("it hears of a change", async () => {
      await thread.updateState({ log: ["x"] }, { asNode: "say" });
      return heard.events.length > 0;
    });
    for (let i = 0; i < 20; i++) await thread.updateState({ log: ["y"] }, { asNode: "say" });
    const all = await eventsOf(thread);
    await until("it has heard of the last one", () => heard.events.at(-1)?.number === all.at(-1)?.number);
    heard.stop();
    const from = heard.events[0]?.number ?? 0n;
    expect(from).toBeGreaterThan(before);
    expect(heard.events).toEqual(all.filter(({ number }) => number >= from));
  });

  it(`loses nothing, repeats nothing and keeps its order for readers who come and go, seed ${seed}`, async () => {
    const graph = await rounds(bench, 25);
    const thread = bench.thread();
    await thread.ensure();
    const followed = hear(thread, { after: 0, untilStop: true });
    const reading = Array.from({ length: 6 }, (_, i) => comesAndGoes([thread], randomFrom(seed + i)));
    const done = await thread.run({}, { graph, recursionLimit: 100 });
    const all = await eventsOf(thread);
    expect(done.status).toBe("done");
    expect(all.filter(({ type }) => type === "checkpoint_saved")).toHaveLength(52);
    for (const seen of await Promise.all(reading)) expect(seen).toEqual(all);
    await followed.done;
    expect(durable(followed.events)).toEqual(all);
    expectOrdered(followed.events);
  });

  it("gives readers who wait for its writer each step once, when it is there", async () => {
    const graph = await rounds(bench, 5);
    const thread = bench.thread();
    await thread.ensure();
    const waiting = Array.from({ length: 12 }, () => hear(thread, { after: 0 }));
    let outcome = await thread.step({}, { graph });
    for (;;) {
      const all = await eventsOf(thread);
      const last = all.at(-1)?.number;
      await until("all have the step", () => waiting.every(({ events }) => durable(events).at(-1)?.number === last));
      for (const { events } of waiting) expect(durable(events)).toEqual(all);
      if (outcome.status === "done") break;
      outcome = await thread.step();
    }
    for (const { events, stop } of waiting) {
      expectOrdered(events);
      stop();
    }
  });

  it("keeps its numbers through filters: a reader may change them and go on from the same number", async () => {
    const graph = await rounds(bench, 4);
    const thread = bench.thread();
    await thread.run({}, { graph, recursionLimit: 100 });
    const all = await eventsOf(thread);
    const modes = ["values", "updates", "tasks", "checkpoints", "debug"] as const;
    for (const [i, mode] of modes.entries()) {
      const some = hear(thread, { after: 0, untilNow: true, modes: [mode] });
      await some.done;
      const middle = some.events[Math.trunc(some.events.length / 2)]?.number ?? 0n;
      const other = hear(thread, { after: middle, untilNow: true, modes: [modes[(i + 1) % modes.length] ?? "debug"] });
      const whole = hear(thread, { after: 0, untilNow: true, modes: [modes[(i + 1) % modes.length] ?? "debug"] });
      await Promise.all([other.done, whole.done]);
      for (const event of [...some.events, ...other.events]) expect(all).toContainEqual(event);
      expect(other.events).toEqual(whole.events.filter(({ number }) => number > middle));
    }
  });
});

describe.each(storeKinds)("the event log of a server that is killed in the middle of a run, on %s,", (kind) => {
  let bench: Bench;
  afterEach(() => bench.end());

  it("goes on at the next server, for those who follow it and those who come and go", async () => {
    bench = await Bench.start(kind);
    const graph = await halves(bench);
    const thread = bench.thread();
    await thread.ensure();
    const followed = Array.from({ length: 3 }, () => hear(thread, { after: 0, untilStop: true }));
    const visits = Array.from({ length: 3 }, (_, i) => comesAndGoes([thread], randomFrom(seed + i)));
    void bench
      .caller()
      .thread(thread.id)
      .run({}, { graph })
      .catch(() => {});
    await until("the run is in its middle", () => bench.traces("wait begins").length === 1);
    const before = await eventsOf(thread);
    await bench.kill();
    await bench.restart();
    expect(await eventsOf(thread)).toEqual(before);
    bench.open("middle");
    expect((await thread.run()).status).toBe("done");
    const all = await eventsOf(thread);
    expect(all.slice(0, before.length)).toEqual(before);
    expect(all.filter(({ type }) => type === "run_started")).toHaveLength(2);
    for (const { events, done } of followed) {
      await done;
      expectOrdered(events);
      expect(durable(events)).toEqual(all);
      // The first half is not told again: its results were saved.
      const told = events.flatMap((event) => (event.type === "message_token" ? [`${event.node} ${event.text}`] : []));
      expect(told.filter((text) => text.startsWith("a")).length).toBeLessThanOrEqual(5);
      expect(new Set(told).size).toBe(told.length);
    }
    for (const seen of await Promise.all(visits)) expect(seen).toEqual(all);
  });
});

describe("the event log of two servers on one MongoDB", () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start("mongodb");
  });
  afterAll(() => bench.end());

  it("is the same at both, and a reader may go from one to the other at any number", async () => {
    const other = await bench.another();
    const graph = await rounds(bench, 15);
    const here = bench.thread();
    await here.ensure();
    const there = other.thread(here.id);
    const followed = hear(there, { after: 0, untilStop: true });
    const visits = Array.from({ length: 4 }, (_, i) => comesAndGoes([here, there], randomFrom(seed + i)));
    expect((await here.run({}, { graph, recursionLimit: 100 })).status).toBe("done");
    const all = await eventsOf(here);
    expect(await eventsOf(there)).toEqual(all);
    await followed.done;
    // What is not kept is told on the server that runs the thread, and nowhere else.
    expect(followed.events).toEqual(all);
    for (const seen of await Promise.all(visits)) expect(seen).toEqual(all);
  });

  it("has no gap for a reader of both servers' writes, in turns", async () => {
    const other = await bench.another();
    const graph = await rounds(bench, 8);
    const here = bench.thread();
    await here.ensure();
    const there = other.thread(here.id);
    const heard = [hear(here, { after: 0 }), hear(there, { after: 0 })];
    let outcome = await here.step({}, { graph });
    for (let i = 0; outcome.status !== "done"; i++) outcome = await (i % 2 === 0 ? there : here).step();
    const all = await eventsOf(here);
    const last = all.at(-1)?.number;
    await until("both have the last", () => heard.every(({ events }) => durable(events).at(-1)?.number === last));
    for (const { events, stop } of heard) {
      expectOrdered(events);
      expect(durable(events)).toEqual(all);
      stop();
    }
  });
});
