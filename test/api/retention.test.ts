import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it, onTestFinished } from "vitest";
import { CheckpointService } from "../../src/gen/cairn/v1/checkpoint_service_pb.ts";
import { ThreadService } from "../../src/gen/cairn/v1/thread_service_pb.ts";
import { startServer } from "../../src/server/start.ts";
import { systemEnvironment } from "../../src/system/environment.ts";
import { until } from "../runs/support/bench.ts";
import { Caller, refusal, server, temporaryFolder } from "./harness.ts";

const { putCheckpoint, listCheckpoints, getCheckpoint } = CheckpointService.method;
const { copyThread, createThread, deleteThread, getThread, listThreads, pruneThreads, updateThread } =
  ThreadService.method;

const json = (text: string) => new Uint8Array(Buffer.from(text));

async function put(caller: Caller, threadId: string, ...ids: string[]): Promise<void> {
  for (const [index, id] of ids.entries()) {
    await caller.call(putCheckpoint, { checkpoint: { id, threadId, parentId: ids[index - 1] } });
  }
}

async function idsOf(caller: Caller, threadId: string): Promise<(string | undefined)[]> {
  return (await caller.call(listCheckpoints, { threadId })).entries.map(({ checkpoint }) => checkpoint?.id);
}

describe("a thread's time to live", () => {
  it("is set, changed and taken away", async () => {
    const caller = new Caller((await server()).address);
    const made = await caller.call(createThread, { threadId: "t", ttl: { seconds: 60n }, metadata: json('{"a":1}') });
    expect(made.thread?.ttl?.seconds).toBe(60n);
    const update = (ttl: number, metadata?: Uint8Array) =>
      caller.call(updateThread, { threadId: "t", ttl: { seconds: BigInt(ttl) }, metadata });
    expect((await update(90)).thread).toMatchObject({ metadata: json('{"a":1}'), ttl: { seconds: 90n } });
    const { thread } = await caller.call(updateThread, { threadId: "t", metadata: json("{}") });
    expect(thread).toMatchObject({ metadata: json("{}"), ttl: { seconds: 90n } });
    expect((await update(0)).thread?.ttl).toBeUndefined();
    expect((await caller.call(getThread, { threadId: "t" })).thread?.ttl).toBeUndefined();
  });

  it("is refused when it is none", async () => {
    const caller = new Caller((await server()).address);
    await put(caller, "t", "a");
    for (const ttl of [{ nanos: 999_000_000 }, { seconds: -1n }, { seconds: 3_200_000_000n }]) {
      expect((await refusal(caller.call(updateThread, { threadId: "t", ttl }))).fields).toEqual(["ttl"]);
      expect((await refusal(caller.call(createThread, { threadId: "u", ttl }))).fields).toEqual(["ttl"]);
    }
    expect((await refusal(caller.call(createThread, { threadId: "u", ttl: {} }))).fields).toEqual(["ttl"]);
    expect((await refusal(caller.call(updateThread, { threadId: "t" }))).fields).toEqual(["metadata"]);
  });

  it("ends with the thread, within a minute or so", async () => {
    let aheadMs = 0;
    const sweeps: (() => void)[] = [];
    const { clock } = systemEnvironment;
    const environment = {
      ...systemEnvironment,
      clock: {
        ...clock,
        nowMs: () => clock.nowMs() + aheadMs,
        after: (ms: number, act: () => void) => {
          if (ms !== 60_000) return clock.after(ms, act);
          sweeps.push(act);
          return () => {};
        },
      },
    };
    const options = { listen: "127.0.0.1:0", logLevel: "silent", store: { folder: await temporaryFolder() } };
    const started = await startServer(options, environment);
    onTestFinished(() => started.stop());
    const caller = new Caller(started.address);
    await caller.call(createThread, { threadId: "t", ttl: { seconds: 3600n } });
    await caller.call(createThread, { threadId: "u" });
    aheadMs = 3_601_000;
    for (const sweep of sweeps.splice(0)) sweep();
    await until("the thread has gone", async () => (await caller.call(listThreads, {})).threads.length === 1);
    expect((await refusal(caller.call(getThread, { threadId: "t" }))).reason).toBe("THREAD_NOT_FOUND");
  });
});

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
