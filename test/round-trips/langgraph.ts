// Checkpoints, metadata and pending writes as LangGraph hands them to a saver, in Python and in JavaScript.
import fc from "fast-check";
import type { Dumped, LanggraphTuple, LanggraphWrite } from "../../src/origins/langgraph.ts";
import { compareBytes } from "../../src/values/order.ts";
import { anyId, anyJson, anyText, documentOf, i64, listOf, objectOf, sometimes, textJson, u64 } from "./json.ts";
import type { Shape } from "./same.ts";

const bytes = fc.uint8Array({ maxLength: 40 }).map((given) => new Uint8Array(given));

/** What `dumps_typed` gives: MessagePack with extensions of Python's classes, JSON of JavaScript, and others. */
const dumped: fc.Arbitrary<Dumped> = fc.oneof(
  fc
    .tuple(fc.constantFrom("msgpack", "bytes", "bytearray", "pickle", "msgpack+aes"), bytes)
    .map(([type, data]) => ({ type, data })),
  anyJson.map((json) => ({ type: "json", data: new TextEncoder().encode(json) })),
  fc.constant({ type: "null", data: new Uint8Array() }),
);

/** Whole numbers, floats or texts. */
const version = fc.oneof(
  u64.map(String),
  i64.map(String),
  fc.constantFrom("1.0", "-0.0", "3.5", "1e+300"),
  fc.constant('"00000000000000000000000000000004.0.5123"'),
);
const versions = objectOf(version);

const checkpoint = documentOf({
  v: fc.constantFrom("1", "2", "4"),
  ts: fc.constantFrom('"2026-11-22T02:29:43.893586+00:00"', '""'),
  id: anyId.map((id) => JSON.stringify(id)),
  channel_versions: versions,
  versions_seen: objectOf(versions, fc.oneof(anyText, fc.constantFrom("__input__", "__interrupt__"))),
  // Null before anything was updated; not there in JavaScript.
  updated_channels: sometimes(listOf(textJson), "null"),
  // Only before v 4.
  pending_sends: fc.oneof(fc.constant(undefined), listOf(anyJson)),
  "!note": fc.constantFrom(undefined, "1e0"),
});

const metadata = documentOf({
  source: sometimes(fc.constantFrom('"input"', '"loop"', '"update"', '"fork"')),
  step: sometimes(i64.map(String), "-1", "1.0"),
  parents: sometimes(objectOf(textJson), "{}"),
  run_id: sometimes(textJson, "null"),
  counters_since_delta_snapshot: sometimes(objectOf(fc.tuple(u64, u64).map(([a, b]) => `[${a},${b}]`))),
  "user's": anyJson,
});

/** Sorted as `get_tuple` must give them: by path, task and place. */
const writes: fc.Arbitrary<LanggraphWrite[]> = fc
  .uniqueArray(
    fc.record({
      taskId: fc.oneof(anyId, fc.constant("00000000-0000-0000-0000-000000000000")),
      taskPath: fc.constantFrom("", "~__pregel_pull, a", "~__pregel_push, 0000000001"),
      idx: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.constantFrom(-1, -2, -3, -4, 2 ** 31 - 1)),
      channel: anyText,
      value: dumped,
    }),
    { maxLength: 5, selector: ({ taskId, idx }) => `${idx} ${taskId}` },
  )
  .map((all) =>
    all.sort((a, b) => compareBytes(a.taskPath, b.taskPath) || compareBytes(a.taskId, b.taskId) || a.idx - b.idx),
  );

const values = fc
  .uniqueArray(fc.tuple(anyText, dumped), { maxLength: 4, selector: ([channel]) => channel })
  .map((entries) => {
    const map: { [channel: string]: Dumped } = Object.create(null);
    for (const [channel, value] of entries) map[channel] = value;
    return map;
  });

export function tuple(threadId: string): fc.Arbitrary<LanggraphTuple> {
  return fc.record({
    threadId: fc.constant(threadId),
    namespace: fc.constantFrom("", "node:1ef4f797|sub:2", "node|1"),
    parentId: fc.option(anyId, { nil: undefined }),
    checkpoint,
    channelValues: values,
    metadata: fc.option(metadata, { nil: undefined }),
    writes,
  });
}

export const checkpointShape: Shape = {
  members: {
    id: "text",
    ts: "text",
    channel_versions: { map: "opaque" },
    versions_seen: { map: { map: "opaque" } },
    updated_channels: { list: "text" },
  },
};
