// Module nodes run beside the server: one that blocks or ends its thread does the server no harm.
import { afterAll, beforeAll, expect, it } from "vitest";
import { Bench, until } from "./support/bench.ts";

let bench: Bench;
beforeAll(async () => {
  bench = await Bench.start("embedded");
});
afterAll(() => bench.end());

it("a node that blocks its thread does not stall the server", async () => {
  const graph = await bench.graph({
    channels: { log: "append" },
    nodes: { busy: bench.node("blocks") },
    edges: ["START -> busy"],
  });
  const quick = await bench.graph({
    channels: { n: "add" },
    nodes: { a: { expression: { update: { n: "1" } } } },
    edges: ["START -> a"],
  });
  const thread = bench.thread();
  const running = thread.run({}, { graph });
  await until("the thread is blocked", () => bench.traces("busy begins").length === 1);
  // The gate is opened only after the server has answered: were it stalled, these calls would meet their deadline.
  for (let i = 0; i < 10; i++) expect((await thread.state({ deadlineMs: 10_000 })).next).toEqual(["busy"]);
  expect((await bench.thread().run({ n: 1 }, { graph: quick, deadlineMs: 10_000 })).state.values.n).toBe(2);
  bench.open("busy");
  expect((await running).status).toBe("done");
});

it("process.exit in a node fails its run, and the server goes on: also with module nodes at once", async () => {
  const exiting = await bench.graph({
    channels: { log: "append" },
    nodes: { leaves: bench.node("exits") },
    edges: ["START -> leaves"],
  });
  const fine = await bench.graph({
    channels: { log: "append" },
    nodes: { stays: bench.node("note") },
    edges: ["START -> stays"],
  });
  for (let round = 0; round < 3; round++) {
    const failed = await bench.thread().run({}, { graph: exiting });
    expect(failed).toMatchObject({ status: "failed", error: { reason: "NODE_FAILED", node: "leaves" } });
    // Enough calls to meet every worker thread, those that are just starting included.
    const after = await Promise.all(Array.from({ length: 6 }, () => bench.thread().run({}, { graph: fine })));
    expect(after.map(({ status }) => status)).toEqual(Array(6).fill("done"));
  }
});

it("a node whose function the module lacks fails the run", async () => {
  const registered = bench.graph({
    channels: { log: "append" },
    nodes: { a: bench.node("absent") },
    edges: ["START -> a"],
  });
  await expect(registered).rejects.toMatchObject({ reason: "GRAPH_INVALID" });
});
