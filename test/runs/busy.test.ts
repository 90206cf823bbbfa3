// One driver: while a run holds a thread nobody else changes it.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { storeKinds } from "../support/stores.ts";
import { Bench, refusal, until } from "./support/bench.ts";

describe.each(storeKinds)("a busy thread on %s", (kind) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(kind);
  });
  afterAll(() => bench.end());

  const waiting = (gate: string) =>
    bench.graph({
      channels: { log: "append" },
      nodes: { [gate]: bench.node("gated") },
      edges: [`START -> ${gate}`],
    });

  it("refuses everybody else, naming the run, and can be read", async () => {
    const graph = await waiting("hold");
    const thread = bench.thread();
    const running = thread.run({}, { graph });
    await until("the node is at work", () => bench.traces("hold begins").length === 1);
    const { runId, status } = await thread.info();
    expect(status).toBe("busy");
    const { checkpoints, runs } = bench.client.services;
    const intruders: Record<string, () => Promise<unknown>> = {
      run: () => thread.run({}, { graph }),
      step: () => thread.step(),
      resume: () => thread.resume("x"),
      updateState: () => thread.updateState({ log: ["x"] }, { asNode: "hold" }),
      putCheckpoint: () => checkpoints.putCheckpoint({ checkpoint: { id: "mine", threadId: thread.id } }),
    };
    for (const [name, call] of Object.entries(intruders)) {
      const refused = await refusal(call());
      expect([name, refused.codeName, refused.reason, refused.metadata.run_id]).toEqual([
        name,
        "ABORTED",
        "THREAD_BUSY",
        runId,
      ]);
    }
    const { run } = await runs.getRun({ threadId: thread.id, runId });
    expect([run?.status, run?.stoppedAt]).toEqual([1, undefined]);
    expect((await thread.state()).next).toEqual(["hold"]);
    bench.open("hold");
    expect((await running).state.values.log).toEqual(["hold"]);
    expect((await thread.run({})).status).toBe("done");
  });

  it("takes metadata, and its run goes on", async () => {
    const graph = await waiting("noted");
    const thread = bench.thread();
    const running = thread.run({}, { graph });
    await until("the node is at work", () => bench.traces("noted begins").length === 1);
    const metadata = new TextEncoder().encode('{"seen":true}');
    await bench.client.services.threads.updateThread({ threadId: thread.id, metadata });
    bench.open("noted");
    expect((await running).status).toBe("done");
    expect((await thread.info()).metadata).toEqual({ seen: true });
  });

  it("has one winner when many begin at once", async () => {
    const graph = await waiting("race");
    const thread = bench.thread();
    const racers = Array.from({ length: 8 }, () => thread.run({}, { graph }).catch((error) => error.reason as string));
    await until("one is at work", () => bench.traces("race begins").length > 0);
    await until("the others are refused", async () => {
      const settled = await Promise.all(racers.map((racer) => Promise.race([racer, undefined])));
      return settled.filter((reason) => reason === "THREAD_BUSY").length === 7;
    });
    bench.open("race");
    await Promise.all(racers);
    expect(bench.traces("race begins")).toHaveLength(1);
  });

  it("may be deleted, which ends the run", async () => {
    const graph = await waiting("doomed");
    const thread = bench.thread();
    const running = refusal(thread.run({}, { graph }));
    await until("the node is at work", () => bench.traces("doomed begins").length === 1);
    expect(await thread.delete()).toBe(true);
    bench.open("doomed");
    expect((await running).codeName).toBe("ABORTED");
    expect((await refusal(thread.state())).codeName).toBe("NOT_FOUND");
    expect((await thread.run({}, { graph })).state).toMatchObject({ values: { log: ["doomed"] }, step: 1 });
  });
});
