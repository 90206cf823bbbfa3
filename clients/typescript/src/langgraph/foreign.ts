// Checkpoints that another framework wrote, or Cairn itself, as far as LangGraph has a place for them.
import { isFieldSet } from "@bufbuild/protobuf";
import type { CheckpointMetadata } from "@langchain/langgraph-checkpoint";
import type { ReadCheckpoint } from "../checkpoints/checkpoint-store.ts";
import { type Checkpoint, CheckpointSchema, Origin, OriginSchema } from "../gen/cairn/v1/checkpoint_pb.ts";
import { decodeJson } from "../values/json.ts";
import { isPlainObject } from "../values/plain.ts";
import { decode, OpaqueValue } from "../values/typed-value.ts";

/** Fields that LangGraph's checkpoint, its config or its metadata have, and the server's notes. */
const known = new Set([
  "id",
  "thread_id",
  "namespace",
  "parent_id",
  "parents",
  "step",
  "source",
  "created_at",
  "run_id",
  "format_version",
  "channel_values",
  "channel_versions",
  "versions_seen",
  "updated_channels",
  "metadata",
  "seq",
  "origin",
  "values_layout",
  "parent_pruned",
  "extra",
]);

export function isForeign({ origin }: Checkpoint): boolean {
  return origin !== Origin.LANGGRAPH;
}

/** What LangGraph reads of it: the values of its channels that are plain data, and its metadata. */
export function fromForeign(found: ReadCheckpoint) {
  const channelValues = foreignValues(found);
  return { channelValues, metadata: foreignMetadata(found, new Set(Object.keys(channelValues))) };
}

function foreignValues({ checkpoint, values }: ReadCheckpoint): Record<string, unknown> {
  const entries = Object.entries(checkpoint.channelValues).flatMap(([channel, { source }]) => {
    const typed = source.case === "ref" ? values.get(source.value) : undefined;
    const value = typed && decode(typed);
    return value === undefined || value instanceof OpaqueValue ? [] : [[channel, value] as const];
  });
  return Object.fromEntries(entries);
}

/**
 * Its metadata as LangGraph names them, with `cairn_origin`, who wrote it, and `cairn_left_out`, names of what LangGraph has
 * no place for.
 */
function foreignMetadata({ checkpoint, writes }: ReadCheckpoint, read: ReadonlySet<string>): CheckpointMetadata {
  const { source, step, runId, parents, origin, metadata } = checkpoint;
  const given = metadata && decodeJson(new TextDecoder().decode(metadata));
  const fields = CheckpointSchema.fields.filter((field) => !known.has(field.name) && isFieldSet(checkpoint, field));
  const unread = Object.keys(checkpoint.channelValues).filter((name) => !read.has(name));
  const extra = Object.keys(checkpoint.extra).filter((name) => !name.startsWith("!"));
  return {
    ...(isPlainObject(given) ? given : given !== undefined && { cairn_metadata: given }),
    ...(source !== undefined && { source }),
    ...(step !== undefined && { step: Number(step) }),
    ...(runId !== undefined && { run_id: runId }),
    parents: { ...parents },
    cairn_origin: (OriginSchema.value[origin]?.localName ?? "unknown").toLowerCase(),
    cairn_left_out: [
      ...fields.map(({ name }) => name),
      ...unread.sort().map((name) => `channel_values[${JSON.stringify(name)}]`),
      ...extra.sort().map((name) => `extra[${JSON.stringify(name)}]`),
      ...(writes.length > 0 ? [`${writes.length} pending writes`] : []),
    ],
  } as unknown as CheckpointMetadata;
}
