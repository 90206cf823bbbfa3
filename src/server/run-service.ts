import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { CairnError } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import {
  CancelRunResponseSchema,
  GetRunResponseSchema,
  GetStateHistoryResponseSchema,
  GetStateResponseSchema,
  ListRunsResponseSchema,
  OnBusy,
  type ResumeRequest,
  ResumeRequestSchema,
  ResumeResponseSchema,
  type RunOptions,
  RunOptionsSchema,
  RunRequestSchema,
  RunResponseSchema,
  RunService,
  RunStepRequestSchema,
  RunStepResponseSchema,
  type StreamEventsRequest,
  type StreamEventsResponse,
} from "../gen/cairn/v1/run_service_pb.ts";
import { threadNotFound } from "../not-found.ts";
import type { Answers } from "../runs/answers.ts";
import type { RunCall } from "../runs/begin.ts";
import { streamEvents } from "../runs/event-stream.ts";
import type { NodesModule } from "../runs/modules/nodes-module.ts";
import type { RunParts } from "../runs/parts.ts";
import { recoverRuns } from "../runs/recovery.ts";
import { readRuns } from "../runs/run-info.ts";
import { readHistory, readState } from "../runs/state-reader.ts";
import type { ThreadKey } from "../store/store.ts";
import type { Encoded } from "./adapter.ts";
import type { CallContext } from "./context.ts";
import { eventAnswer } from "./event-answer.ts";
import { EventValues } from "./event-values.ts";
import { hashBody, type Repeatable } from "./once.ts";
import { pageSizeOf } from "./pages.ts";
import type { Runs } from "./runs.ts";
import { define, type Parts, type Service } from "./service.ts";
import { bulkUpdateState, updateState } from "./state-update-calls.ts";

/** How long runs that are going may take to stop when the server does. */
const stopGraceMs = 5_000;

export function runService(parts: Parts, { runParts, runner }: Runs, modules: NodesModule | undefined): Service {
  const { store } = parts;
  const stopRecovery = recoverRuns(runParts, runner);
  return define(
    RunService,
    {
      async runStep(request, context) {
        const { input, options } = request;
        const call = callOf("RunStep", RunStepRequestSchema, request, context, options);
        const outcome = await runner.run({ ...call, intent: intentOf(input), single: true }, context.signal);
        return create(RunStepResponseSchema, { outcome });
      },
      async run(request, context) {
        const { input, options, background, onBusy } = request;
        const call = callOf("Run", RunRequestSchema, request, context, options);
        const outcome = await runner.run({ ...call, intent: intentOf(input), background, onBusy }, context.signal);
        return create(RunResponseSchema, { outcome });
      },
      async resume(request, context) {
        const { background, options } = request;
        const call = callOf("Resume", ResumeRequestSchema, request, context, options);
        const intent = { kind: "resume" as const, answers: answersOf(request) };
        const outcome = await runner.run({ ...call, intent, background }, context.signal);
        return create(ResumeResponseSchema, { outcome });
      },
      updateState: (request, context) => updateState({ parts, runParts, runner }, request, context),
      bulkUpdateState: (request, context) => bulkUpdateState({ parts, runParts, runner }, request, context),
      async getState({ threadId, namespace, checkpointId }, { space }) {
        const key = await existing(parts, space, threadId);
        return create(GetStateResponseSchema, { state: await readState(runParts, key, namespace, checkpointId) });
      },
      async getStateHistory(request, { space }) {
        const key = await existing(parts, space, request.threadId);
        const page = { pageSize: pageSizeOf(request), pageToken: request.pageToken };
        return create(GetStateHistoryResponseSchema, await readHistory(runParts, key, request.namespace, page));
      },
      async getRun({ threadId, runId, wait }, { space, signal }) {
        const key = await existing(parts, space, threadId);
        const run = await (wait ? runner.wait(key, runId, signal) : runner.readRun(key, runId));
        return create(GetRunResponseSchema, { run });
      },
      async listRuns(request, { space }) {
        const key = await existing(parts, space, request.threadId);
        const holder = runner.holderOf(key, await store.tail(key));
        const isGoing = (runId: string) => runId === holder;
        const before = positionOf(request.pageToken);
        const { runs, next } = await readRuns(store, key, before, pageSizeOf(request), isGoing);
        return create(ListRunsResponseSchema, { runs, nextPageToken: next === 0 ? "" : String(next) });
      },
      async cancelRun({ threadId, runId, graceful }, { space, signal }) {
        const key = await existing(parts, space, threadId);
        await runner.cancel(key, runId, graceful, signal);
        return create(CancelRunResponseSchema, { run: await runner.readRun(key, runId) });
      },
      streamEvents: (request, context) => stream(runParts, request, context),
    },
    {
      activeRuns: () => runner.activeRuns,
      async stop() {
        stopRecovery();
        runParts.workers.drain();
        await runner.stop(stopGraceMs);
        await runParts.workers.close();
        await modules?.close();
      },
    },
  );
}

type Driving = { threadId: string } & Repeatable;

/** What all calls that drive a thread have in common. */
function callOf<I extends DescMessage>(
  method: string,
  input: I,
  request: MessageShape<I> & Driving,
  { space }: CallContext,
  given: RunOptions | undefined,
): Omit<RunCall, "intent"> {
  const options = given ?? create(RunOptionsSchema);
  const { threadId, requestId } = request;
  const bodyHash = hashBody({ method, input, request });
  return {
    key: { space, thread: threadId },
    options,
    single: false,
    background: false,
    onBusy: OnBusy.REJECT,
    request: requestId === "" ? undefined : { id: requestId, bodyHash },
  };
}

function intentOf(input: MessageShape<typeof RunRequestSchema>["input"]): RunCall["intent"] {
  return input === undefined ? { kind: "continue" } : { kind: "input", input };
}

function answersOf({ answer }: ResumeRequest): Answers {
  return answer.case === "answers" ? { byId: answer.value.byId } : { value: answer.value as never };
}

async function* stream(
  runParts: RunParts,
  request: StreamEventsRequest,
  { space, signal }: CallContext,
): AsyncGenerator<StreamEventsResponse | Encoded> {
  const key = { space, thread: request.threadId };
  const values = new EventValues(runParts.store, key, request.includeValues);
  for await (const event of streamEvents(runParts, key, request, signal)) {
    yield eventAnswer(event, await values.of(event));
  }
}

async function existing({ store }: Parts, space: string, thread: string): Promise<ThreadKey> {
  const key = { space, thread };
  if ((await store.tail(key)).exists) return key;
  throw threadNotFound(thread);
}

function positionOf(pageToken: string): number {
  if (pageToken === "") return Number.POSITIVE_INFINITY;
  if (/^[1-9]\d{0,15}$/.test(pageToken)) return Number(pageToken);
  throw new CairnError(ErrorReason.PAGE_TOKEN_INVALID, "page_token: is not one of this list", {
    metadata: { field: "page_token" },
    violations: [{ field: "page_token", description: "is not one of this list" }],
  });
}
