import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type BulkUpdateStateRequest,
  BulkUpdateStateRequestSchema,
  type BulkUpdateStateResponse,
  BulkUpdateStateResponseSchema,
  type UpdateStateRequest,
  UpdateStateRequestSchema,
  type UpdateStateResponse,
  UpdateStateResponseSchema,
} from "../gen/cairn/v1/run_service_pb.ts";
import type { RunParts } from "../runs/parts.ts";
import type { Runner } from "../runs/runner.ts";
import { readState } from "../runs/state-reader.ts";
import { updateDraft } from "../runs/state-updates.ts";
import type { CallContext } from "./context.ts";
import type { Parts } from "./service.ts";

interface UpdateParts {
  parts: Parts;
  runParts: RunParts;
  runner: Runner;
}

export async function updateState(
  { parts, runParts, runner }: UpdateParts,
  request: UpdateStateRequest,
  { space }: CallContext,
): Promise<UpdateStateResponse> {
  const { threadId, values, asNode, namespace, checkpointId, graphName, expectedHead, channelMapping } = request;
  const key = { space, thread: threadId };
  const updates = [{ values, asNode }];
  const update = {
    key,
    updates,
    namespace,
    checkpointId,
    graphName,
    expectedHead: expectedHead || undefined,
    channelMapping: Object.keys(channelMapping).length > 0 ? channelMapping : undefined,
  };
  return parts.requests.once({
    key,
    method: "UpdateState",
    input: UpdateStateRequestSchema,
    request,
    output: UpdateStateResponseSchema,
    async work(stamp) {
      let id = "";
      await parts.store.update(key, async (thread) => {
        runner.refuseBusy(key, thread);
        const draft = await updateDraft(runParts, update, thread);
        id = draft.checkpoint?.id ?? "";
        const answer = create(UpdateStateResponseSchema, { state: { checkpointId: id } });
        return { ...draft, request: await stamp(answer, thread) };
      });
      return create(UpdateStateResponseSchema, { state: await readState(runParts, key, namespace, id) });
    },
    async restore({ state }, n) {
      const saved = state?.checkpointId ?? "";
      return create(UpdateStateResponseSchema, { state: await readState(runParts, key, namespace, saved, n) });
    },
  });
}

/** Superstep after superstep; a retry passes over those that were applied before. */
export async function bulkUpdateState(
  { parts, runParts, runner }: UpdateParts,
  request: BulkUpdateStateRequest,
  { space }: CallContext,
): Promise<BulkUpdateStateResponse> {
  const { threadId, supersteps, graphName, requestId } = request;
  const key = { space, thread: threadId };
  const respond = (checkpointId: string) => create(BulkUpdateStateResponseSchema, { state: { checkpointId } });
  return parts.requests.once({
    key,
    method: "BulkUpdateState",
    input: BulkUpdateStateRequestSchema,
    request,
    output: BulkUpdateStateResponseSchema,
    async work(stamp) {
      let head: string | undefined;
      for (const [i, { updates }] of supersteps.entries()) {
        const id = requestId && `${requestId}/${i}`;
        const isLast = i === supersteps.length - 1;
        const update = { key, updates, namespace: "", checkpointId: "", graphName, expectedHead: head };
        await parts.store.update(key, async (thread) => {
          // Each time: another server may be at the same request.
          const known = id === "" || isLast ? undefined : await parts.store.findRequest(key, id, thread);
          if (known?.answer !== undefined) {
            head = fromBinary(BulkUpdateStateResponseSchema, known.answer).state?.checkpointId;
            return undefined;
          }
          runner.refuseBusy(key, thread);
          const draft = await updateDraft(runParts, update, thread);
          const answer = respond(draft.checkpoint?.id ?? "");
          head = answer.state?.checkpointId;
          if (isLast) return { ...draft, request: await stamp(answer, thread) };
          const own = { id, bodyHash: new Uint8Array(), answer: () => toBinary(BulkUpdateStateResponseSchema, answer) };
          return { ...draft, request: id === "" ? undefined : own };
        });
      }
      return create(BulkUpdateStateResponseSchema, { state: await readState(runParts, key, "", head ?? "") });
    },
    async restore({ state }, n) {
      const saved = state?.checkpointId ?? "";
      return create(BulkUpdateStateResponseSchema, { state: await readState(runParts, key, "", saved, n) });
    },
  });
}
