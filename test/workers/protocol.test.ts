// What a worker that does not keep to the protocol gets: a reason, and nothing that harms others.
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { WorkerMessage } from "../../clients/typescript/src/worker/worker-stream.ts";
import { Bench, until } from "../runs/support/bench.ts";
import { Hand } from "./support/hand.ts";

describe("a worker that does not keep to the protocol", () => {
  let bench: Bench;
  const hands: Hand[] = [];
  beforeAll(async () => {
    bench = await Bench.start("embedded", { taskLease: 2 });
  });
  afterAll(async () => {
    for (const hand of hands) hand.close();
    await bench.end();
  });

  function hand(space = bench.space): Hand {
    const made = new Hand({ listen: bench.listen, space });
    hands.push(made);
    return made;
  }

  /** A worker that has a task of a run, under way. */
  async function atWork(more: Record<string, unknown> = {}) {
    const handler = randomUUID();
    const graph = await bench.graph({
      channels: { log: "append" },
      nodes: { work: { worker: { handler } } },
      edges: ["START -> work"],
    });
    const worker = hand().hello({ workerId: randomUUID(), nodes: [handler], ...more });
    await worker.hears("welcome");
    worker.grant(1);
    const thread = bench.thread();
    const run = thread.run({}, { graph });
    const { lease } = await worker.hears("task");
    return { worker, lease: lease as NonNullable<typeof lease>, thread, run, handler };
  }

  const complete = (lease: object): WorkerMessage => ({
    case: "complete",
    value: {
      lease: { threadId: "", taskId: "", epoch: 0n, ...lease },
      result: { data: new Uint8Array(), sizeBytes: 0n },
    },
  });

  it.each<[string, WorkerMessage[], string]>([
    ["says something else first", [{ case: "heartbeat", value: {} }], "hello"],
    ["says hello twice", [], "hello"],
    ["sends a chunk of nothing", [{ case: "chunk", value: { data: new Uint8Array(1) } }], "chunk"],
    [
      "names no lease",
      [{ case: "complete", value: { result: { data: new Uint8Array(), sizeBytes: 0n } } }],
      "complete.lease",
    ],
    [
      "goes beyond a payload's size",
      [
        {
          case: "complete",
          value: { lease: { threadId: "t", taskId: "x" }, result: { data: new Uint8Array(2), sizeBytes: 1n } },
        },
      ],
      "complete.result.data",
    ],
    [
      "announces more than a payload may hold",
      [
        {
          case: "complete",
          value: { lease: { threadId: "t", taskId: "x" }, result: { data: new Uint8Array(), sizeBytes: 1n << 40n } },
        },
      ],
      "complete.result.size_bytes",
    ],
    [
      "says something before the rest of a payload",
      [
        {
          case: "complete",
          value: { lease: { threadId: "t", taskId: "x" }, result: { data: new Uint8Array(1), sizeBytes: 2n } },
        },
        { case: "heartbeat", value: {} },
      ],
      "heartbeat",
    ],
  ])("that %s is told the field", async (what, messages, field) => {
    const worker = hand();
    if (!what.includes("first")) worker.hello({ workerId: randomUUID() });
    if (what.includes("twice")) worker.hello();
    const error = await worker.send(...messages).ended;
    expect(error).toMatchObject({ codeName: "INVALID_ARGUMENT", reason: "INVALID_FIELD" });
    expect(error?.violations[0]?.field).toContain(field);
  });

  it("of another version, is told which one is spoken", async () => {
    const error = await hand().hello({ protocolVersion: 2 }).ended;
    expect(error).toMatchObject({ codeName: "FAILED_PRECONDITION", reason: "PROTOCOL_VERSION" });
    expect(error?.metadata).toMatchObject({ version: "2", supported: "1" });
  });

  it.each([
    ["nodes", { nodes: [] }],
    ["slots", { slots: 0 }],
    ["session_id", { sessionId: "mine" }],
    ["worker_id", { workerId: "" }],
  ])("with a wrong %s, is told so", async (field, more) => {
    const error = await hand().hello(more).ended;
    expect(error).toMatchObject({ reason: "INVALID_FIELD" });
    expect(error?.violations[0]?.field).toContain(field);
  });

  it("of a name that another has, is refused until that one's leases are over", async () => {
    const first = hand().hello({ workerId: "twin" });
    await first.hears("welcome");
    const second = hand().hello({ workerId: "twin" });
    expect(await second.ended).toMatchObject({ codeName: "ALREADY_EXISTS", reason: "WORKER_EXISTS" });
    expect(await first.ended).toMatchObject({ codeName: "DEADLINE_EXCEEDED", reason: "WORKER_SILENT" });
    await hand().hello({ workerId: "twin" }).hears("welcome");
  });

  it("of the same session over a newer stream, has its older one ended", async () => {
    const sessionId = randomUUID();
    const first = hand().hello({ workerId: "again", sessionId });
    await first.hears("welcome");
    await hand().hello({ workerId: "again", sessionId }).hears("welcome");
    expect(await first.ended).toMatchObject({ codeName: "ABORTED", reason: "WORKER_REPLACED" });
  });

  it("that tells results of tasks it never had, is told that they are not its own", async () => {
    const { worker, lease, run } = await atWork();
    worker.send(complete({ threadId: "t", taskId: "x", epoch: 1n }), complete({ ...lease, epoch: lease.epoch + 1n }));
    await until("both are refused", () => worker.heard.filter(({ case: kind }) => kind === "evict").length === 2);
    worker.send(complete(lease));
    expect(await run).toMatchObject({ status: "done" });
    await worker.isAcked(lease);
  });

  it("that grants more than any worker may, is let go", async () => {
    const worker = hand().hello({ workerId: "greedy" });
    await worker.hears("welcome");
    worker.grant(1001);
    expect(await worker.ended).toMatchObject({ reason: "INVALID_FIELD", message: expect.stringMatching(/^credit: /) });
  });

  it("that grants nothing with a result, is given nothing until it does", async () => {
    const { worker, lease, run, handler } = await atWork({ slots: 1 });
    worker.send(complete(lease));
    expect(await run).toMatchObject({ status: "done" });
    const graph = await bench.graph({
      channels: {},
      nodes: { work: { worker: { handler } } },
      edges: ["START -> work"],
    });
    const next = bench.thread().run({}, { graph });
    await sleep(100);
    // Nothing was granted yet.
    expect(worker.heard.filter(({ case: kind }) => kind === "task").length).toBe(1);
    worker.grant(1);
    await until("the next task is there", () => worker.heard.filter(({ case: kind }) => kind === "task").length === 2);
    const second = worker.heard.findLast(({ case: kind }) => kind === "task")?.value as { lease: typeof lease };
    worker.send(complete(second.lease));
    expect(await next).toMatchObject({ status: "done" });
  });

  it("that tells another's result, is told that it is not its own", async () => {
    const { worker, lease, run } = await atWork();
    const other = hand().hello({ workerId: "thief" }).send(complete(lease));
    expect(await other.hears("evict")).toMatchObject({ lease });
    worker.send(complete(lease));
    expect(await run).toMatchObject({ status: "done" });
  });

  it("that answers with what is no result, fails the task and goes on", async () => {
    const { worker, lease, run } = await atWork();
    const value = { lease, result: { data: new Uint8Array([10, 255]), sizeBytes: 2n } };
    worker.send({ case: "complete", value });
    expect(await run).toMatchObject({ status: "failed", error: { reason: "NODE_FAILED", node: "work" } });
    await worker.isAcked(lease);
  });

  it("that tells a result again before it is acknowledged, is heard once", async () => {
    const { worker, lease, run, thread } = await atWork();
    const result = { data: new Uint8Array(), sizeBytes: 0n };
    worker.send({ case: "complete", value: { lease, result } }, { case: "fail", value: { lease, kind: "Late" } });
    expect(await run).toMatchObject({ status: "done" });
    expect((await thread.state()).tasks).toEqual([]);
  });

  it("whose messages stop, is let go, and its task with it", async () => {
    const { worker, run, handler } = await atWork();
    expect(await worker.ended).toMatchObject({ reason: "WORKER_SILENT" });
    const second = hand().hello({ workerId: "second", nodes: [handler] });
    await second.hears("welcome");
    second.grant(1);
    const task = await second.hears("task");
    expect(task.attempt).toBe(2);
    second.send(complete(task.lease as object));
    expect(await run).toMatchObject({ status: "done" });
  });

  it("that gives no credit, gets nothing", async () => {
    const { worker, lease, run, handler } = await atWork();
    const idle = hand().hello({ workerId: "idle", nodes: [handler] });
    await idle.hears("welcome");
    worker.send(complete(lease), { case: "drain", value: {} });
    await run;
    const graph = await bench.graph({
      channels: {},
      nodes: { work: { worker: { handler } } },
      edges: ["START -> work"],
    });
    const { runId } = await bench.thread().run({}, { graph, background: true });
    expect(runId).not.toBe("");
    await sleep(200);
    expect(idle.heard.map(({ case: kind }) => kind)).toEqual(["welcome"]);
  });

  it("whose stream breaks, is sent its task again unless it says that it has it", async () => {
    const sessionId = randomUUID();
    const { worker, lease, run, handler } = await atWork({ workerId: "broken", sessionId });
    const again = { workerId: "broken", sessionId, nodes: [handler] };
    worker.close();
    const has = hand().hello({ ...again, held: [lease] });
    await has.hears("welcome");
    await sleep(100);
    expect(has.heard.map(({ case: kind }) => kind)).toEqual(["welcome"]);
    has.close();
    const lost = hand().hello(again);
    expect(await lost.hears("task")).toMatchObject({ lease, attempt: 1 });
    lost.send(complete(lease));
    expect(await run).toMatchObject({ status: "done" });
  });

  it("in another space, is given nothing of this one", async () => {
    const elsewhere = hand("elsewhere").hello();
    await elsewhere.hears("welcome");
    elsewhere.grant(1);
    const { worker, lease, run } = await atWork();
    worker.send(complete(lease));
    await run;
    expect(elsewhere.heard.map(({ case: kind }) => kind)).toEqual(["welcome"]);
  });
});
