// Checkpoints and records of pending writes as NeoGraph writes them, of every layout that it has had.
import fc from "fast-check";
import { compareBytes } from "../../src/values/order.ts";
import { anyId, anyJson, anyText, documentOf, i64, listOf, objectOf, sometimes, textJson, u64 } from "./json.ts";
import type { Shape } from "./same.ts";

/** A set: sorted, each name once. */
const nameSet = fc.uniqueArray(anyText, { maxLength: 3 }).map((names) => JSON.stringify(names.sort(compareBytes)));

const version = fc.oneof(u64.map(String), fc.constantFrom("0", "-0.0", "1.0", '"v"'));

const entry = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(anyJson, version).map(([value, at]) => `{"value":${value},"version":${at}}`) },
  { weight: 1, arbitrary: anyJson.map((value) => `{"retention": 1e0 ,"value":${value}}`) },
  { weight: 1, arbitrary: fc.constantFrom("null", "{}", '{"version":3}', "[1]") },
);

/** The engine's own form, and what is of another: `channel_values` is any JSON. */
const channelValues = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(objectOf(entry), u64, fc.constantFrom("", ',"more":{"b":-0.0}'))
      .map(([channels, at, more]) => `{"channels":${channels},"global_version":${at}${more}}`),
  },
  { weight: 1, arbitrary: fc.constantFrom("{}", "null", '{"channels":null}', '{"channels":{}}', '{"channels":[]}') },
  { weight: 2, arbitrary: anyJson },
);

const phase = fc
  .constantFrom("before", "after", "completed", "node_interrupt", "updated")
  .map((word) => JSON.stringify(word));

/** What is only there from some layout on may be there in any: reads are tolerant. */
export function checkpoint(threadId: string): fc.Arbitrary<Uint8Array> {
  const nodes = listOf(textJson);
  const current = documentOf({
    ...common(threadId),
    next_nodes: sometimes(nodes, "null"),
    schema_version: schemaVersion,
  });
  const first = documentOf({
    ...common(threadId),
    next_node: textJson,
    schema_version: fc.constantFrom(undefined, "0"),
  });
  return fc.oneof({ weight: 4, arbitrary: current }, { weight: 1, arbitrary: first });
}

const schemaVersion = fc.constantFrom("0", "1", "2", "3", "4", "4294967295", undefined);

function common(threadId: string): Record<string, fc.Arbitrary<string | undefined>> {
  return {
    id: anyId.map((id) => JSON.stringify(id)),
    thread_id: fc.constant(JSON.stringify(threadId)),
    channel_values: sometimes(channelValues),
    channel_versions: fc.oneof(fc.constantFrom("null", "{}", undefined), objectOf(version), anyJson),
    parent_id: sometimes(
      anyId.map((id) => JSON.stringify(id)),
      '""',
      "null",
    ),
    current_node: sometimes(textJson, "null", '"w[send]"'),
    interrupt_phase: sometimes(phase),
    barrier_state: sometimes(objectOf(nameSet), "{}", "null", '{"j":[]}', '{"j":["b","a"]}'),
    metadata: fc.oneof(fc.constantFrom("null", "{}", undefined), anyJson),
    step: sometimes(i64.map(String), "null", "1.0"),
    timestamp: sometimes(i64.map(String), "null"),
  };
}

/** Records of tasks in the order of their paths, which is that in which they are read. */
export const records: fc.Arbitrary<Uint8Array[]> = fc
  .uniqueArray(anyId, { maxLength: 3 })
  .map((ids) => ids.sort(compareBytes))
  .chain((ids) => fc.tuple(...ids.map((id, i) => record(id, `s${i}`))));

function record(taskId: string, path: string): fc.Arbitrary<Uint8Array> {
  return documentOf({
    task_id: fc.constant(JSON.stringify(taskId)),
    task_path: fc.constant(JSON.stringify(path)),
    node_name: textJson,
    writes: sometimes(listOf(anyJson), "null", '[{"channel":"n","value":1,"mode":"overwrite"}]'),
    command: sometimes(anyJson),
    sends: sometimes(listOf(anyJson)),
    step: i64.map(String),
    timestamp: i64.map(String),
  });
}

const texts = { list: "text" } as const;

/** A channel's value and the metadata are opaque; the rest is NeoGraph's. */
export const checkpointShape: Shape = {
  members: {
    id: "text",
    thread_id: "text",
    parent_id: "text",
    current_node: "text",
    next_node: "text",
    next_nodes: texts,
    interrupt_phase: "text",
    barrier_state: { map: texts },
    channel_versions: { map: "opaque" },
    channel_values: { members: { channels: { map: { members: {} } } } },
  },
};
