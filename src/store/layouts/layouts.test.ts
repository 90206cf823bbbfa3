// Whatever a record says, it says after it has been written and read as well, to the byte.
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  GraphRecordSchema,
  LeaseSchema,
  type Record,
  RecordSchema,
  TailSchema,
} from "../../gen/cairn/store/v1/record_pb.ts";
import { type Checkpoint, CheckpointSchema, PendingTaskSchema } from "../../gen/cairn/v1/checkpoint_pb.ts";
import { CheckpointSavedSchema, type Event, EventSchema, RunStartedSchema } from "../../gen/cairn/v1/event_pb.ts";
import { type Value, ValueSchema } from "../../gen/cairn/v1/value_pb.ts";
import { decodeGraph, decodeRow, encodeGraph, encodeRecord, LAYOUT } from "../record-codec.ts";
import { rules } from "./left-out.ts";

const seed = Number(process.env.CAIRN_SEED ?? Math.trunc(Math.random() * 2 ** 31));
const place = { thread: "thread", n: 7 };
const AT_MS = 1_795_663_811_198n;

/** What a record would be expected to say, and then anything else. */
const mostly = <T>(usual: T, ...others: T[]) =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(usual) }, fc.constantFrom(usual, ...others));

const valueRef = (ref: string): Value => create(ValueSchema, { source: { case: "ref", value: ref } });
const values = fc
  .uniqueArray(fc.constantFrom("a", "b", "__start__", "branch:to:x", "10", "9", "é"))
  .chain((names) =>
    fc.tuple(...names.map((name) => fc.constantFrom("1.0", "2.0").map((ref) => [name, valueRef(ref)] as const))),
  )
  .map((entries) => Object.fromEntries(entries));

const tasks = fc.array(
  fc
    .record({
      id: fc.constantFrom("i", "j"),
      node: fc.constantFrom("x", "y"),
      triggers: fc.array(fc.constantFrom("a", "b"), { maxLength: 2 }),
      stateOverride: fc.option(fc.constantFrom("1.0", "2.0").map(valueRef), { nil: undefined }),
    })
    .map((task) => create(PendingTaskSchema, task)),
  { maxLength: 3 },
);

const checkpoints: fc.Arbitrary<Checkpoint> = fc
  .record({
    threadId: mostly("thread", "", "other"),
    seq: mostly(7n, 0n, 8n),
    parentId: fc.constantFrom(undefined, "", "p"),
    step: fc.constantFrom(undefined, -1n, 0n, 3n),
    source: fc.constantFrom(undefined, "", "loop"),
    createdAtMs: mostly<bigint | undefined>(AT_MS, undefined, 0n, -62_198_755_200_001n, 9_000_000_000_000_000n),
    createdAt: mostly<string | undefined>("2026-11-26T03:30:11.198Z", undefined, "", "2026-11-26T03:30:11.1980Z"),
    runId: mostly<string | undefined>("run", undefined, "", "other"),
    graphName: fc.constantFrom(undefined, "", "g"),
    channelValues: values,
    pendingTasks: tasks,
    namespace: fc.constantFrom("", "ns"),
    nextNodes: fc.array(fc.constantFrom("x", "y"), { maxLength: 2 }),
    usual: fc.boolean(),
  })
  .map(({ usual, nextNodes, ...fields }) =>
    create(CheckpointSchema, {
      ...fields,
      id: "c",
      nextNodes: usual ? fields.pendingTasks.map(({ node }) => node) : nextNodes,
    }),
  );

/** Tells of the checkpoint, as it is or a little otherwise. */
function savedOf(checkpoint: Checkpoint, values: Checkpoint["channelValues"], change: number) {
  const control = (name: string) => name.startsWith("__") || name.includes(":");
  return create(CheckpointSavedSchema, {
    checkpointId: change === 1 ? "d" : checkpoint.id,
    parentId: change === 2 ? "q" : (checkpoint.parentId ?? ""),
    seq: change === 3 ? 1n : checkpoint.seq,
    step: change === 4 ? 9n : (checkpoint.step ?? 0n),
    source: change === 5 ? "fork" : (checkpoint.source ?? ""),
    nextNodes: change === 6 ? [...checkpoint.nextNodes, "z"] : checkpoint.nextNodes,
    tasks: change === 7 ? checkpoint.pendingTasks.slice(1) : checkpoint.pendingTasks,
    values:
      change === 8
        ? values
        : Object.fromEntries(Object.entries(checkpoint.channelValues).filter(([name]) => !control(name))),
  });
}

const records: fc.Arbitrary<Record> = fc
  .record({
    checkpoint: fc.option(checkpoints, { nil: undefined, freq: 5 }),
    lease: fc.option(fc.constantFrom("", "run"), { nil: undefined, freq: 5 }),
    hasTail: mostly(true, false),
    isHead: mostly(true, false),
    lastEvent: mostly<bigint | undefined>(undefined, 0n, 69_999n),
    saved: fc.array(mostly(0, 1, 2, 3, 4, 5, 6, 7, 8), { maxLength: 2 }),
    otherValues: values,
    events: fc.array(
      fc.record({ number: mostly(0n, 5n), at: mostly(AT_MS, undefined, 5n), runId: mostly("run", "", "other") }),
      { maxLength: 3 },
    ),
    unknown: fc.boolean(),
  })
  .map(({ checkpoint, lease, hasTail, isHead, lastEvent, saved, otherValues, events, unknown }) => {
    const bodies: Event["body"][] = events.map(() => ({
      case: "runStarted",
      value: create(RunStartedSchema, { epoch: 1n }),
    }));
    for (const change of saved.slice(0, events.length)) {
      if (checkpoint) bodies.unshift({ case: "checkpointSaved", value: savedOf(checkpoint, otherValues, change) });
    }
    const numbered = events.map(({ number, at, runId }, index) =>
      create(EventSchema, {
        number: 70_000n + BigInt(index) + number,
        at: at === undefined ? undefined : timestampFromMs(Number(at)),
        runId,
        body: bodies[index],
      }),
    );
    const tail = create(TailSchema, {
      lease: lease === undefined ? undefined : create(LeaseSchema, { epoch: 1n, runId: lease }),
      lastEventNumber: lastEvent ?? numbered.at(-1)?.number ?? 0n,
      createdAtMs: 1n,
      ...(isHead && {
        headCheckpointId: checkpoint?.id ?? "",
        headStep: checkpoint?.step ?? 0n,
        graphName: checkpoint?.graphName ?? "",
      }),
    });
    const record = create(RecordSchema, {
      layout: LAYOUT,
      atMs: AT_MS,
      checkpoint,
      tail: hasTail ? tail : undefined,
      events: numbered,
    });
    // A field of a build to come that has the same layout.
    if (unknown) record.$unknown = [{ no: 1000, wireType: 0, data: new Uint8Array([1]) }];
    return record;
  });

describe("records", () => {
  test(`are read as they were written, seed ${seed}`, () => {
    const seen = new Set<number>();
    fc.assert(
      fc.property(records, (record) => {
        const before = toBinary(RecordSchema, record);
        const body = encodeRecord(place, record);
        // What is being committed is told of afterwards: it must not change.
        expect(toBinary(RecordSchema, record)).toEqual(before);
        const { leftOut } = fromBinary(RecordSchema, body);
        for (const { bit } of rules) seen.add(leftOut & bit ? bit : -bit);
        expect(Buffer.from(toBinary(RecordSchema, decodeRow({ thread: place.thread }, { n: place.n, body })))).toEqual(
          Buffer.from(before),
        );
      }),
      { seed, numRuns: 2_000 },
    );
    // Each rule was met by records that it holds for and by others.
    expect([...seen].sort((one, other) => one - other)).toEqual(
      rules.flatMap(({ bit }) => [-bit, bit]).sort((one, other) => one - other),
    );
  });

  test(`of older layouts are read as they were, seed ${seed}`, () => {
    fc.assert(
      fc.property(records, fc.integer({ min: 1, max: 2 }), (record, layout) => {
        const body = toBinary(RecordSchema, { ...record, layout });
        const read = decodeRow({ thread: place.thread }, { n: place.n, body });
        expect(Buffer.from(toBinary(RecordSchema, read))).toEqual(Buffer.from(toBinary(RecordSchema, record)));
      }),
      { seed, numRuns: 500 },
    );
  });

  test("that leave out more than is known here are not misread", () => {
    const body = toBinary(RecordSchema, create(RecordSchema, { layout: LAYOUT, leftOut: 1 << 30 }));
    expect(() => decodeRow(place, { n: 7, body })).toThrow("leaves out what is not known");
  });

  test("of graphs get the newest layout", () => {
    const old = toBinary(GraphRecordSchema, create(GraphRecordSchema, { layout: 1, hash: "h" }));
    const graph = decodeGraph({ name: "g", revision: 1, body: old });
    expect(graph).toMatchObject({ layout: LAYOUT, hash: "h" });
    expect(fromBinary(GraphRecordSchema, encodeGraph(graph)).layout).toBe(LAYOUT);
  });
});
