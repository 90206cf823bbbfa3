import { describe, expect, it } from "vitest";
import { CheckpointService } from "../../src/gen/cairn/v1/checkpoint_service_pb.ts";
import { GraphService } from "../../src/gen/cairn/v1/graph_service_pb.ts";
import { Caller, refusal, server } from "./harness.ts";

const { method } = CheckpointService;

describe("errors", () => {
  it("name every field at fault, map entries and list items included", async () => {
    const caller = new Caller((await server()).address);
    const inline = (type: string) => ({ source: { case: "inline", value: { type, data: new Uint8Array() } } }) as const;
    const wrong = await refusal(
      caller.call(method.putCheckpoint, {
        checkpoint: {
          id: "c",
          threadId: "",
          channelValues: { x: inline(""), "a.b": {} },
          pendingSends: [{}, { value: inline("x".repeat(256)) }],
        },
        writes: [{ writes: [{ taskId: "\n", value: {} }, { mode: "maybe" }] }],
        onConflict: 99 as never,
        requestId: "x".repeat(129),
      }),
    );
    expect([wrong.code, wrong.reason, wrong.domain]).toEqual(["INVALID_ARGUMENT", "INVALID_FIELD", "cairn.dev"]);
    expect(wrong.fields.sort()).toEqual(
      [
        "checkpoint.thread_id",
        'checkpoint.channel_values["x"].inline.type',
        'checkpoint.channel_values["a.b"].source',
        "checkpoint.pending_sends[1].value.inline.type",
        "writes[0].writes[0].task_id",
        "writes[0].writes[0].value.source",
        "writes[0].writes[1].value",
        "writes[0].writes[1].mode",
        "on_conflict",
        "request_id",
      ].sort(),
    );
    expect((await refusal(caller.call(method.putCheckpoint, {}))).fields).toEqual(["checkpoint"]);
    const empty = await refusal(caller.call(method.putCheckpoint, { checkpoint: { threadId: "t" } }));
    expect(empty.fields).toEqual(["checkpoint.id"]);
  });

  it("say what could not be decoded", async () => {
    const caller = new Caller((await server()).address);
    const broken = await refusal(caller.raw("/cairn.v1.CheckpointService/GetCheckpoint", Buffer.from([0x0a, 0x7f])));
    expect([broken.code, broken.reason]).toEqual(["INVALID_ARGUMENT", "INVALID_FIELD"]);
    const notUtf8 = await refusal(
      caller.raw("/cairn.v1.CheckpointService/GetCheckpoint", Buffer.from([0x0a, 1, 0xff])),
    );
    expect(notUtf8.code).toBe("INVALID_ARGUMENT");
  });

  it("pass any text in messages and details", async () => {
    const caller = new Caller((await server()).address);
    const checkpointId = "100% \u0085 \u2028 é 😀 \ud800";
    const missing = await refusal(caller.call(method.findCheckpoint, { checkpointId: checkpointId.toWellFormed() }));
    expect(missing.metadata.checkpoint_id).toBe(checkpointId.toWellFormed());
    const text = "name: g\nchannels: {'é😀%\\n': nope}\n";
    const graph = await refusal(
      caller.call(GraphService.method.registerGraph, { graph: { source: { case: "text", value: text } } }),
    );
    expect([graph.code, graph.reason]).toEqual(["INVALID_ARGUMENT", "GRAPH_INVALID"]);
    expect(graph.fields[0]).toContain("é😀%");
    expect(graph.message).toContain("é😀%");
  });

  it("stay below what gRPC's C core takes, whatever is wrong", async () => {
    const caller = new Caller((await server()).address);
    const names = Array.from({ length: 100 }, () => ({
      threadId: "\u0001".repeat(1000),
      checkpointId: "é".repeat(600),
    }));
    const wrong = await refusal(caller.call(method.batchGetCheckpoints, { names }));
    expect(wrong.fields.length).toBeGreaterThan(5);
    expect(Number(wrong.metadata.violations)).toBe(200);
    expect(wrong.trailerBytes).toBeLessThan(7800);
    const channels = Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`${"é".repeat(300)}${i}`, {}]));
    const value = { source: { case: "spec", value: { name: "\u{1f600}".repeat(60), channels } } } as const;
    const graph = await refusal(caller.call(GraphService.method.registerGraph, { graph: value }));
    expect(graph.trailerBytes).toBeLessThan(7800);
    expect(Number(graph.metadata.violations_left_out)).toBeGreaterThan(100);
    expect((await caller.call(GraphService.method.validateGraph, { graph: value })).faults.length).toBeGreaterThan(600);
  });

  it("tell what is not built", async () => {
    const caller = new Caller((await server()).address);
    expect((await refusal(caller.raw("/cairn.v1.CheckpointService/Nothing", Buffer.alloc(0)))).code).toBe(
      "UNIMPLEMENTED",
    );
    expect((await refusal(caller.raw("/no.Service/Nothing", Buffer.alloc(0)))).code).toBe("UNIMPLEMENTED");
  });

  it("refuse wrong spaces", async () => {
    const caller = new Caller((await server()).address);
    const get = (space: string) =>
      refusal(caller.call(method.getCheckpoint, { threadId: "t" }, { metadata: { "cairn-space": space } }));
    expect((await get("")).fields).toEqual(["cairn-space"]);
    expect((await get("x".repeat(256))).fields).toEqual(["cairn-space"]);
    expect((await get("x".repeat(255))).reason).toBe("THREAD_NOT_FOUND");
  });
});
