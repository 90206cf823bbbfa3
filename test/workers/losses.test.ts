// Workers and servers that are killed, stopped and cut off: what was at work goes on, and nothing counts twice.
import type { ChildProcess } from "node:child_process";
import { afterEach, describe, expect, it } from "vitest";
import { proto, type Thread } from "../../clients/typescript/src/index.ts";
import { Bench, eventsOf, until } from "../runs/support/bench.ts";
import { storeKinds } from "../support/stores.ts";
import { endWorker, startWorker } from "./support/start-worker.ts";

describe.each(storeKinds)("tasks at workers, on %s,", (kind) => {
  let bench: Bench;
  const workers: ChildProcess[] = [];
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => endWorker(worker)));
    await bench.end();
  });

  async function worker(id: string): Promise<ChildProcess> {
    const child = await startWorker(bench, id);
    workers.push(child);
    return child;
  }

  const graphOf = (handler: string, more: Record<string, unknown> = {}) =>
    bench.graph({
      channels: { name: "last_value", log: "append" },
      nodes: { work: { worker: { handler }, ...more } },
      edges: ["START -> work"],
    });

  /** Begins a run in the background whose node waits at its gate. */
  async function begun(thread: Thread, graph: string): Promise<string> {
    const { runId } = await thread.run({ name: "it" }, { graph, background: true });
    await until("the node is at work", () => bench.traces("begins").length > 0);
    return runId;
  }

  const ended = async (thread: Thread, runId: string) => {
    const { run } = await bench.client.services.runs.getRun({ threadId: thread.id, runId, wait: true });
    expect(run?.status).toBe(proto.RunStatus.DONE);
    return (await thread.state()).values.log;
  };

  it("go to another worker when theirs is killed", async () => {
    bench = await Bench.start(kind, { taskLease: 2 });
    const first = await worker("first");
    const thread = bench.thread();
    const runId = await begun(thread, await graphOf("gated"));
    await worker("second");
    await endWorker(first);
    await until("the second has it", () => bench.traces("begins 2 by second").length > 0);
    bench.open("gate");
    expect(await ended(thread, runId)).toEqual(["it by second"]);
    expect(bench.traces("begins")).toHaveLength(2);
  });

  it("are not counted when their worker comes back too late", async () => {
    bench = await Bench.start(kind, { taskLease: 2 });
    const first = await worker("first");
    const thread = bench.thread();
    const runId = await begun(thread, await graphOf("gated"));
    await worker("second");
    first.kill("SIGSTOP");
    await until("the second has it", () => bench.traces("begins 2 by second").length > 0);
    bench.open("gate");
    expect(await ended(thread, runId)).toEqual(["it by second"]);
    first.kill("SIGCONT");
    await until("the first has ended it too", () => bench.traces("ends 1 by first").length > 0);
    await until("the first serves again", async () => {
      const { workers: known } = await bench.client.services.workers.listWorkers({});
      return known.some(({ workerId, connected, tasks }) => workerId === "first" && connected && tasks === 0);
    });
    expect((await thread.state()).values.log).toEqual(["it by second"]);
    expect((await eventsOf(thread)).filter(({ type }) => type === "task_finished")).toHaveLength(2);
  });

  it("stay with their worker while its server is killed and started again", async () => {
    bench = await Bench.start(kind, { taskLease: 10 });
    await worker("first");
    const thread = bench.thread();
    const runId = await begun(thread, await graphOf("gated"));
    await bench.kill();
    await bench.restart();
    await until("the worker is back", async () => {
      const { workers: known } = await bench.client.services.workers.listWorkers({});
      return known.some(({ connected }) => connected);
    });
    bench.open("gate");
    expect(await ended(thread, runId)).toEqual(["it by first"]);
    expect(bench.traces("begins")).toEqual(["begins 1 by first"]);
  });

  it("that end while their server is away are told to the next one", async () => {
    bench = await Bench.start(kind, { taskLease: 10 });
    await worker("first");
    const thread = bench.thread();
    const runId = await begun(thread, await graphOf("gated"));
    await bench.kill();
    bench.open("gate");
    await until("the node has ended", () => bench.traces("ends").length > 0);
    await bench.restart();
    expect(await ended(thread, runId)).toEqual(["it by first"]);
    expect(bench.traces("begins")).toEqual(["begins 1 by first"]);
  });

  it("count against the retry policy when they end their process", async () => {
    bench = await Bench.start(kind, { taskLease: 1 });
    const thread = bench.thread();
    const retry = { maxAttempts: 3, initialInterval: "0.01s", noJitter: true };
    const graph = await graphOf("poison", { retry });
    const { runId } = await thread.run({ name: "it" }, { graph, background: true });
    for (const id of ["first", "second", "third"]) await worker(id);
    expect(await ended(thread, runId)).toEqual(["survived 3"]);
  });

  it("wait, visibly, for a worker that serves them", async () => {
    bench = await Bench.start(kind);
    const thread = bench.thread();
    bench.open("gate");
    const { runId } = await thread.run({ name: "it" }, { graph: await graphOf("gated"), background: true });
    const isWaiting = async () => {
      const { run } = await bench.client.services.runs.getRun({ threadId: thread.id, runId });
      return run?.waitsFor.join() === "gated";
    };
    await until("the run says what it waits for", isWaiting);
    const { unserved } = await bench.client.services.workers.listWorkers({});
    expect(unserved).toEqual(["gated"]);
    const waiting = (await eventsOf(thread)).filter(({ raw }) => raw.body.case === "taskWaiting");
    expect(waiting.map(({ raw }) => raw.body.value)).toMatchObject([{ node: "work", handler: "gated" }]);
    await worker("first");
    expect(await ended(thread, runId)).toEqual(["it by first"]);
    expect(await isWaiting()).toBe(false);
  });

  it("fail when they have waited as long as the graph says", async () => {
    bench = await Bench.start(kind);
    const graph = await bench.graph({
      channels: { log: "append" },
      nodes: { work: { worker: { wait: "1.5s" } } },
      edges: ["START -> work"],
    });
    const end = await bench.thread().run({}, { graph });
    expect(end).toMatchObject({ status: "failed", error: { reason: "NO_WORKER", node: "work" } });
  });

  it("end with their run: their worker is told, and has room again", async () => {
    bench = await Bench.start(kind);
    const aborted = Promise.withResolvers<void>();
    const inner = bench.client.worker({
      slots: 1,
      nodes: {
        gated: async (_, { signal }) => {
          await new Promise((done) => signal.addEventListener("abort", done));
          aborted.resolve();
        },
        quick: () => ({ log: ["quick"] }),
      },
    });
    const serving = inner.run();
    await inner.ready;
    const thread = bench.thread();
    const { runId } = await thread.run({}, { graph: await graphOf("gated"), background: true });
    await until("it is at work", async () => {
      const { workers: known } = await bench.client.services.workers.listWorkers({});
      return known[0]?.tasks === 1;
    });
    await bench.client.services.runs.cancelRun({ threadId: thread.id, runId });
    await aborted.promise;
    const { state } = await bench.thread().run({}, { graph: await graphOf("quick") });
    expect(state.values.log).toEqual(["quick"]);
    inner.stop();
    await serving;
  });
});
