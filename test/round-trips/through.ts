// Puts a converted checkpoint through a real server and reads it back, its values inline again.
import { create } from "@bufbuild/protobuf";
import type { Checkpoint, PendingWrite } from "../../src/gen/cairn/v1/checkpoint_pb.ts";
import { CheckpointService, CheckpointWritesSchema } from "../../src/gen/cairn/v1/checkpoint_service_pb.ts";
import type { TypedValue, Value } from "../../src/gen/cairn/v1/value_pb.ts";
import type { Converted } from "../../src/origins/document.ts";
import type { Caller } from "../api/harness.ts";

const { method } = CheckpointService;

export async function through(caller: Caller, { checkpoint, writes }: Converted): Promise<Converted> {
  const { id, threadId, namespace } = checkpoint;
  const beside = create(CheckpointWritesSchema, { namespace, checkpointId: id });
  beside.writes = writes;
  await caller.call(method.putCheckpoint, { checkpoint, writes: writes.length === 0 ? [] : [beside] });
  const { entry, values } = await caller.call(method.getCheckpoint, { threadId, namespace, checkpointId: id });
  if (entry?.checkpoint === undefined) throw new Error("the checkpoint was answered without being there");
  inline(entry.checkpoint, entry.writes, new Map(values.map(({ ref, value }) => [ref, value as TypedValue])));
  return { checkpoint: entry.checkpoint, writes: entry.writes };
}

/** Replaces every reference by its value, in place. */
export function inline(checkpoint: Checkpoint, writes: PendingWrite[], values: Map<string, TypedValue>): void {
  const all: (Value | undefined)[] = [
    ...Object.values(checkpoint.channelValues),
    ...checkpoint.pendingTasks.map(({ stateOverride }) => stateOverride),
    ...[...checkpoint.pendingSends, ...checkpoint.pendingInterrupts, ...writes].map(({ value }) => value),
  ];
  for (const value of all) {
    if (value?.source.case !== "ref") continue;
    value.source = { case: "inline", value: values.get(value.source.value) as TypedValue };
  }
}
