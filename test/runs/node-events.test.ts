// What nodes tell while they run: pieces of messages and values of their own, in order between the durable events.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CairnClient, type Thread, type ThreadEvent } from "../../clients/typescript/src/index.ts";
import { limits } from "../../src/limits.ts";
import { startServer } from "../../src/server/start.ts";
import { systemEnvironment } from "../../src/system/environment.ts";
import { freePort } from "../support/ports.ts";
import { storeKinds } from "../support/stores.ts";
import { Bench, eventsOf, nodesFile, until } from "./support/bench.ts";
import { expectOrdered, hear } from "./support/hearing.ts";

const soon: typeof systemEnvironment.clock.after = (ms, act) => systemEnvironment.clock.after(ms / 100, act);
const texts = (events: ThreadEvent[]) => events.flatMap((event) => (event.type === "message_token" ? event.text : []));
const values = (events: ThreadEvent[]) => events.flatMap((event) => (event.type === "custom" ? [event.value] : []));

describe.each(storeKinds)("what nodes tell, on %s,", (kind) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(kind);
  });
  afterAll(() => bench.end());

  it("reaches every reader of this server in order, between the events around it, and none of it is lost", async () => {
    const graph = await bench.graph({
      channels: { log: "append" },
      nodes: { first: bench.node("note"), say: bench.node("tells", { count: 40, gate: "half" }) },
      edges: ["START -> first", "first -> say"],
    });
    const thread = bench.thread();
    await thread.ensure();
    const heard = hear(thread, { after: 0, untilStop: true });
    const messages = hear(thread, { after: 0, untilStop: true, modes: ["messages"] });
    const custom = hear(thread, { after: 0, untilStop: true, modes: ["custom"] });
    const state = hear(thread, { after: 0, untilStop: true, modes: ["values"] });
    const running = thread.run({}, { graph });
    await until(
      "the node has told half of it",
      () => heard.events.filter(({ type }) => type === "custom").length === 20,
    );
    const late = hear(thread, { after: 0, untilStop: true });
    await until("the late reader is up to date", () => late.events.some(({ type }) => type === "checkpoint_saved"));
    bench.open("half");
    await running;
    await Promise.all([heard, messages, custom, state, late].map(({ done }) => done));

    const all = Array.from({ length: 40 }, (_, i) => i);
    expect(texts(heard.events)).toEqual(all.map((i) => `${i} `));
    expect(values(heard.events)).toEqual(all.map((i) => ({ i })));
    expectOrdered(heard.events);
    const told = heard.events.flatMap(({ ephemeral }) => ephemeral?.subNumber ?? []);
    expect(told).toEqual(told.map((_, i) => BigInt(i + 1)));
    const at = (type: string) =>
      heard.events.findIndex((event) => event.type === type && "node" in event && event.node === "say");
    expect(at("task_started")).toBeLessThan(at("message_token"));
    const last = heard.events.findLastIndex(({ type }) => type === "custom");
    expect(last).toBeLessThan(at("task_finished"));
    expect(heard.events[last]).toMatchObject({ node: "say", taskId: expect.stringMatching(/./), namespace: "" });
    expect(heard.events.filter(({ ephemeral }) => !ephemeral)).toEqual(await eventsOf(thread));

    const types = (events: ThreadEvent[]) => new Set(events.map(({ type }) => type));
    expect(types(messages.events)).toEqual(new Set(["run_started", "message_token", "run_stopped"]));
    expect(texts(messages.events)).toEqual(texts(heard.events));
    expect(types(custom.events)).toEqual(new Set(["run_started", "custom", "run_stopped"]));
    expect(values(custom.events)).toEqual(values(heard.events));
    expect(types(state.events)).toEqual(new Set(["run_started", "checkpoint_saved", "run_stopped"]));
    expect(values(late.events)).toEqual(values(heard.events).slice(-values(late.events).length));
    expect(values(late.events).length).toBeGreaterThanOrEqual(20);
    expectOrdered(late.events);
    // Numbers are the same through every view.
    for (const { events } of [messages, custom, state, late]) {
      for (const event of events) expect(heard.events).toContainEqual(event);
    }
  });
});

describe("a node that tells", () => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start("embedded");
  });
  afterAll(() => bench.end());

  async function single(fn: string, params: Record<string, unknown> = {}): Promise<{ thread: Thread; graph: string }> {
    const nodes = { node: bench.node(fn, params) };
    const graph = await bench.graph({ channels: { log: "append" }, nodes, edges: ["START -> node"] });
    const thread = bench.thread();
    await thread.ensure();
    return { thread, graph };
  }

  it("over several renewals of its run's lease is heard to the end", async () => {
    const folder = await mkdtemp(join(tmpdir(), "cairn-told-"));
    // A clock whose timers come a hundred times as soon: the lease is renewed twenty times a second.
    const clock = { ...systemEnvironment.clock, after: soon };
    const listen = `127.0.0.1:${await freePort()}`;
    const options = { store: { folder }, listen, nodesFile, logLevel: "error" };
    const server = await startServer(options, { ...systemEnvironment, clock });
    const client = CairnClient.connect({ address: server.address });
    try {
      const nodes = { say: bench.node("tells", { count: 6, gate: "renewed" }) };
      const parts = { name: "g", channels: { log: "append" }, nodes, edges: ["START -> say"] };
      await client.graphs.register(JSON.stringify(parts));
      const thread = client.thread("t");
      await thread.ensure();
      const heard = hear(thread, { after: 0, untilStop: true });
      const running = thread.run({}, { graph: "g" });
      await until("the first half is heard", () => values(heard.events).length === 3);
      const { updatedAt } = await thread.info();
      await until(
        "the lease has been renewed",
        async () => (await thread.info()).updatedAt?.getTime() !== updatedAt?.getTime(),
      );
      bench.open("renewed");
      await running;
      await heard.done;
      expect(texts(heard.events)).toEqual(["0 ", "1 ", "2 ", "3 ", "4 ", "5 "]);
      expectOrdered(heard.events);
    } finally {
      client.close();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("too much at once fails, and is told the limit", async () => {
    const max = limits.ephemeralEventBytesMax;
    for (const bytes of [max + 1, 20 * max]) {
      const { thread, graph } = await single("tellsLarge", { bytes });
      const failed = await thread.run({}, { graph });
      expect(failed).toMatchObject({ status: "failed", error: { reason: "NODE_FAILED", node: "node" } });
      expect(failed.error?.message).toContain(`the limit is ${max}`);
    }
    const { thread, graph } = await single("tellsLarge", { bytes: max - 10 });
    const heard = hear(thread, { after: 0, untilStop: true });
    expect((await thread.run({}, { graph })).status).toBe("done");
    await heard.done;
    expect(values(heard.events)).toEqual(["x".repeat(max - 10)]);
  });

  it("half of a character fails, in place of telling another one", async () => {
    const { thread, graph } = await single("tellsHalf");
    const failed = await thread.run({}, { graph });
    expect(failed.error?.message).toMatch(/must not end within a character/);
  });

  it("after it has returned is not heard, and harms nobody", async () => {
    const { thread, graph } = await single("tellsLate");
    const heard = hear(thread, { after: 0 });
    await thread.run({}, { graph });
    await until("it has told", () => bench.traces("node told late").length === 1);
    await thread.run({}, { graph });
    await until("both runs are heard", () => heard.events.filter(({ type }) => type === "run_stopped").length === 2);
    heard.stop();
    expect(values(heard.events)).toEqual([]);
  });

  it("as a conditional edge fails, as there is no task", async () => {
    const graph = await bench.graph({
      channels: { log: "append" },
      nodes: { a: bench.node("note") },
      edges: ["START -> a"],
      branches: [{ from: "a", module: { function: "edgeTells" }, targets: ["a"] }],
    });
    const failed = await bench.thread().run({}, { graph });
    expect(failed.error?.message).toContain("a conditional edge can't tell anything");
  });

  it("in a loop that never yields waits for the server, which answers others meanwhile", async () => {
    const count = 20_000;
    const { thread, graph } = await single("floods", { count });
    const heard = hear(thread, { after: 0, untilStop: true, modes: ["messages"] });
    const running = thread.run({}, { graph });
    let answered = 0;
    while (bench.traces("node flooded").length === 0) {
      await thread.state({ deadlineMs: 20_000 }).catch(() => {});
      answered++;
    }
    expect((await running).status).toBe("done");
    await heard.done;
    expect(answered).toBeGreaterThan(0);
    expectOrdered(heard.events, { isFiltered: true });
    // For who does not keep up, pieces are joined: none is lost.
    const numbers = texts(heard.events).join("").split(" ");
    expect(numbers).toEqual([...Array.from({ length: count }, (_, i) => String(i)), ""]);
  });
});
