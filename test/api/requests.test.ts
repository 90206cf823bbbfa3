import { describe, expect, it } from "vitest";
import { CheckpointService } from "../../src/gen/cairn/v1/checkpoint_service_pb.ts";
import { ThreadService } from "../../src/gen/cairn/v1/thread_service_pb.ts";
import { Caller, refusal, server, temporaryFolder } from "./harness.ts";

const { method } = CheckpointService;
const value = (text: string) =>
  ({ source: { case: "inline", value: { type: "json", data: Buffer.from(text) } } }) as const;

describe("a request_id", () => {
  it("returns the first answer, also after a restart and for calls at the same time", async () => {
    const folder = await temporaryFolder();
    const first = await server({ store: { folder } });
    let caller = new Caller(first.address);
    const checkpoint = { id: "a", threadId: "t", channelValues: { b: value("1"), a: value("2") } };
    const turned = { ...checkpoint, channelValues: { a: value("2"), b: value("1") } };
    const put = (requestId: string, body: object = checkpoint) =>
      caller.call(method.putCheckpoint, { checkpoint: body, requestId });
    const answers = await Promise.all([put("q"), put("q"), put("q", turned)]);
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
    const write = { taskId: "x", channel: "c", value: value("1") };
    const writes = { threadId: "t", writes: { checkpointId: "a", writes: [write] }, requestId: "w" };
    const written = await caller.call(method.putWrites, writes);
    await first.stop();
    caller = new Caller((await server({ store: { folder } })).address);
    expect(await put("q")).toEqual(answers[0]);
    expect(await caller.call(method.putWrites, writes)).toEqual(written);
    const { entries } = await caller.call(method.listCheckpoints, { threadId: "t" });
    expect(entries).toHaveLength(1);
    expect((await put("other")).eventNumber).toBeGreaterThan(answers[0]?.eventNumber ?? 0n);
  });

  it("is refused with another body or for another method, before and while the first is answered", async () => {
    const caller = new Caller((await server()).address);
    const put = (id: string) =>
      caller.call(method.putCheckpoint, { checkpoint: { id, threadId: "t" }, requestId: "q" });
    const [, second] = await Promise.allSettled([put("a"), put("b")]);
    expect(second.status).toBe("rejected");
    const reused = await refusal(put("b"));
    expect([reused.code, reused.reason, reused.fields]).toEqual([
      "INVALID_ARGUMENT",
      "REQUEST_ID_REUSED",
      ["request_id"],
    ]);
    const clear = caller.call(method.clearWrites, { threadId: "t", checkpointId: "a", requestId: "q" });
    expect((await refusal(clear)).reason).toBe("REQUEST_ID_REUSED");
    const elsewhere = { checkpoint: { id: "b", threadId: "u" }, requestId: "q" };
    expect((await caller.call(method.putCheckpoint, elsewhere)).checkpointId).toBe("b");
  });

  it("does not remember a call that failed", async () => {
    const caller = new Caller((await server()).address);
    const put = () =>
      caller.call(method.putCheckpoint, {
        checkpoint: { id: "b", threadId: "t" },
        expectedHead: { checkpointId: "a" },
        requestId: "q",
      });
    expect((await refusal(put())).reason).toBe("HEAD_MISMATCH");
    await caller.call(method.putCheckpoint, { checkpoint: { id: "a", threadId: "t" } });
    expect((await put()).checkpointId).toBe("b");
  });

  it("makes threads once", async () => {
    const caller = new Caller((await server()).address);
    const threads = ThreadService.method;
    const make = (requestId: string) =>
      caller.call(threads.createThread, { metadata: Buffer.from('{"a":1}'), requestId });
    const [one, two] = await Promise.all([make("q"), make("q")]);
    expect(one.thread?.id).toBe(two.thread?.id);
    expect((await make("q")).thread?.id).toBe(one.thread?.id);
    expect((await make("r")).thread?.id).not.toBe(one.thread?.id);
    expect((await make("")).thread?.id).not.toBe((await make("")).thread?.id);
    const threadId = one.thread?.id ?? "";
    const update = { threadId, metadata: Buffer.from('{"a":2}'), requestId: "u" };
    await caller.call(threads.updateThread, update);
    expect(Buffer.from((await caller.call(threads.updateThread, update)).thread?.metadata ?? []).toString()).toBe(
      '{"a":2}',
    );
    const remove = { threadId, requestId: "d" };
    expect((await caller.call(threads.deleteThread, remove)).existed).toBe(true);
    expect((await caller.call(threads.deleteThread, remove)).existed).toBe(true);
    expect((await caller.call(threads.deleteThread, { threadId })).existed).toBe(false);
  });
});
