import { describe, expect, it } from "vitest";
import { AdminService } from "../../src/gen/cairn/v1/admin_service_pb.ts";
import { Origin } from "../../src/gen/cairn/v1/checkpoint_pb.ts";
import { CheckpointService } from "../../src/gen/cairn/v1/checkpoint_service_pb.ts";
import { GraphService } from "../../src/gen/cairn/v1/graph_service_pb.ts";
import { ThreadService, ThreadStatus, type WatchThreadsResponse } from "../../src/gen/cairn/v1/thread_service_pb.ts";
import { Caller, refusal, server, temporaryFile } from "./harness.ts";

const threads = ThreadService.method;
const graphs = GraphService.method;
const text = (version: number) =>
  `name: g\ndescription: d\nchannels: {n: add}\nschema_version: ${version}\nnodes: {a: {expression: {update: {n: "1"}}}}\nedges: [START -> a]\n`;
const source = (given: string) => ({ source: { case: "text", value: given } }) as const;

describe("threads", () => {
  it("are created, read, listed, changed and deleted", async () => {
    const caller = new Caller((await server()).address);
    const made = await caller.call(threads.createThread, { threadId: "t", metadata: Buffer.from('{"owner": "ann"}') });
    expect(made.thread).toMatchObject({ id: "t", status: ThreadStatus.IDLE, graphName: "", headCheckpointId: "" });
    expect((await refusal(caller.call(threads.createThread, { threadId: "t" }))).reason).toBe("THREAD_EXISTS");
    await caller.call(CheckpointService.method.putCheckpoint, {
      checkpoint: { id: "c", threadId: "t", step: 3n, graphName: "g" },
    });
    const { thread } = await caller.call(threads.getThread, { threadId: "t" });
    expect(thread).toMatchObject({ headCheckpointId: "c", headStep: 3n, graphName: "g" });
    expect(Buffer.from(thread?.metadata ?? []).toString()).toBe('{"owner": "ann"}');
    await caller.call(threads.createThread, { threadId: "u" });
    const filters = [{ key: "owner", equalsJson: Buffer.from('"ann"') }];
    expect((await caller.call(threads.listThreads, { filters })).threads.map(({ id }) => id)).toEqual(["t"]);
    expect((await caller.call(threads.listThreads, { status: ThreadStatus.BUSY })).threads).toEqual([]);
    expect((await caller.call(threads.listThreads, {})).threads).toHaveLength(2);
    for (const metadata of ["[]", "{", "1"]) {
      const wrong = caller.call(threads.updateThread, { threadId: "t", metadata: Buffer.from(`${metadata} `) });
      expect((await refusal(wrong)).fields).toEqual(["metadata"]);
    }
    const lost = caller.call(threads.updateThread, { threadId: "no", metadata: Buffer.from("{}") });
    expect((await refusal(lost)).reason).toBe("THREAD_NOT_FOUND");
    expect((await caller.call(threads.deleteThread, { threadId: "t" })).existed).toBe(true);
    expect((await refusal(caller.call(threads.getThread, { threadId: "t" }))).reason).toBe("THREAD_NOT_FOUND");
  });

  it("are watched", async () => {
    const caller = new Caller((await server()).address);
    const stream = caller.stream(threads.watchThreads, { threadIds: ["t"] });
    stream.on("error", () => {});
    const told: WatchThreadsResponse[] = [];
    stream.on("data", (message: WatchThreadsResponse) => told.push(message));
    const until = async (done: () => boolean) => {
      for (let i = 0; !done(); i++) {
        if (i > 200) throw new Error("nothing was told");
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    };
    // The stream has begun when a change is told of.
    for (let i = 0; told.length === 0; i++) {
      await caller.call(CheckpointService.method.putCheckpoint, { checkpoint: { id: `c${i}`, threadId: "t" } });
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
    await caller.call(threads.createThread, { threadId: "other" });
    await caller.call(threads.createThread, { threadId: "t" }, { metadata: { "cairn-space": "other" } });
    await caller.call(CheckpointService.method.putCheckpoint, { checkpoint: { id: "last", threadId: "t" } });
    await until(() => told.at(-1)?.thread?.headCheckpointId === "last");
    await caller.call(threads.deleteThread, { threadId: "t" });
    await until(() => told.at(-1)?.deleted === true);
    expect(new Set(told.map(({ thread }) => thread?.id))).toEqual(new Set(["t"]));
    stream.cancel();
  });
});

describe("graphs", () => {
  it("are registered once for each content, read, listed and drawn", async () => {
    const caller = new Caller((await server()).address);
    const first = await caller.call(graphs.registerGraph, { graph: source(text(0)) });
    expect([first.created, first.graph?.revision]).toEqual([true, 1n]);
    const same = await caller.call(graphs.registerGraph, {
      graph: source(
        JSON.stringify({
          name: "g",
          description: "d",
          channels: { n: "add" },
          nodes: { a: { expression: { update: { n: "1" } } } },
          edges: ["START -> a"],
        }),
      ),
    });
    expect([same.created, same.graph?.hash]).toEqual([false, first.graph?.hash]);
    const second = await caller.call(graphs.registerGraph, { graph: source(text(1)) });
    expect([second.created, second.graph?.revision]).toEqual([true, 2n]);
    expect((await caller.call(graphs.getGraph, { name: "g" })).graph?.spec?.schemaVersion).toBe(1);
    const old = await caller.call(graphs.getGraph, { name: "g", hash: first.graph?.hash });
    expect(old.graph?.spec?.schemaVersion).toBe(0);
    expect((await refusal(caller.call(graphs.getGraph, { name: "no" }))).reason).toBe("GRAPH_NOT_FOUND");
    const list = await caller.call(graphs.listGraphs, {});
    expect(list.graphs.map(({ name, spec, description }) => [name, spec, description])).toEqual([
      ["g", undefined, "d"],
    ]);
    const { mermaid } = await caller.call(graphs.drawGraph, { graph: { case: "name", value: "g" } });
    expect(mermaid).toContain("start --> n0");
  });

  it("tell their faults as an answer or as an error", async () => {
    const caller = new Caller((await server()).address);
    const graph = source("name: g\nnodes: {a: {}}\nedges: [a -> b]\n");
    const { faults } = await caller.call(graphs.validateGraph, { graph });
    expect(faults.map(({ path }) => path)).toEqual(["nodes.a", "edges[0].to", "edges"]);
    expect((await refusal(caller.call(graphs.registerGraph, { graph }))).fields).toEqual(
      faults.map(({ path }) => path),
    );
    expect((await refusal(caller.call(graphs.drawGraph, { graph: { case: "source", value: graph } }))).reason).toBe(
      "GRAPH_INVALID",
    );
    expect((await caller.call(graphs.validateGraph, { graph: source(text(0)) })).faults).toEqual([]);
  });

  it("are not drawn for threads that none of them ran", async () => {
    const caller = new Caller((await server()).address);
    const draw = (threadId: string, checkpointId = "") =>
      caller.call(graphs.drawGraph, { graph: { case: "thread", value: { threadId, checkpointId } } });
    expect((await refusal(draw("t"))).reason).toBe("THREAD_NOT_FOUND");
    const checkpoint = { id: "c", threadId: "t", origin: Origin.LANGGRAPH };
    await caller.call(CheckpointService.method.putCheckpoint, { checkpoint });
    expect((await refusal(draw("t"))).reason).toBe("ORIGIN_MISMATCH");
    expect((await refusal(draw("t", "d"))).reason).toBe("CHECKPOINT_NOT_FOUND");
  });

  it("are loaded from a folder at start", async () => {
    const file = await temporaryFile("g.yaml", text(0));
    const caller = new Caller((await server({ graphsDir: file.replace(/\/g\.yaml$/, "") })).address);
    expect((await caller.call(graphs.getGraph, { name: "g" })).graph?.revision).toBe(1n);
    const broken = await temporaryFile("b.yaml", "name: b\n");
    await expect(server({ graphsDir: broken.replace(/\/b\.yaml$/, "") })).rejects.toThrow(
      /b\.yaml: nodes: a graph needs a node; edges: no edge/,
    );
  });
});

describe("the admin service", () => {
  it("tells how the server is", async () => {
    const caller = new Caller((await server()).address);
    const status = await caller.call(AdminService.method.getStatus, {});
    expect(status).toMatchObject({
      version: "0.1.0",
      storeKind: "embedded",
      storeReachable: true,
      storeError: "",
      activeRuns: 0,
    });
    expect(status.serverId).toMatch(/^[0-9a-f-]{36}$/);
    expect(status.limits.valueBytesMax).toBe(256n * 1024n * 1024n);
    await caller.call(threads.createThread, { threadId: "t" });
    expect((await caller.call(AdminService.method.listSpaces, {})).spaces).toEqual(["default"]);
    expect((await caller.call(AdminService.method.deleteSpace, { space: "default" })).deletedThreads).toBe(1n);
    expect((await caller.call(AdminService.method.listSpaces, {})).spaces).toEqual([]);
  });
});
