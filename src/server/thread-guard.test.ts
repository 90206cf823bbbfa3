import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { LeaseSchema } from "../gen/cairn/store/v1/record_pb.ts";
import {
  ClearWritesRequestSchema,
  PutCheckpointRequestSchema,
  PutWritesRequestSchema,
} from "../gen/cairn/v1/checkpoint_service_pb.ts";
import { leaseState } from "../runs/lease.ts";
import { openStore } from "../store/open.ts";
import { systemEnvironment } from "../system/environment.ts";
import { AnswerCache } from "./answer-cache.ts";
import { openToAll } from "./auth.ts";
import { clearWrites, putCheckpoint, putWrites } from "./checkpoint-put.ts";
import { Requests } from "./once.ts";
import type { Parts } from "./service.ts";
import { checkNotHeld } from "./thread-guard.ts";

describe("a lease", () => {
  const state = (holder: string | undefined, expiresAtMs: number, exclusive: boolean) => {
    const lease = holder === undefined ? undefined : create(LeaseSchema, { holder, expiresAtMs: BigInt(expiresAtMs) });
    return leaseState({ lease }, { serverId: "me", exclusive, nowMs: 100 });
  };

  it.each([
    [undefined, 0, false, "free"],
    ["", 200, false, "free"],
    ["me", 200, true, "held"],
    ["me", 101, false, "held"],
    ["me", 100, false, "void"],
    ["other", 200, false, "held"],
    ["other", 200, true, "void"],
    ["other", 50, false, "void"],
  ] as const)("of %j until %i (exclusive: %s) is %s", (holder, expiresAtMs, exclusive, expected) => {
    expect(state(holder, expiresAtMs, exclusive)).toBe(expected);
  });
});

describe("a thread that a run holds", () => {
  it("takes nothing from outside until the lease is over", async () => {
    const store = await openStore({ folder: await mkdtemp(join(tmpdir(), "cairn-guard-")) }, systemEnvironment);
    let nowMs = 1000;
    const environment = { ...systemEnvironment, clock: { ...systemEnvironment.clock, nowMs: () => nowMs } };
    const requests = new Requests(store);
    const parts: Parts = {
      store,
      environment,
      serverId: "me",
      startedAtMs: 0,
      log: pino({ level: "silent" }),
      requests,
      answers: new AnswerCache(0),
      taskLeaseMs: 1000,
    };
    const caller = openToAll({ get: () => [] } as never);
    const context = { space: "s", caller, signal: new AbortController().signal, deadlineMs: Number.POSITIVE_INFINITY };
    const lease = create(LeaseSchema, { epoch: 1n, holder: "me", runId: "r", expiresAtMs: 2000n });
    await store.update({ space: "s", thread: "t" }, async () => ({ lease }));
    const checkpoint = { id: "c", threadId: "t", runId: "x" };
    const value = { source: { case: "inline", value: { type: "null" } } } as const;
    const puts = [
      () => putCheckpoint(parts, create(PutCheckpointRequestSchema, { checkpoint }), context),
      () =>
        putWrites(parts, create(PutWritesRequestSchema, { threadId: "t", writes: { writes: [{ value }] } }), context),
      () => clearWrites(parts, create(ClearWritesRequestSchema, { threadId: "t" }), context),
    ];
    for (const put of puts) {
      await expect(put()).rejects.toMatchObject({
        reasonName: "THREAD_BUSY",
        metadata: { thread_id: "t", run_id: "r" },
      });
    }
    nowMs = 2000;
    for (const put of puts) await put();
    // Whoever put something when it was over has ended it.
    expect((await store.tail({ space: "s", thread: "t" })).tail.lease?.holder).toBe("");
    nowMs = 1000;
    await store.update({ space: "s", thread: "t" }, async () => ({ lease }));
    const deletion = store.deleteRuns("s", ["x"], (thread) => checkNotHeld(thread, "", parts));
    await expect(deletion).rejects.toMatchObject({ reasonName: "THREAD_BUSY" });
    await store.close();
  });
});
