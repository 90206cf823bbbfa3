// A request_id makes a call happen once: retried at the same time, later, with another body.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { storeKinds } from "../support/stores.ts";
import { Bench, refusal, until } from "./support/bench.ts";

describe.each(storeKinds)("request ids of runs on %s", (kind) => {
  let bench: Bench;
  let graph: string;
  beforeAll(async () => {
    bench = await Bench.start(kind);
    graph = await bench.graph({
      channels: { n: "add", log: "append" },
      nodes: { wait: bench.node("gated"), ask: bench.node("asks", { questions: ["ok?"] }) },
      edges: ["START -> wait", "wait -> ask"],
    });
  });
  afterAll(() => bench.end());

  it("one run for calls at the same time, and the first answer for later ones, whatever has happened since", async () => {
    const thread = bench.thread();
    const run = () => thread.run({ n: 1 }, { graph, requestId: "first" });
    const both = [run(), run()];
    await until("the node is at work", () => bench.traces("wait begins").length === 1);
    const joined = run();
    const other = await refusal(thread.run({ n: 2 }, { graph, requestId: "first" }));
    expect([other.codeName, other.reason, other.metadata.request_id]).toEqual([
      "INVALID_ARGUMENT",
      "REQUEST_ID_REUSED",
      "first",
    ]);
    bench.open("wait");
    const [answer, second] = await Promise.all(both);
    expect(answer?.status).toBe("interrupted");
    expect([second, await joined]).toEqual([answer, answer]);
    expect(bench.traces("wait begins")).toHaveLength(1);
    const resume = () => thread.resume("yes", { requestId: "second" });
    const resumed = await Promise.all([resume(), resume()]);
    expect(resumed[1]).toEqual(resumed[0]);
    expect(resumed[0]).toMatchObject({ status: "done", state: { values: { n: 1, log: ["wait", "ask:yes"] } } });
    await thread.run({ n: 10 });
    // Nothing of what came after shows in the first answers.
    expect(await run()).toEqual(answer);
    expect(await resume()).toEqual(resumed[0]);
    expect((await thread.state()).values.n).toBe(11);
    expect(bench.traces("ask")).toHaveLength(3);
  });

  it("hold for steps, failures and updates as well", async () => {
    const failing = await bench.graph({
      channels: { n: "add" },
      nodes: { bad: bench.node("failing") },
      edges: ["START -> bad"],
    });
    const thread = bench.thread();
    const step = () => thread.step({ n: 1 }, { graph: failing, requestId: "step" });
    const stepped = await step();
    expect(await step()).toEqual(stepped);
    const go = () => thread.run(undefined, { requestId: "go" });
    const failed = await go();
    expect(failed).toMatchObject({ status: "failed", error: { node: "bad" } });
    expect(await go()).toEqual(failed);
    expect(bench.traces("bad")).toHaveLength(1);
    const update = (n: number) => thread.updateState({ n }, { asNode: "bad", requestId: "update" });
    const [updated, again] = await Promise.all([update(5), update(5)]);
    expect(again).toEqual(updated);
    expect(await update(5)).toEqual(updated);
    expect((await refusal(update(6))).reason).toBe("REQUEST_ID_REUSED");
    const method = await refusal(thread.run(undefined, { requestId: "update" }));
    expect([method.codeName, method.reason]).toEqual(["INVALID_ARGUMENT", "REQUEST_ID_REUSED"]);
    expect((await thread.state()).values.n).toBe(6);
    expect((await thread.state()).checkpointId).toBe(updated?.checkpointId);
    await thread.run();
    expect(await update(5)).toEqual(updated);
  });

  it("are each thread's own, and forget calls that were refused", async () => {
    const [one, two] = [bench.thread(), bench.thread()];
    const options = { graph, requestId: "shared", interruptBefore: ["wait"] };
    await one.run({ n: 1 }, options);
    expect((await two.run({ n: 2 }, options)).state.values.n).toBe(2);
    const three = bench.thread();
    const refused = await refusal(three.run({ n: 1 }, { ...options, graph: "no such graph" }));
    expect(refused.reason).toBe("GRAPH_NOT_FOUND");
    expect((await three.run({ n: 3 }, options)).state.values.n).toBe(3);
  });

  it("give the first answer where the call would be refused by now", async () => {
    const thread = bench.thread();
    const gate = "refused";
    const gated = await bench.graph({
      channels: { n: "add" },
      nodes: { hold: bench.node("gated", { gate }) },
      edges: ["START -> hold"],
    });
    const start = await thread.updateState({ n: 1 }, { graph: gated, asNode: "hold" });
    const expectedHead = start.checkpointId;
    const update = () => thread.updateState({ n: 2 }, { expectedHead, asNode: "hold", requestId: "u" });
    const put = () =>
      bench.client.checkpoints.putCheckpoint({
        checkpoint: { id: "put", namespace: "side", threadId: thread.id },
        requestId: "p",
      });
    const first = [await update(), await put()];
    expect((await refusal(thread.updateState({ n: 2 }, { expectedHead }))).reason).toBe("HEAD_MISMATCH");
    const running = thread.run({ n: 1 }, { graph: gated });
    await until("a run holds the thread", () => bench.traces("hold begins").length === 1);
    expect([await update(), await put()]).toEqual(first);
    expect((await refusal(thread.updateState({ n: 2 }, { requestId: "new" }))).reason).toBe("THREAD_BUSY");
    expect((await refusal(thread.updateState({ n: 3 }, { requestId: "u" }))).reason).toBe("REQUEST_ID_REUSED");
    bench.open(gate);
    await running;
  });
});
