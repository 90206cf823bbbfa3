// Servers that share a MongoDB share their workers: a task goes to a worker of whichever server has one.
import type { ChildProcess } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type CairnClient, Command, proto, Send, type Worker } from "../../clients/typescript/src/index.ts";
import { Bench, until } from "../runs/support/bench.ts";
import { type CairnProcess, startCairn } from "../support/cairn-process.ts";
import { endWorker, startWorker } from "./support/start-worker.ts";

describe("workers of another server", () => {
  let bench: Bench;
  let other: CairnClient;
  const ends: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    bench = await Bench.start("mongodb", { taskLease: 20 });
    other = await bench.another();
  });
  afterAll(async () => {
    for (const end of ends.splice(0).reverse()) await end();
    await bench.end();
  });

  /** Serves nodes at the other server until the function that is returned is called. */
  async function serve(nodes: Parameters<CairnClient["worker"]>[0]["nodes"], slots = 4): Promise<() => Promise<void>> {
    const worker: Worker = other.worker({ slots, nodes });
    const serving = worker.run();
    await worker.ready;
    return async () => {
      worker.stop();
      await serving;
    };
  }

  it("run nodes, fail and are tried again, decide, ask and stream", async () => {
    const graph = await bench.graph({
      channels: { log: "append", answer: "last_value" },
      nodes: {
        plan: { worker: {} },
        work: { worker: {}, retry: { maxAttempts: 3, initialInterval: "0.01s", retryOn: ["Unready"] } },
        ask: { worker: {} },
      },
      edges: ["START -> plan", "work -> ask"],
    });
    const seen: string[] = [];
    const stop = await serve({
      plan: () => new Command({ goto: [1, 2, 3].map((n) => new Send("work", n)) }),
      work: (n, { attempt, emit }) => {
        seen.push(`${n} ${attempt}`);
        if (String(n) === "2" && attempt === 1) throw Object.assign(new Error("not yet"), { name: "Unready" });
        emit({ at: n });
        return { log: [n] };
      },
      ask: (_, context) => ({ answer: context.interrupt({ is: "it well?" }) }),
    });
    const thread = bench.thread();
    const asked = await thread.run({}, { graph });
    expect(asked.status).toBe("interrupted");
    expect(asked.interrupts[0]?.value).toEqual({ is: "it well?" });
    const { status, state } = await thread.resume("yes");
    expect({ status, values: state.values }).toEqual({ status: "done", values: { log: [1, 2, 3], answer: "yes" } });
    expect(seen.sort()).toEqual(["1 1", "2 1", "2 2", "3 1"]);
    await stop();
  });

  it("take and give payloads of many pieces, and what they tell on the way", async () => {
    const graph = await bench.graph({
      channels: { text: "last_value" },
      nodes: { double: { worker: {} } },
      edges: ["START -> double"],
    });
    const stop = await serve({
      double: (state, { emit }) => {
        for (let n = 0; n < 50; n++) emit(n);
        return { text: `${state.text}${state.text}` };
      },
    });
    const thread = bench.thread();
    const told: unknown[] = [];
    const text = "x".repeat(3_000_000);
    await bench.client.threads.create({ id: thread.id });
    const events = thread.events({ untilStop: true });
    const first = events.next();
    const run = thread.run({ text }, { graph });
    await first;
    for await (const event of events) if (event.type === "custom") told.push(event.value);
    await run;
    expect(told).toEqual(Array.from({ length: 50 }, (_, n) => n));
    expect((await thread.state()).values.text).toBe(text + text);
    await stop();
  });

  it("have a task wait while they are busy, without its run giving up", async () => {
    const graph = await bench.graph({
      channels: { log: "append" },
      nodes: { slow: { worker: { wait: "1.5s" } } },
      edges: ["START -> slow"],
    });
    let open = (): void => {};
    const gate = new Promise<void>((done) => (open = done));
    const stop = await serve({ slow: async () => gate.then(() => ({ log: ["done"] })) }, 1);
    const runs = Promise.all([1, 2, 3].map(() => bench.thread().run({}, { graph })));
    await new Promise((done) => setTimeout(done, 2_500));
    open();
    expect((await runs).map(({ status }) => status)).toEqual(["done", "done", "done"]);
    await stop();
    const { workers } = await bench.client.services.workers.listWorkers({});
    expect(workers).toEqual([]);
  });

  it("are told when a run is cancelled", async () => {
    const graph = await bench.graph({ channels: {}, nodes: { hang: { worker: {} } }, edges: ["START -> hang"] });
    let isAborted = false;
    let isBegun = false;
    const stop = await serve({
      hang: async (_, { signal }) => {
        isBegun = true;
        await new Promise((done) => signal.addEventListener("abort", done));
        isAborted = true;
      },
    });
    const thread = bench.thread();
    const { runId } = await thread.run({}, { graph, background: true });
    await until("the node is at work", () => isBegun);
    await bench.client.services.runs.cancelRun({ threadId: thread.id, runId });
    await until("the node has heard", () => isAborted);
    await stop();
  });

  it("keep their task when their server is killed, and when the run's is: it runs once", {
    timeout: 120_000,
  }, async () => {
    const graph = await bench.graph({
      channels: { name: "last_value", log: "append" },
      nodes: { work: { worker: { handler: "gated" } } },
      edges: ["START -> work"],
    });
    const lease = ["--task-lease", "20"];
    const startLender = async (listen: string): Promise<CairnProcess> => {
      const started = await startCairn([...bench.store.args, "--listen", listen, ...lease]);
      ends.push(() => started.stop("SIGKILL"));
      return started;
    };
    const lender = await startLender("127.0.0.1:0");
    const worker: ChildProcess = await startWorker(bench, "lent", lender.address);
    ends.push(() => endWorker(worker));
    const thread = bench.thread();
    const { runId } = await thread.run({ name: "it" }, { graph, background: true });
    await until("the node is at work", () => bench.traces("begins").length > 0);
    await lender.stop("SIGKILL");
    await startLender(lender.address);
    await bench.kill();
    await bench.restart();
    bench.open("gate");
    const { run } = await bench.client.services.runs.getRun({ threadId: thread.id, runId, wait: true });
    expect(run?.status).toBe(proto.RunStatus.DONE);
    expect((await thread.state()).values.log).toEqual(["it by lent"]);
    expect(bench.traces("begins")).toEqual(["begins 1 by lent"]);
  });
});
