import { create } from "@bufbuild/protobuf";
import { CairnError, invalidField, invariant } from "../errors.ts";
import type { Record as StoredRecord } from "../gen/cairn/store/v1/record_pb.ts";
import type { Checkpoint } from "../gen/cairn/v1/checkpoint_pb.ts";
import {
  type CheckpointWrites,
  type ClearWritesRequest,
  ClearWritesRequestSchema,
  type ClearWritesResponse,
  ClearWritesResponseSchema,
  OnConflict,
  type PutCheckpointRequest,
  PutCheckpointRequestSchema,
  type PutCheckpointResponse,
  PutCheckpointResponseSchema,
  type PutWritesRequest,
  PutWritesRequestSchema,
  type PutWritesResponse,
  PutWritesResponseSchema,
} from "../gen/cairn/v1/checkpoint_service_pb.ts";
import { CheckpointSavedSchema, type Event, EventSchema, WritesPutSchema } from "../gen/cairn/v1/event_pb.ts";
import type { ThreadTail } from "../store/store.ts";
import type { CallContext } from "./context.ts";
import type { Parts } from "./service.ts";
import { checkNotHeld } from "./thread-guard.ts";

export async function putCheckpoint(
  parts: Parts,
  request: PutCheckpointRequest,
  context: CallContext,
): Promise<PutCheckpointResponse> {
  const { checkpoint } = request;
  invariant(checkpoint !== undefined, "PutCheckpoint was validated without a checkpoint");
  if (checkpoint.id === "") throw invalidField("checkpoint.id", "must not be empty");
  const key = { space: context.space, thread: checkpoint.threadId };
  const events = [...request.writes.flatMap(writesPut), checkpointSaved(checkpoint)];
  return parts.requests.once({
    key,
    method: "PutCheckpoint",
    input: PutCheckpointRequestSchema,
    request,
    output: PutCheckpointResponseSchema,
    async work(stamp) {
      const committed = await parts.store.update(key, async (thread) => {
        checkNotHeld(thread, key.thread, parts);
        return {
          checkpoint,
          onConflict: conflictRules[request.onConflict],
          expectedHead: request.expectedHead && (request.expectedHead.checkpointId ?? null),
          writes: request.writes,
          events,
          request: stamp(putAnswer, thread),
        };
      });
      invariant(committed !== undefined, "a put left no record");
      return putAnswer(committed.record);
    },
  });
}

/** The answer, as the record has it. */
function putAnswer({ checkpoint, events }: StoredRecord): PutCheckpointResponse {
  invariant(checkpoint !== undefined, "a put left no checkpoint");
  const answer = create(PutCheckpointResponseSchema, {
    checkpointId: checkpoint.id,
    eventNumber: events.at(-1)?.number,
  });
  return withPlaces(answer, checkpoint);
}

const conflictRules: Record<OnConflict, "replace" | "touch" | "fail"> = {
  [OnConflict.UNSPECIFIED]: "replace",
  [OnConflict.REPLACE]: "replace",
  [OnConflict.REPLACE_AND_TOUCH]: "touch",
  [OnConflict.FAIL]: "fail",
};

function withPlaces(answer: PutCheckpointResponse, { seq, channelValues }: Checkpoint): PutCheckpointResponse {
  answer.seq = seq;
  // Without a prototype, so that a channel named `__proto__` is like any other.
  const refs: { [channel: string]: string } = Object.create(null);
  for (const [channel, { source }] of Object.entries(channelValues)) {
    if (source.case === "ref") refs[channel] = source.value;
  }
  answer.valueRefs = refs;
  return answer;
}

export async function putWrites(
  parts: Parts,
  request: PutWritesRequest,
  context: CallContext,
): Promise<PutWritesResponse> {
  const { writes } = request;
  invariant(writes !== undefined, "PutWrites was validated without writes");
  if (writes.writes.length === 0) return create(PutWritesResponseSchema);
  const key = { space: context.space, thread: request.threadId };
  return parts.requests.once({
    key,
    method: "PutWrites",
    input: PutWritesRequestSchema,
    request,
    output: PutWritesResponseSchema,
    async work(stamp) {
      const change = async (thread: ThreadTail) => {
        checkNotHeld(thread, key.thread, parts);
        const answer = create(PutWritesResponseSchema, { record: BigInt(thread.n + 1) });
        return { writes: [writes], events: writesPut(writes), request: stamp(answer, thread) };
      };
      const committed = await parts.store.update(key, change).catch(rethrowWithPath);
      invariant(committed !== undefined, "a put of writes wrote nothing");
      return create(PutWritesResponseSchema, { record: BigInt(committed.thread.n) });
    },
  });
}

/** The store knows a draft's list of groups, of which this request has one: `writes[0].` is `writes.` here. */
function rethrowWithPath(error: unknown): never {
  if (!(error instanceof CairnError)) throw error;
  const here = (text: string) => text.replace(/^writes\[0\]\./, "writes.");
  const violations = error.violations.map((each) => ({ ...each, field: here(each.field) }));
  const { code, metadata } = error;
  throw new CairnError(error.reason, here(error.message), { code, metadata, violations, cause: error });
}

export async function clearWrites(
  parts: Parts,
  request: ClearWritesRequest,
  context: CallContext,
): Promise<ClearWritesResponse> {
  const key = { space: context.space, thread: request.threadId };
  const { namespace, checkpointId } = request;
  return parts.requests.once({
    key,
    method: "ClearWrites",
    input: ClearWritesRequestSchema,
    request,
    output: ClearWritesResponseSchema,
    async work(stamp) {
      const answer = create(ClearWritesResponseSchema);
      await parts.store.update(key, async (thread) => {
        checkNotHeld(thread, key.thread, parts);
        // A record on a thread that does not exist would create it.
        if (!thread.exists) return undefined;
        return { clearedWrites: [{ namespace, checkpointId }], request: stamp(answer, thread) };
      });
      return answer;
    },
  });
}

/** The event shares the checkpoint's values, so that they are stored once. */
function checkpointSaved(checkpoint: Checkpoint): Event {
  const value = create(CheckpointSavedSchema, {
    checkpointId: checkpoint.id,
    parentId: checkpoint.parentId ?? "",
    step: checkpoint.step ?? 0n,
    source: checkpoint.source ?? "",
    nextNodes: checkpoint.nextNodes,
    tasks: checkpoint.pendingTasks,
  });
  value.values = checkpoint.channelValues;
  return create(EventSchema, {
    namespace: checkpoint.namespace,
    runId: checkpoint.runId ?? "",
    body: { case: "checkpointSaved", value },
  });
}

function writesPut({ namespace, checkpointId, writes }: CheckpointWrites): Event[] {
  if (writes.length === 0) return [];
  const taskIds = [...new Set(writes.map(({ taskId }) => taskId))];
  const value = create(WritesPutSchema, { checkpointId, taskIds });
  return [create(EventSchema, { namespace, body: { case: "writesPut", value } })];
}
