import { durationMs } from "@bufbuild/protobuf/wkt";
import { type FailureDetails, RunFailure } from "../engine/failure.ts";
import type { CompiledBranch, CompiledNode } from "../engine/graph.ts";
import type { NodeResult } from "../engine/node-result.ts";
import type { Task } from "../engine/tasks.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { WorkerNode } from "../gen/cairn/v1/graph_pb.ts";
import { TaskKind } from "../gen/cairn/v1/worker_service_pb.ts";
import { uuid4 } from "../system/uuid.ts";
import type { Plain } from "../values/value.ts";
import type { WorkerCall, WorkerOutcome } from "../workers/assignment.ts";
import { decodeDecision, decodeQuestion, decodeResult, encodeInput } from "../workers/node-messages.ts";
import { workerTerms } from "../workers/terms.ts";
import type { Told } from "./modules/protocol.ts";
import type { Question } from "./superstep.ts";
import type { NodeContext, TaskContext } from "./tasks.ts";

/** One attempt of a task at a worker. */
interface WorkerTaskCall {
  node: CompiledNode;
  worker: WorkerNode;
  task: Task;
  answers: readonly Plain[];
  attempt: number;
}

/** Runs a node at a worker. Throws RunFailure (NODE_FAILED, WORKER_LOST, NO_WORKER). */
export async function runAtWorker(
  { node, worker, task, answers, attempt }: WorkerTaskCall,
  context: TaskContext,
  signal: AbortSignal,
  hear: (told: Told) => void,
): Promise<NodeResult | Question> {
  const { leases } = context;
  const run = task.timeout ?? node.spec?.timeout?.run;
  const call: WorkerCall = {
    ...commonOf(node, worker, context),
    kind: TaskKind.NODE,
    taskId: leases === undefined ? uuid4(context.environment) : task.id,
    attempt,
    leases,
    input: encodeInput(task.input, answers),
    deadlineMs: run && context.environment.clock.nowMs() + durationMs(run),
    onWaits: () => context.onWaits(task, worker.handler || node.name, attempt),
  };
  const outcome = await context.workers.run(call, hear, signal);
  if (outcome.kind === "interrupted")
    return decoded(node, () => ({ index: outcome.index, value: decodeQuestion(outcome.payload) }));
  const payload = payloadOf(node, call, outcome);
  return decoded(node, () => decodeResult(payload, node.name));
}

/** Has a worker decide for a conditional edge. Throws RunFailure (NODE_FAILED, WORKER_LOST, NO_WORKER). */
export async function decideAtWorker(
  node: CompiledNode,
  worker: NonNullable<CompiledBranch["worker"]>,
  state: Extract<Task["input"], { state: unknown }>["state"],
  context: NodeContext,
): Promise<Plain> {
  const call: WorkerCall = {
    ...commonOf(node, worker, context),
    kind: TaskKind.DECISION,
    // It is asked for again with its node: nothing of it is kept.
    taskId: uuid4(context.environment),
    attempt: 1,
    leases: undefined,
    input: encodeInput({ state }, []),
    deadlineMs: undefined,
    onWaits: () => {},
  };
  for (let losses = 0; ; losses++) {
    const outcome = await context.workers.run(call, () => {}, context.signal);
    if (outcome.kind === "lost" && losses < workerTerms.taskLossesMax) continue;
    if (outcome.kind === "interrupted") throw nodeFailed(node, "a conditional edge can't stop for an answer");
    const payload = payloadOf(node, call, outcome);
    return decoded(node, () => decodeDecision(payload));
  }
}

function commonOf(node: CompiledNode, worker: WorkerNode, context: NodeContext) {
  return {
    space: context.space,
    threadId: context.threadId,
    runId: context.runId,
    namespace: context.state.namespace,
    node: node.name,
    handler: worker.handler || node.name,
    params: worker.params,
    wait: worker.wait,
  };
}

/** The payload of a result; what is none is a failure of the node. */
function payloadOf(node: CompiledNode, { handler }: WorkerCall, outcome: WorkerOutcome): Uint8Array {
  switch (outcome.kind) {
    case "result":
      return outcome.payload;
    case "failed": {
      const { name, message, stack, retryable } = outcome;
      throw nodeFailed(node, message, { kind: name, nodeStack: stack, isFinal: !retryable });
    }
    case "lost":
      throw failed(node, ErrorReason.WORKER_LOST, `its worker ${JSON.stringify(outcome.workerId)} was lost`, {
        kind: "WorkerLost",
      });
    case "unserved":
      throw failed(
        node,
        ErrorReason.NO_WORKER,
        `no worker has served ${JSON.stringify(handler)} for ${outcome.waitedMs} ms`,
      );
    case "interrupted":
      throw nodeFailed(node, "did not answer as a node");
  }
}

function decoded<Result>(node: CompiledNode, decode: () => Result): Result {
  try {
    return decode();
  } catch (thrown) {
    throw nodeFailed(node, `its worker gave what can't be read: ${thrown instanceof Error ? thrown.message : thrown}`);
  }
}

function nodeFailed(node: CompiledNode, message: string, details: FailureDetails = {}): RunFailure {
  return failed(node, ErrorReason.NODE_FAILED, message, details);
}

function failed(
  { name }: CompiledNode,
  reason: ErrorReason,
  message: string,
  details: FailureDetails = {},
): RunFailure {
  return new RunFailure(reason, `node ${JSON.stringify(name)}: ${message}`, { node: name, ...details });
}
