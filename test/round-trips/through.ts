// Puts a converted checkpoint through a real server and reads it back, its values inline again.
import { create } from "@bufbuild/protobuf";
import { CheckpointService, CheckpointWritesSchema } from "../../src/gen/cairn/v1/checkpoint_service_pb.ts";
import type { TypedValue } from "../../src/gen/cairn/v1/value_pb.ts";
import { type Converted, putInline } from "../../src/origins/document.ts";
import type { Caller } from "../api/harness.ts";

const { method } = CheckpointService;

export async function through(caller: Caller, { checkpoint, writes }: Converted): Promise<Converted> {
  const { id, threadId, namespace } = checkpoint;
  const beside = create(CheckpointWritesSchema, { namespace, checkpointId: id });
  beside.writes = writes;
  await caller.call(method.putCheckpoint, { checkpoint, writes: writes.length === 0 ? [] : [beside] });
  const { entry, values } = await caller.call(method.getCheckpoint, { threadId, namespace, checkpointId: id });
  if (entry?.checkpoint === undefined) throw new Error("the checkpoint was answered without being there");
  const read = { checkpoint: entry.checkpoint, writes: entry.writes };
  putInline(read, new Map(values.map(({ ref, value }) => [ref, value as TypedValue])));
  return read;
}
