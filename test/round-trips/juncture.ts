// Checkpoints, metadata and pending writes as juncture's serde writes them.
import fc from "fast-check";
import type { JunctureTuple } from "../../src/origins/juncture.ts";
import { compareBytes } from "../../src/values/order.ts";
import { anyId, anyJson, documentOf, i64, listOf, objectOf, sometimes, textJson, u32, u64 } from "./json.ts";
import type { Shape } from "./same.ts";

const versions = objectOf(u64.map(String));
const time = fc.constantFrom("2026-11-22T02:29:43.893586284Z", "2026-11-22T02:29:43.000000001+00:00", "", "not a time");
const quoted = (text: string) => JSON.stringify(text);

const task = fc
  .tuple(textJson, textJson, listOf(textJson), fc.oneof(fc.constant("null"), anyJson))
  .map(([id, node, triggers, state]) => `{"id":${id},"node":${node},"triggers":${triggers},"state_override":${state}}`);
const send = fc.tuple(textJson, anyJson).map(([node, state]) => `{"state":${state},"node":${node}}`);
const interrupt = fc
  .tuple(u64, fc.oneof(fc.constant("null"), textJson), anyJson, time.map(quoted))
  .map(([index, id, payload, at]) => `{"index":${index},"id":${id},"payload":${payload},"timestamp":${at}}`);
const counters = fc.tuple(u64, u64).map(([updates, supersteps]) => `{"updates":${updates},"supersteps":${supersteps}}`);

/** One object of the state's fields; any other JSON is possible as well. */
const values = fc.oneof({ weight: 5, arbitrary: objectOf(anyJson) }, { weight: 1, arbitrary: anyJson });

const checkpoint = documentOf({
  id: anyId.map(quoted),
  channel_values: values,
  channel_versions: versions,
  versions_seen: objectOf(versions),
  pending_tasks: listOf(task),
  pending_sends: listOf(send),
  // The only member with a default: older documents have none.
  pending_interrupts: sometimes(listOf(interrupt)),
  schema_version: u32.map(String),
  created_at: time.map(quoted),
  v: u32.map(String),
  new_versions: versions,
  counters_since_delta_snapshot: objectOf(counters),
});

const source = fc.oneof(
  fc.constantFrom('"Input"', '"Loop"', '"Update"', '"Fork"'),
  textJson.map((node) => `{"Interrupt":{"node":${node}}}`),
);

const metadata = documentOf({
  source,
  step: i64.map(String),
  writes: objectOf(anyJson),
  parents: objectOf(textJson),
  run_id: anyId.map(quoted),
  return_value: sometimes(anyJson, "null"),
});

/** By task, each task's in their order. */
const writes = fc
  .uniqueArray(anyId, { maxLength: 3 })
  .chain((ids) => fc.tuple(...ids.sort(compareBytes).map(writesOf)))
  .map((all) => all.flat());

function writesOf(taskId: string): fc.Arbitrary<Uint8Array[]> {
  const channel = fc.oneof(textJson, fc.constantFrom('"__interrupt__"', '"__resume__"', '"__error__"'));
  const one = documentOf({ task_id: fc.constant(quoted(taskId)), channel, value: anyJson });
  return fc.array(one, { maxLength: 3 });
}

const namespaces = fc.constantFrom("", "|node:1ef4f797", "|node:1|子:2", "lossy");

export function tuple(threadId: string): fc.Arbitrary<JunctureTuple> {
  return fc.record({
    threadId: fc.constant(threadId),
    namespace: namespaces,
    parentId: fc.option(anyId, { nil: undefined }),
    checkpoint,
    metadata: fc.option(metadata, { nil: undefined }),
    writes,
  });
}

export const checkpointShape: Shape = {
  members: {
    id: "text",
    created_at: "text",
    channel_values: { map: "opaque" },
    channel_versions: { map: "opaque" },
    versions_seen: { map: { map: "opaque" } },
    new_versions: { map: "opaque" },
    pending_tasks: { list: { members: { id: "text", node: "text", triggers: { list: "text" } } } },
    pending_sends: { list: { members: { node: "text" } } },
    pending_interrupts: { list: { members: { id: "text", timestamp: "text" } } },
    counters_since_delta_snapshot: { map: { members: {} } },
  },
};

export const writeShape: Shape = { members: { task_id: "text", channel: "text" } };
