import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { CheckpointService } from "../../src/gen/cairn/v1/checkpoint_service_pb.ts";
import { ThreadService } from "../../src/gen/cairn/v1/thread_service_pb.ts";
import { Caller, refusal, server } from "./harness.ts";

const { putCheckpoint, listCheckpoints, getCheckpoint } = CheckpointService.method;
const { copyThread, deleteThread, getThread, pruneThreads } = ThreadService.method;

async function put(caller: Caller, threadId: string, ...ids: string[]): Promise<void> {
  for (const [index, id] of ids.entries()) {
    await caller.call(putCheckpoint, { checkpoint: { id, threadId, parentId: ids[index - 1] } });
  }
}

async function idsOf(caller: Caller, threadId: string): Promise<(string | undefined)[]> {
  return (await caller.call(listCheckpoints, { threadId })).entries.map(({ checkpoint }) => checkpoint?.id);
}

describe("copying a thread", () => {
  it("makes a new one, once for a request id", async () => {
    const caller = new Caller((await server()).address);
    await put(caller, "t", "a", "b");
    const { thread } = await caller.call(copyThread, { threadId: "t", newThreadId: "u", requestId: "q" });
    expect(thread).toMatchObject({ id: "u", headCheckpointId: "b" });
    expect((await caller.call(copyThread, { threadId: "t", newThreadId: "u", requestId: "q" })).thread).toEqual(thread);
    expect((await caller.call(getThread, { threadId: "u" })).thread).toEqual(thread);
    await caller.call(deleteThread, { threadId: "t" });
    expect(await idsOf(caller, "u")).toEqual(["b", "a"]);
    const again = await refusal(caller.call(copyThread, { threadId: "u", newThreadId: "u" }));
    expect([again.code, again.reason]).toEqual(["ALREADY_EXISTS", "THREAD_EXISTS"]);
    const gone = await refusal(caller.call(copyThread, { threadId: "t" }));
    expect([gone.code, gone.reason]).toEqual(["NOT_FOUND", "THREAD_NOT_FOUND"]);
  });

  it("names it by itself, the same for a retry", async () => {
    const caller = new Caller((await server()).address);
    await put(caller, "t", "a");
    const copy = async (requestId: string) => (await caller.call(copyThread, { threadId: "t", requestId })).thread?.id;
    expect(await copy("q")).toBe(await copy("q"));
    expect(await copy("")).not.toBe(await copy(""));
  });
});

describe("pruning threads", () => {
  it("removes old checkpoints of several threads, once for a request id", async () => {
    const caller = new Caller((await server()).address);
    await put(caller, "t", "a", "b", "c");
    await put(caller, "u", "x", "y");
    const request = { threadIds: ["t", "u", "t"], keep: 1, requestId: "q" };
    expect((await caller.call(pruneThreads, request)).prunedCheckpoints).toBe(3n);
    expect([await idsOf(caller, "t"), await idsOf(caller, "u")]).toEqual([["c"], ["y"]]);
    const { entry } = await caller.call(getCheckpoint, { threadId: "t", checkpointId: "c" });
    expect(entry?.checkpoint).toMatchObject({ parentId: "b", parentPruned: true });
    await put(caller, "t", "d");
    expect((await caller.call(pruneThreads, request)).prunedCheckpoints).toBe(3n);
    expect(await idsOf(caller, "t")).toEqual(["d", "c"]);
    const other = caller.call(pruneThreads, { ...request, keep: 2 });
    expect((await refusal(other)).reason).toBe("REQUEST_ID_REUSED");
  });

  it("leaves what is younger than a time", async () => {
    const caller = new Caller((await server()).address);
    await put(caller, "t", "a", "b");
    const olderThan = timestampFromMs(Date.now() - 3_600_000);
    expect((await caller.call(pruneThreads, { threadIds: ["t"], keep: 1, olderThan })).prunedCheckpoints).toBe(0n);
    expect(await idsOf(caller, "t")).toEqual(["b", "a"]);
  });

  it("refuses what it can't do before anything is gone", async () => {
    const caller = new Caller((await server()).address);
    await put(caller, "t", "a", "b");
    const missing = await refusal(caller.call(pruneThreads, { threadIds: ["t", "no"], keep: 1 }));
    expect([missing.code, missing.reason]).toEqual(["NOT_FOUND", "THREAD_NOT_FOUND"]);
    expect((await refusal(caller.call(pruneThreads, { threadIds: ["t"] }))).fields).toEqual(["keep"]);
    expect((await refusal(caller.call(pruneThreads, { keep: 1 }))).fields).toEqual(["thread_ids"]);
    expect(await idsOf(caller, "t")).toEqual(["b", "a"]);
  });
});
