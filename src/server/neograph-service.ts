import { create } from "@bufbuild/protobuf";
import { CairnError, invalidField, invariant } from "../errors.ts";
import { type Checkpoint, Origin } from "../gen/cairn/v1/checkpoint_pb.ts";
import { OnConflict, PutCheckpointRequestSchema } from "../gen/cairn/v1/checkpoint_service_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import {
  type CheckpointBlob,
  CheckpointBlobSchema,
  CheckpointService,
  DeleteThreadCheckpointsResponseSchema,
  ListCheckpointsResponseSchema,
  LoadCheckpointByIdResponseSchema,
  LoadLatestCheckpointResponseSchema,
  RequiresManagedBudgetResponseSchema,
  SaveCheckpointResponseSchema,
} from "../gen/neograph/v1/checkpoint_service_pb.ts";
import { limits } from "../limits.ts";
import { fromNeograph, schemaVersionMax, toNeograph, unknownMembers } from "../origins/neograph.ts";
import { originName } from "../origins/origin-name.ts";
import type { StoredCheckpoint } from "../store/store.ts";
import { encodeUtf8 } from "../values/utf8.ts";
import { putCheckpoint } from "./checkpoint-put.ts";
import type { CallContext } from "./context.ts";
import { define, type Parts, type Service } from "./service.ts";

/** What NeoGraph takes when it is not told how many to list. */
const LIST_DEFAULT = 100;

/** NeoGraph's own service, for programs that know nothing of Cairn. */
export function neographService(parts: Parts): Service {
  const { store } = parts;
  return define(CheckpointService, {
    async saveCheckpoint({ checkpoint }, context) {
      invariant(checkpoint !== undefined, "SaveCheckpoint was validated without a checkpoint");
      await save(parts, checkpoint, context);
      return create(SaveCheckpointResponseSchema, { ok: true });
    },
    async loadLatestCheckpoint({ threadId }, { space }) {
      const key = { space, thread: threadId };
      const stored = await store.getCheckpoint(key, "", { latestBy: "seq" }, { view: "full" });
      return create(LoadLatestCheckpointResponseSchema, foundOrNot(stored));
    },
    async loadCheckpointById({ id }, { space }) {
      return create(
        LoadCheckpointByIdResponseSchema,
        foundOrNot(await store.findCheckpoint(space, id, { view: "full" })),
      );
    },
    async listCheckpoints({ threadId, limit }, { space }) {
      const checkpoints = await list(parts, space, threadId, limit || LIST_DEFAULT);
      return create(ListCheckpointsResponseSchema, { checkpoints });
    },
    async deleteThreadCheckpoints({ threadId }, { space }) {
      await store.deleteThread({ space, thread: threadId });
      return create(DeleteThreadCheckpointsResponseSchema, { ok: true });
    },
    async requiresManagedBudget() {
      return create(RequiresManagedBudgetResponseSchema, { required: false });
    },
  });
}

async function save(parts: Parts, { id, threadId, checkpointJson }: CheckpointBlob, context: CallContext) {
  const { checkpoint } = fromNeograph(encodeUtf8(checkpointJson));
  const field = "checkpoint.checkpoint_json";
  if (checkpoint.id !== id) throw invalidField(field, "has another id than `id`");
  if (checkpoint.threadId !== threadId) throw invalidField(field, "has another thread_id than `thread_id`");
  const unknown = unknownMembers(checkpoint)[0];
  if (unknown !== undefined)
    throw invalidField(field, `has a member that no checkpoint has: ${JSON.stringify(unknown)}`);
  if ((checkpoint.schemaVersion ?? 0) > schemaVersionMax) {
    throw invalidField(
      field,
      `has schema_version ${checkpoint.schemaVersion}; known are those up to ${schemaVersionMax}`,
    );
  }
  const request = create(PutCheckpointRequestSchema, { checkpoint, onConflict: OnConflict.REPLACE_AND_TOUCH });
  await putCheckpoint(parts, request, context);
}

async function list({ store }: Parts, space: string, thread: string, limit: number): Promise<CheckpointBlob[]> {
  const found: CheckpointBlob[] = [];
  let bytes = 0;
  let pageToken = "";
  do {
    const pageSize = Math.min(limit - found.length, LIST_DEFAULT);
    const page = await store.listCheckpoints(
      space,
      { thread, namespace: "", filters: [], order: "seq", pageSize, pageToken },
      { view: "full" },
    );
    for (const stored of page.entries) {
      const blob = blobOf(stored);
      bytes += blob.checkpointJson.length;
      if (bytes > limits.messageBytesMax) throw tooMuch(limit);
      found.push(blob);
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "" && found.length < limit);
  return found;
}

function foundOrNot(stored: StoredCheckpoint | undefined): { found: boolean; checkpoint?: CheckpointBlob } {
  return stored === undefined ? { found: false } : { found: true, checkpoint: blobOf(stored) };
}

function blobOf({ checkpoint, values }: StoredCheckpoint): CheckpointBlob {
  const { id, threadId, origin } = checkpoint;
  if (origin !== Origin.NEOGRAPH) {
    throw new CairnError(ErrorReason.ORIGIN_MISMATCH, "the checkpoint is not one of NeoGraph's", {
      metadata: { thread_id: threadId, checkpoint_id: id, origin: originName(origin) },
    });
  }
  const { json } = toNeograph({ checkpoint: withValues(checkpoint, values), writes: [] });
  return create(CheckpointBlobSchema, { id, threadId, checkpointJson: new TextDecoder().decode(json) });
}

/** The checkpoint with its values in their places. */
function withValues(stored: Checkpoint, values: StoredCheckpoint["values"]): Checkpoint {
  const channelValues: Checkpoint["channelValues"] = Object.create(null);
  for (const [channel, value] of Object.entries(stored.channelValues)) {
    const given = value.source.case === "ref" ? values.get(value.source.value)?.value : undefined;
    channelValues[channel] = given === undefined ? value : { ...value, source: { case: "inline", value: given } };
  }
  return { ...stored, channelValues };
}

function tooMuch(limit: number): CairnError {
  return new CairnError(ErrorReason.LIMIT_REACHED, `${limit} checkpoints are more than one message holds`, {
    metadata: { limit: "message_bytes", value: String(limits.messageBytesMax) },
  });
}
