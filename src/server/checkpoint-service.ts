import { create } from "@bufbuild/protobuf";
import { CheckpointService, DeleteRunsResponseSchema } from "../gen/cairn/v1/checkpoint_service_pb.ts";
import { getCheckpointOnce } from "./answer-cache.ts";
import { clearWrites, putCheckpoint, putWrites } from "./checkpoint-put.ts";
import { batchGetCheckpoints, findCheckpoint, getChannelHistory, listCheckpoints } from "./checkpoint-read.ts";
import { define, type Parts, type Service } from "./service.ts";
import { checkNotHeld } from "./thread-guard.ts";
import { getValues, putValues } from "./value-streams.ts";

export function checkpointService(parts: Parts): Service {
  return define(CheckpointService, {
    putCheckpoint: (request, context) => putCheckpoint(parts, request, context),
    putWrites: (request, context) => putWrites(parts, request, context),
    clearWrites: (request, context) => clearWrites(parts, request, context),
    getCheckpoint: (request, context) => getCheckpointOnce(parts, request, context),
    batchGetCheckpoints: (request, context) => batchGetCheckpoints(parts, request, context),
    findCheckpoint: (request, context) => findCheckpoint(parts, request, context),
    listCheckpoints: (request, context) => listCheckpoints(parts, request, context),
    getChannelHistory: (request, context) => getChannelHistory(parts, request, context),
    putValues: (requests, context) => putValues(parts, requests, context),
    getValues: (request, context) => getValues(parts, request, context),
    // Deleting what is gone already is a success, so a retry is safe without a record of the request.
    async deleteRuns(request, { space }) {
      const deleted = await parts.store.deleteRuns(space, request.runIds, (thread) => checkNotHeld(thread, "", parts));
      return create(DeleteRunsResponseSchema, { deletedCheckpoints: BigInt(deleted) });
    },
  });
}
