// What is sent: any RPC of any service, with any request, in any manner; and stories between.
import type { DescMethod, DescService } from "@bufbuild/protobuf";
import fc from "fast-check";
import { AdminService } from "../../src/gen/cairn/v1/admin_service_pb.ts";
import { CheckpointSchema, PendingWriteSchema } from "../../src/gen/cairn/v1/checkpoint_pb.ts";
import { CheckpointService } from "../../src/gen/cairn/v1/checkpoint_service_pb.ts";
import { GraphService } from "../../src/gen/cairn/v1/graph_service_pb.ts";
import { RunService } from "../../src/gen/cairn/v1/run_service_pb.ts";
import { ThreadService } from "../../src/gen/cairn/v1/thread_service_pb.ts";
import { asks, celGraph, expensiveGraph, steps } from "./graphs.ts";
import { Messages } from "./messages.ts";
import type { Manner } from "./outcome.ts";
import type { Pools } from "./pools.ts";
import { special } from "./special.ts";
import { adopting, keeping, type Place, running, type Story } from "./stories.ts";
import { hostileText } from "./texts.ts";

export const services: readonly DescService[] = [
  CheckpointService,
  ThreadService,
  GraphService,
  RunService,
  AdminService,
];

const soon = fc.integer({ min: 0, max: 30 });
const patient = fc.constant<Manner>({ kind: "patient" });
const cancelled = soon.map((afterMs): Manner => ({ kind: "cancelled", afterMs }));
const hurried = fc.integer({ min: 0, max: 5 }).map((deadlineMs): Manner => ({ kind: "hurried", deadlineMs }));
const dropped = fc.record<Manner & { kind: "dropped" }>({
  kind: fc.constant("dropped"),
  messages: fc.integer({ min: 1, max: 4 }),
  reads: fc.boolean(),
  afterMs: fc.integer({ min: 0, max: 150 }),
});

/** A stream may have no end of its own, so nobody waits for it. A caller of one that sends may never close its half. */
const manners: Record<DescMethod["methodKind"], fc.Arbitrary<Manner>> = {
  unary: fc.oneof(
    { weight: 16, arbitrary: patient },
    { weight: 1, arbitrary: cancelled },
    { weight: 1, arbitrary: hurried },
  ),
  server_streaming: fc.oneof(dropped, cancelled, hurried),
  client_streaming: fc.oneof(patient, cancelled, hurried),
  bidi_streaming: fc.oneof(dropped, cancelled, hurried),
};

/** A thread of its own, so that a story mostly reaches its end, or one of the few that everybody uses. */
function places(pools: Pools): fc.Arbitrary<Place> {
  const own = fc.integer({ min: 0, max: 2 ** 31 }).map((index) => ({ threadId: `story ${index}`, deletes: true }));
  const shared = pools.any("thread").map((threadId) => ({ threadId, deletes: false }));
  return fc.oneof({ weight: 2, arbitrary: own }, { weight: 1, arbitrary: shared });
}

/** What makes something comes most often, what deletes much seldom. */
function weightOf({ name }: DescMethod): number {
  if (name === "DeleteSpace") return 1;
  if (name.startsWith("Delete")) return 3;
  return /^(Put|Create|Run|Resume|Update)/.test(name) ? 12 : 6;
}

const inputs = fc.record({
  n: fc.integer({ min: -3, max: 3 }),
  text: fc.oneof(hostileText, fc.constant("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxab".repeat(30))),
  log: fc.array(fc.integer(), { maxLength: 5 }),
  map: fc.constantFrom({}, { a: 1 }, { constructor: null }),
});

export function stories(pools: Pools): fc.Arbitrary<Story> {
  const messages = new Messages(pools, special(pools));
  const calls = services.flatMap(({ methods }) =>
    methods.map((method) => ({ weight: weightOf(method), arbitrary: single(method, messages, pools) })),
  );
  const place = places(pools);
  return fc.oneof(
    { weight: 120, arbitrary: fc.oneof(...calls) },
    { weight: 2, arbitrary: fc.tuple(place, hostileText).map(([at, text]) => keeping(at, text)) },
    { weight: 3, arbitrary: adoptions(messages, place) },
    {
      weight: 3,
      arbitrary: fc
        .tuple(place, fc.oneof(fc.constantFrom(steps, asks, asks), celGraph), inputs)
        .map(([at, graph, { map: _, ...input }]) => running(at, graph, input)),
    },
  );
}

/** Runs of graphs whose expressions would take for ever, with a state that makes the most of it. */
export function expensiveStories(pools: Pools): fc.Arbitrary<Story> {
  return fc.tuple(places(pools), expensiveGraph).map(([at, graph]) => running(at, graph, expensiveInput));
}

const expensiveInput = {
  text: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxab".repeat(1_000),
  log: Array.from({ length: 5_000 }, (_, i) => i),
  map: Object.fromEntries(Array.from({ length: 2_000 }, (_, i) => [`k${i}`, i])),
};

function adoptions(messages: Messages, place: fc.Arbitrary<Place>): fc.Arbitrary<Story> {
  const fields = fc.oneof(
    { weight: 3, arbitrary: messages.message(CheckpointSchema, "tame", 1) },
    { weight: 1, arbitrary: messages.message(CheckpointSchema, "odd", 1) },
  );
  const writes = messages.message(PendingWriteSchema, "tame", 1);
  return fc
    .tuple(place, fc.constantFrom(steps, asks), fields, writes)
    .map(([at, graph, checkpoint, write]) => adopting(at, graph, checkpoint, write));
}

function single(method: DescMethod, messages: Messages, pools: Pools): fc.Arbitrary<Story> {
  const message = messages.request(method.input);
  const streams = method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming";
  const several = fc.array(message, { maxLength: 4 });
  const space = fc.oneof(
    { weight: 8, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: pools.any("space") },
  );
  return fc
    .tuple(streams ? several : fc.tuple(message), manners[method.methodKind], space)
    .map(([given, manner, name]): Story => {
      const metadata = name === undefined ? undefined : { "cairn-space": name };
      return (send) => send({ method, messages: given, manner, metadata });
    });
}
