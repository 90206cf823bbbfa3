import { clone, create, equals, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  type Checkpoint,
  CheckpointSchema,
  Origin,
  PendingWriteSchema,
  Phase,
  ValuesLayout,
} from "../../src/gen/cairn/v1/checkpoint_pb.ts";
import {
  CheckpointOrder,
  CheckpointService,
  OnConflict,
  ValueView,
} from "../../src/gen/cairn/v1/checkpoint_service_pb.ts";
import type { TypedValue, ValueEntry } from "../../src/gen/cairn/v1/value_pb.ts";
import { putInline } from "../../src/origins/document.ts";
import { Caller, refusal, server } from "./harness.ts";

const { method } = CheckpointService;
const bytes = (text: string) => new TextEncoder().encode(text);
const value = (text: string, type = "json") =>
  ({ source: { case: "inline", value: { type, data: bytes(text) } } }) as const satisfies MessageInitShape<
    typeof import("../../src/gen/cairn/v1/value_pb.ts").ValueSchema
  >;

/** A checkpoint with every field set. */
function full(origin: Origin): Checkpoint {
  return create(CheckpointSchema, {
    id: "cp-1",
    threadId: "thread é 😀",
    namespace: "sub|graph:1",
    parentId: "cp-0",
    parents: { "": "root", __proto__x: "y" },
    step: -1n,
    source: "interrupt",
    sourceNode: "ask",
    phase: Phase.NODE_INTERRUPT,
    createdAt: "2026-01-02T03:04:05.678901+00:00",
    createdAtMs: -5n,
    runId: "run",
    graphName: "graph",
    graphHash: "hash",
    formatVersion: 4,
    schemaVersion: 0,
    origin,
    valuesLayout: ValuesLayout.JSON_OBJECT,
    channelValues: {
      a: value("1.0"),
      "": value("{}"),
      "$x.y": value("\x93\x01\x02\x03", "msgpack"),
      n: value("", "null"),
      p: value("\0", "python:x"),
    },
    channelVersions: {
      versions: {
        i: { number: { case: "int64Value", value: -(2n ** 63n) } },
        u: { number: { case: "uint64Value", value: 2n ** 64n - 1n } },
        d: { number: { case: "doubleValue", value: -0 } },
        s: { number: { case: "stringValue", value: "00001.5" } },
      },
    },
    versionsSeen: { nodes: { a: { versions: {} }, b: { isNull: true } } },
    newVersions: { isNull: true },
    updatedChannels: { names: ["b", "a", "b"] },
    pendingTasks: [{ id: "t", node: "n", triggers: ["x"], stateOverride: value("[1]") }],
    currentNode: "",
    nextNodes: ["n", "n"],
    pendingSends: [{ node: "n", value: value('{"x":1}'), sourceNode: "s", timeout: { seconds: 1n, nanos: 5 } }],
    pendingInterrupts: [{ id: "i", index: 0n, node: "n", namespace: "", value: value('"q"'), createdAt: "now" }],
    barrierState: { b: { names: [] }, c: { names: ["x"] } },
    deltaCounters: { d: { updates: 1n, supersteps: 2n } },
    metadata: bytes('{"b":1, "a":1.0,"run_id":"r"}'),
    extra: { k: bytes("\0\xff") },
  });
}

/** The checkpoint as it was put: every reference replaced by what the table says. */
function resolved(checkpoint: Checkpoint | undefined, table: ValueEntry[]): Checkpoint {
  const copy = clone(CheckpointSchema, checkpoint as Checkpoint);
  putInline({ checkpoint: copy, writes: [] }, new Map(table.map(({ ref, value }) => [ref, value as TypedValue])));
  copy.seq = 0n;
  return copy;
}

describe("checkpoints", () => {
  it.each([Origin.NATIVE, Origin.LANGGRAPH, Origin.JUNCTURE, Origin.NEOGRAPH])(
    "of origin %i come back as they were put, with every field set",
    async (origin) => {
      const caller = new Caller((await server()).address);
      const put = full(origin);
      const answer = await caller.call(method.putCheckpoint, { checkpoint: put });
      expect(Object.keys(answer.valueRefs).sort()).toEqual(["", "$x.y", "a", "n", "p"]);
      expect(answer.eventNumber).toBe(answer.seq * 10_000n);
      const name = { threadId: put.threadId, namespace: put.namespace };
      const got = await caller.call(method.getCheckpoint, { ...name, checkpointId: put.id });
      expect(got.entry?.checkpoint?.seq).toBe(answer.seq);
      expect(equals(CheckpointSchema, resolved(got.entry?.checkpoint, got.values), put)).toBe(true);
      const latest = await caller.call(method.getCheckpoint, name);
      expect(latest.entry?.checkpoint?.id).toBe(put.id);
    },
  );

  it("keep null, empty and absent apart", async () => {
    const caller = new Caller((await server()).address);
    const variants: MessageInitShape<typeof CheckpointSchema>[] = [
      {},
      { channelVersions: {}, versionsSeen: {}, newVersions: {}, updatedChannels: {}, metadata: bytes("{}") },
      { channelVersions: { isNull: true }, versionsSeen: { isNull: true }, newVersions: { isNull: true } },
      { updatedChannels: { isNull: true }, metadata: bytes("null"), step: 0n, source: "", parentId: "", createdAt: "" },
      { metadata: bytes(""), schemaVersion: 0, formatVersion: 0, createdAtMs: 0n, runId: "", sourceNode: "" },
      { pendingInterrupts: [{}, { id: "", index: 0n }], pendingTasks: [{ id: "t" }], barrierState: { x: {} } },
    ];
    for (const [i, variant] of variants.entries()) {
      const init = { ...variant, id: `v${i}`, threadId: "t" } as MessageInitShape<typeof CheckpointSchema>;
      const put = create(CheckpointSchema, init);
      await caller.call(method.putCheckpoint, { checkpoint: put });
      const got = await caller.call(method.getCheckpoint, { threadId: "t", checkpointId: `v${i}` });
      expect(resolved(got.entry?.checkpoint, got.values), `variant ${i}`).toEqual(put);
    }
  });

  it("come with writes put beside and after them, sorted, first or last kept by index", async () => {
    const caller = new Caller((await server()).address);
    const write = (taskId: string, idx: number, text: string, taskPath = "") => ({
      taskId,
      idx,
      channel: "c",
      taskPath,
      value: value(text),
    });
    await caller.call(method.putWrites, {
      threadId: "t",
      writes: { checkpointId: "c", writes: [write("b", 0, "1"), write("a", -1, "2")] },
    });
    await caller.call(method.putCheckpoint, {
      checkpoint: { id: "c", threadId: "t" },
      writes: [{ checkpointId: "c", writes: [write("b", 0, "3"), write("a", -1, "4"), write("z", 0, "5", "~0")] }],
    });
    const got = await caller.call(method.getCheckpoint, { threadId: "t" });
    const table = new Map(got.values.map((entry) => [entry.ref, Buffer.from(entry.value?.data ?? []).toString()]));
    const told = got.entry?.writes.map(({ taskId, idx, value: given }) => [
      taskId,
      idx,
      table.get(String(given?.source.value)),
    ]);
    expect(told).toEqual([
      ["a", -1, "4"],
      ["b", 0, "1"],
      ["z", 0, "5"],
    ]);
    await caller.call(method.clearWrites, { threadId: "t", checkpointId: "c" });
    expect((await caller.call(method.getCheckpoint, { threadId: "t" })).entry?.writes).toEqual([]);
    expect(await caller.call(method.clearWrites, { threadId: "nobody" })).toBeDefined();
    expect((await refusal(caller.call(method.getCheckpoint, { threadId: "nobody" }))).reason).toBe("THREAD_NOT_FOUND");
    expect((await caller.call(method.putWrites, { threadId: "t", writes: {} })).record).toBe(0n);
    expect(create(PendingWriteSchema).mode).toBe("");
  });

  it("are read as they are now, however often the same was asked before", async () => {
    const caller = new Caller((await server()).address);
    const read = async () => {
      const { entry, values } = await caller.call(method.getCheckpoint, { threadId: "t" });
      return JSON.stringify([entry?.checkpoint?.id, entry?.writes.length, values.map((row) => row.crc32)]);
    };
    const put = (id: string, text: string) =>
      caller.call(method.putCheckpoint, { checkpoint: { id, threadId: "t", channelValues: { a: value(text) } } });
    const write = { taskId: "k", channel: "a", value: value("4") };
    const changes = [
      () => put("c1", "1"),
      () => put("c1", "2"),
      () => put("c2", "3"),
      () => caller.call(method.putWrites, { threadId: "t", writes: { checkpointId: "c2", writes: [write] } }),
    ];
    const seen = new Set<string>();
    for (const [index, change] of changes.entries()) {
      await change();
      const now = await read();
      expect(await read()).toBe(now);
      expect(seen.add(now).size).toBe(index + 1);
    }
    await caller.call(method.clearWrites, { threadId: "t", checkpointId: "c2" });
    expect(JSON.parse(await read())[1]).toBe(0);
  });

  it("follow on_conflict and expected_head", async () => {
    const caller = new Caller((await server()).address);
    const put = (id: string, more: object = {}) =>
      caller.call(method.putCheckpoint, { checkpoint: { id, threadId: "t" }, ...more });
    await put("a", { expectedHead: {} });
    const stale = await refusal(put("b", { expectedHead: {} }));
    expect([stale.code, stale.reason]).toEqual(["ABORTED", "HEAD_MISMATCH"]);
    expect(Object.values(stale.metadata)).toContain("a");
    const b = await put("b", { expectedHead: { checkpointId: "a" } });
    expect((await refusal(put("a", { onConflict: OnConflict.FAIL }))).reason).toBe("CHECKPOINT_EXISTS");
    const replaced = await put("a");
    expect(replaced.seq).toBeLessThan(b.seq);
    expect((await put("a", { onConflict: OnConflict.REPLACE_AND_TOUCH })).seq).toBeGreaterThan(b.seq);
  });

  it("are listed, found, and read in batches", async () => {
    const caller = new Caller((await server()).address);
    for (let i = 0; i < 5; i++) {
      const checkpoint = {
        id: `c${i}`,
        threadId: i < 4 ? "t" : "__proto__",
        parentId: i === 0 ? undefined : `c${i - 1}`,
        channelValues: { x: value(`${i}`) },
      };
      await caller.call(method.putCheckpoint, { checkpoint });
    }
    const first = await caller.call(method.listCheckpoints, { threadId: "t", pageSize: 3 });
    expect(first.entries.map(({ checkpoint }) => checkpoint?.id)).toEqual(["c3", "c2", "c1"]);
    expect(first.tables.t?.values).toHaveLength(3);
    const second = await caller.call(method.listCheckpoints, {
      threadId: "t",
      pageSize: 3,
      pageToken: first.nextPageToken,
    });
    expect([second.entries.map(({ checkpoint }) => checkpoint?.id), second.nextPageToken]).toEqual([["c0"], ""]);
    const wrong = await refusal(
      caller.call(method.listCheckpoints, { threadId: "u", pageSize: 3, pageToken: first.nextPageToken }),
    );
    expect(wrong.reason).toBe("PAGE_TOKEN_INVALID");
    const ancestors = await caller.call(method.listCheckpoints, {
      threadId: "t",
      namespace: "",
      ancestorsOf: "c1",
      order: CheckpointOrder.ID,
    });
    expect(ancestors.entries.map(({ checkpoint }) => checkpoint?.id)).toEqual(["c1", "c0"]);
    expect((await refusal(caller.call(method.listCheckpoints, { ancestorsOf: "c1" }))).fields).toEqual([
      "ancestors_of",
    ]);
    expect((await refusal(caller.call(method.listCheckpoints, { before: "c1" }))).fields).toEqual(["before"]);
    const all = await caller.call(method.listCheckpoints, { view: ValueView.REFS });
    expect(Object.keys(all.tables).sort()).toEqual(["__proto__", "t"]);
    expect(all.tables.t?.values[0]?.value).toBeUndefined();
    expect((await caller.call(method.findCheckpoint, { checkpointId: "c4" })).entry?.checkpoint?.threadId).toBe(
      "__proto__",
    );
    expect((await refusal(caller.call(method.findCheckpoint, { checkpointId: "no" }))).code).toBe("NOT_FOUND");
    const names = [{ threadId: "t", checkpointId: "c1" }, { threadId: "no" }, { threadId: "__proto__" }];
    const batch = await caller.call(method.batchGetCheckpoints, { names });
    expect(batch.results.map(({ entry }) => entry?.checkpoint?.id)).toEqual(["c1", "c4"]);
    const got = await caller.call(method.getCheckpoint, {
      threadId: "t",
      heldRefs: [first.tables.t?.values[0]?.ref ?? ""],
    });
    expect(got.values.filter(({ value: held }) => held === undefined)).toHaveLength(1);
  });

  it("of a run are deleted", async () => {
    const caller = new Caller((await server()).address);
    for (const runId of ["r1", "r2"]) {
      await caller.call(method.putCheckpoint, { checkpoint: { id: runId, threadId: "t", runId } });
    }
    const request = { runIds: ["r1", "unknown"], requestId: "q" };
    expect((await caller.call(method.deleteRuns, request)).deletedCheckpoints).toBe(1n);
    expect((await caller.call(method.deleteRuns, request)).deletedCheckpoints).toBe(0n);
  });

  it("take any id that the rules allow, and keep spaces apart", async () => {
    const caller = new Caller((await server()).address);
    const ids = [
      "$where",
      "a.b",
      "__proto__",
      "constructor",
      "'; drop table log; --",
      "%",
      "😀",
      "\u202e",
      "x".repeat(1024),
      "a/b|c:d",
      " ",
      "\u0080",
    ];
    for (const id of ids) {
      const checkpoint = {
        id,
        threadId: id,
        namespace: id,
        channelValues: { [id]: value("1") },
        barrierState: { [id]: {} },
      };
      const { valueRefs } = await caller.call(method.putCheckpoint, { checkpoint, requestId: id.slice(0, 20) });
      expect(Object.keys(valueRefs)).toEqual([id]);
      const { entry } = await caller.call(method.getCheckpoint, { threadId: id, namespace: id });
      expect([entry?.checkpoint?.id, Object.keys(entry?.checkpoint?.channelValues ?? {})]).toEqual([id, [id]]);
      expect(Object.keys(entry?.checkpoint?.barrierState ?? {})).toEqual([id]);
      const other = caller.call(method.getCheckpoint, { threadId: id }, { metadata: { "cairn-space": "other" } });
      expect((await refusal(other)).reason).toBe("THREAD_NOT_FOUND");
    }
    for (const id of ["a\0b", "a\nb", "\x7f", "x".repeat(1025), "é".repeat(513)]) {
      const { fields } = await refusal(caller.call(method.putCheckpoint, { checkpoint: { id, threadId: "t" } }));
      expect(fields).toEqual(["checkpoint.id"]);
    }
  });

  it("keep values of any size up to the limit, and refuse larger ones with both sizes", async () => {
    const limit = 16 * 1024 * 1024;
    const caller = new Caller((await server({ valueBytesMax: limit })).address);
    const big = (size: number) =>
      ({ source: { case: "inline", value: { type: "bytes", data: new Uint8Array(size).fill(7) } } }) as const;
    await caller.call(method.putCheckpoint, {
      checkpoint: { id: "a", threadId: "t", channelValues: { x: big(limit), y: value("1") } },
    });
    const got = await caller.call(method.getCheckpoint, { threadId: "t" });
    expect(got.values.map(({ sizeBytes }) => Number(sizeBytes)).sort()).toEqual([1, limit]);
    expect(got.values.every((entry) => BigInt(entry.value?.data.length ?? -1) === entry.sizeBytes)).toBe(true);
    const over = await refusal(
      caller.call(method.putCheckpoint, {
        checkpoint: { id: "b", threadId: "t", channelValues: { "x y": big(limit + 1) } },
      }),
    );
    expect([over.code, over.reason]).toEqual(["RESOURCE_EXHAUSTED", "VALUE_TOO_LARGE"]);
    expect(over.metadata).toMatchObject({ channel: "x y" });
    expect(over.message).toMatch(/16777217.*16777216/);
    expect(over.fields).toEqual(['checkpoint.channel_values["x y"]']);
    const write = await refusal(
      caller.call(method.putWrites, { threadId: "t", writes: { writes: [{ taskId: "t", value: big(limit + 1) }] } }),
    );
    expect(write.fields).toEqual(["writes.writes[0].value"]);
    const huge = await refusal(
      caller.raw("/cairn.v1.CheckpointService/PutCheckpoint", Buffer.alloc(64 * 1024 * 1024 + 1)),
    );
    expect(huge.code).toBe("RESOURCE_EXHAUSTED");
  });
});
