// What the code of a connected worker can do, in one run or several.
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import {
  Command,
  type NodeFunction,
  Overwrite,
  Send,
  type ThreadEvent,
  type Worker,
} from "../../clients/typescript/src/index.ts";
import { Bench, eventsOf, until } from "../runs/support/bench.ts";
import { storeKinds } from "../support/stores.ts";

describe.each(storeKinds)("a worker's code, on %s,", (kind) => {
  let bench: Bench;
  let worker: Worker | undefined;
  let serving: Promise<void> | undefined;

  beforeAll(async () => {
    bench = await Bench.start(kind);
  });
  afterAll(() => bench.end());
  afterEach(async () => {
    worker?.stop();
    await serving;
  });

  async function serve(nodes: Record<string, NodeFunction>, slots?: number): Promise<void> {
    worker = bench.client.worker({ nodes, slots });
    serving = worker.run();
    await worker.ready;
  }

  const one = (channels: Record<string, unknown>) =>
    bench.graph({ channels, nodes: { work: { worker: { params: { by: 2 } } } }, edges: ["START -> work"] });

  it("gets the state and the graph's parameters, and gives updates", async () => {
    await serve({ work: ({ n }, { params, attempt }) => ({ n: n * Number(params.by), log: [`attempt ${attempt}`] }) });
    const graph = await one({ n: "last_value", log: "append" });
    const thread = bench.thread();
    const { state } = await thread.run({ n: 21 }, { graph });
    expect(state.values).toEqual({ n: 42, log: ["attempt 1"] });
    const updates = (await eventsOf(thread)).filter(({ type }) => type === "task_finished");
    expect(updates).toHaveLength(2);
  });

  it("keeps apart what is alike: u64, −0, bytes, text with NUL and beyond the BMP, nothing", async () => {
    const seen: unknown[] = [];
    await serve({
      work: ({ n }) => {
        seen.push(n);
        return { out: n };
      },
    });
    const graph = await one({ n: "last_value", out: "last_value" });
    for (const n of [2n ** 64n - 1n, -0, 1.5, new Uint8Array([0, 255]), "a\0🦀", null, [], {}, [[["deep"]]]]) {
      const { state } = await bench.thread().run({ n }, { graph });
      expect(seen.at(-1)).toStrictEqual(n);
      expect(state.values.out).toStrictEqual(n);
    }
  });

  it("goes where it says: targets, Sends and their arguments, overwritten channels", async () => {
    await serve({
      first: () =>
        new Command({ update: { log: new Overwrite(["anew"]) }, goto: [new Send("each", 1), new Send("each", 2)] }),
      each: (argument) => ({ log: [`each ${argument}`] }),
    });
    const graph = await bench.graph({
      channels: { log: "append" },
      nodes: { first: { worker: {} }, each: { worker: {} } },
      edges: ["START -> first"],
    });
    const { state } = await bench.thread().run({ log: ["old"] }, { graph });
    expect(state.values.log).toEqual(["anew", "each 1", "each 2"]);
  });

  it("decides for a conditional edge", async () => {
    await serve({ which: ({ n }) => (n > 1 ? "big" : "small"), note: (_, { node }) => ({ log: [node] }) });
    const note = { worker: { handler: "note" } };
    const graph = await bench.graph({
      channels: { n: "last_value", log: "append" },
      nodes: { start: note, big: note, small: note },
      edges: ["START -> start"],
      branches: [{ from: "start", worker: { handler: "which" } }],
    });
    expect((await bench.thread().run({ n: 5 }, { graph })).state.values.log).toEqual(["start", "big"]);
    expect((await bench.thread().run({ n: 0 }, { graph })).state.values.log).toEqual(["start", "small"]);
  });

  it("stops for answers, and runs again from its beginning with them", async () => {
    const calls: number[] = [];
    await serve({
      work: (_, context) => {
        calls.push(1);
        const first = context.interrupt({ question: "first" });
        return { log: [first, context.interrupt("second")] };
      },
    });
    const graph = await one({ log: "append" });
    const thread = bench.thread();
    const asked = await thread.run({}, { graph });
    expect(asked).toMatchObject({ status: "interrupted", interrupts: [{ value: { question: "first" } }] });
    expect(await thread.resume("a")).toMatchObject({ status: "interrupted", interrupts: [{ value: "second" }] });
    expect(await thread.resume("b")).toMatchObject({ status: "done", state: { values: { log: ["a", "b"] } } });
    expect(calls).toHaveLength(3);
  });

  it("fails as its language says it, and is tried again as the policy says", async () => {
    let attempts = 0;
    await serve({
      work: () => {
        attempts++;
        if (attempts < 3) throw Object.assign(new Error("not yet"), { name: "Unready" });
        return { log: [attempts] };
      },
      breaks: () => {
        throw new TypeError("never");
      },
    });
    const retry = { maxAttempts: 3, initialInterval: "0.01s", noJitter: true, retryOn: ["Unready"] };
    const graph = await bench.graph({
      channels: { log: "append" },
      nodes: { work: { worker: {}, retry }, breaks: { worker: {}, retry } },
      edges: ["START -> work", "work -> breaks"],
    });
    const thread = bench.thread();
    const end = await thread.run({}, { graph });
    expect(end).toMatchObject({ status: "failed", error: { node: "breaks", kind: "TypeError" } });
    expect(end.state.values.log).toEqual([3]);
    const failed = (await eventsOf(thread)).find(({ type }) => type === "task_failed") as ThreadEvent;
    expect(failed.raw.body.value).toMatchObject({ error: { stack: expect.stringContaining("nodes.test.ts") } });
  });

  it("says where a value is that can't be told", async () => {
    await serve({ work: () => ({ log: [{ items: [1, new Set()] }] }) });
    const end = await bench.thread().run({}, { graph: await one({ log: "append" }) });
    expect(end).toMatchObject({ status: "failed", error: { kind: "ValueNotSerializable" } });
    expect(end.error?.message).toContain("log[0].items[1]");
  });

  it("tells listeners of tokens and events of its own", async () => {
    await serve({
      work: (_, context) => {
        context.token("m", "hel");
        context.token("m", "lo");
        context.emit({ done: true });
        return {};
      },
    });
    const thread = bench.thread();
    await bench.client.threads.create({ id: thread.id });
    const events = thread.events({ untilStop: true });
    const first = events.next();
    const run = thread.run({}, { graph: await one({ log: "append" }) });
    const told: ThreadEvent[] = [(await first).value as ThreadEvent];
    for await (const event of events) told.push(event);
    await run;
    const heard = told.filter(({ type }) => type === "message_token" || type === "custom");
    expect(heard.map(({ type }) => type)).toEqual(["message_token", "message_token", "custom"]);
  });

  it("takes and gives what no message could carry", async () => {
    await serve({ work: ({ text }) => ({ text: text.replaceAll("a", "b") }) });
    const text = "a".repeat(5 * 1024 * 1024);
    const { state } = await bench.thread().run({ text }, { graph: await one({ text: "last_value" }) });
    expect((state.values.text as string).length).toBe(text.length);
    expect(/^b+$/.test(state.values.text as string)).toBe(true);
  });

  it("is that of graphs within graphs, saved or not, and gives commands to the enclosing one", async () => {
    await serve({
      inner: (_, { namespace }) => ({ log: [namespace === "" ? "outer" : "inner"] }),
      leave: () => new Command({ update: { log: ["left"] }, goto: "end", graph: "parent" }),
    });
    const inner = (persistence: string) => ({
      subgraph: {
        persistence,
        inline: {
          name: "inner",
          channels: { log: "append" },
          nodes: { inner: { worker: {} }, leave: { worker: {} } },
          edges: ["START -> inner", "inner -> leave"],
        },
      },
    });
    for (const persistence of ["PER_CALL", "STATELESS"]) {
      const graph = await bench.graph({
        channels: { log: "append" },
        nodes: {
          sub: { ...inner(`SUBGRAPH_PERSISTENCE_${persistence}`), ends: ["end"] },
          end: { worker: { handler: "inner" } },
        },
        edges: ["START -> sub"],
      });
      const end = await bench.thread().run({}, { graph });
      expect(end).toMatchObject({ status: "done", state: { values: { log: ["left", "outer"] } } });
    }
  });

  it("runs no more tasks at a time than there are slots", async () => {
    let [atWork, most] = [0, 0];
    await serve(
      {
        each: async (n) => {
          most = Math.max(most, ++atWork);
          await until("others had time", () => true);
          await new Promise((done) => setTimeout(done, 20));
          atWork--;
          return { log: [n] };
        },
      },
      3,
    );
    const graph = await bench.graph({
      channels: { log: "append" },
      nodes: { each: { worker: {} } },
      edges: [],
      branches: [{ from: "START", cel: '[1,2,3,4,5,6,7,8].map(n, {"node": "each", "arg": n})' }],
    });
    const { state } = await bench.thread().run({}, { graph });
    expect(state.values.log).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(most).toBe(3);
  });
});
