import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { CairnClientError } from "../error.ts";
import {
  type NodeInput,
  NodeInputSchema,
  NodeResultSchema,
  type Task,
  TaskKind,
  type TaskProgressSchema,
} from "../gen/cairn/v1/worker_service_pb.ts";
import { decodeMsgpack } from "../values/msgpack-decode.ts";
import { encodeMsgpack } from "../values/msgpack-encode.ts";
import { isPlainObject, setMember } from "../values/plain.ts";
import {
  Command,
  Interrupted,
  type NodeContext,
  type NodeFunction,
  type NodeState,
  Overwrite,
  Send,
} from "./node-function.ts";

/** How a task ended, encoded and ready to be told. */
export type TaskResult =
  | { kind: "complete"; payload: Uint8Array }
  | { kind: "interrupt"; index: number; payload: Uint8Array }
  | { kind: "fail"; name: string; message: string; stack: string };

type Progress = MessageInitShape<typeof TaskProgressSchema>["what"];

/** The largest custom event, and piece of a message, in bytes. */
const progressBytesMax = 64 * 1024;

/** Runs one task. What its code throws is a result too. */
export async function runTask(
  task: Task,
  input: Uint8Array,
  run: { code: NodeFunction; signal: AbortSignal; tell: (what: Progress) => void },
): Promise<TaskResult> {
  let asked = 0;
  try {
    const { view, answers } = fromBinary(NodeInputSchema, input);
    const interrupt = (question: unknown) => {
      if (task.kind === TaskKind.DECISION) throw new TypeError("a conditional edge can't stop for an answer");
      const index = asked++;
      const answer = answers[index];
      if (answer === undefined) throw new Interrupted(index, question);
      return decodeMsgpack(answer);
    };
    const returned = await run.code(stateOf(view), { ...contextOf(task, run), interrupt });
    return { kind: "complete", payload: encodeResult(task, returned, asked) };
  } catch (thrown) {
    return endedBy(thrown);
  }
}

/** Why a task failed whose code can't even be called. */
export function failure(name: string, message: string): TaskResult {
  return { kind: "fail", name, message, stack: "" };
}

function endedBy(thrown: unknown): TaskResult {
  if (thrown instanceof Interrupted) {
    try {
      return { kind: "interrupt", index: thrown.index, payload: encodeMsgpack(thrown.question, ["interrupt"]) };
    } catch (refused) {
      return endedBy(refused);
    }
  }
  if (thrown instanceof CairnClientError && thrown.reason === "VALUE_MALFORMED") {
    return { kind: "fail", name: "ValueNotSerializable", message: thrown.message, stack: thrown.stack ?? "" };
  }
  if (!(thrown instanceof Error)) return failure("", String(thrown));
  return { kind: "fail", name: thrown.name, message: `${thrown.name}: ${thrown.message}`, stack: thrown.stack ?? "" };
}

function stateOf(view: NodeInput["view"]): NodeState {
  if (view.case === "argument") return decodeMsgpack(view.value) as NodeState;
  const state: Record<string, unknown> = {};
  for (const [channel, bytes] of Object.entries(view.value?.channels ?? {}))
    setMember(state, channel, decodeMsgpack(bytes));
  return state;
}

function contextOf(
  task: Task,
  { signal, tell }: { signal: AbortSignal; tell: (what: Progress) => void },
): Omit<NodeContext, "interrupt"> {
  const { lease, runId, node, namespace, attempt, params = {} } = task;
  const { threadId = "", taskId = "" } = lease ?? {};
  return {
    params,
    threadId,
    runId,
    taskId,
    node,
    namespace,
    attempt,
    signal,
    emit: (value) => tell({ case: "custom", value: checked(encodeMsgpack(value, ["emit"])) }),
    token: (messageId, text) => {
      checked(Buffer.from(text));
      tell({ case: "token", value: { messageId, text } });
    },
    alive: () => tell({ case: undefined }),
  };
}

function checked(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= progressBytesMax) return bytes;
  throw new RangeError(`what a node tells has at most ${progressBytesMax} bytes, not ${bytes.length}`);
}

function encodeResult(task: Task, returned: unknown, asked: number): Uint8Array {
  const result =
    task.kind === TaskKind.DECISION
      ? { decision: encodeMsgpack(decisionOf(returned) ?? null, ["decision"]) }
      : { ...resultOf(task, returned), asked };
  return toBinary(NodeResultSchema, create(NodeResultSchema, result));
}

function decisionOf(returned: unknown): unknown {
  if (Array.isArray(returned)) return returned.map(decisionOf);
  return returned instanceof Send ? { node: returned.node, arg: returned.argument ?? null } : returned;
}

function resultOf({ node }: Task, returned: unknown): MessageInitShape<typeof NodeResultSchema> {
  const command = returned instanceof Command ? returned : new Command({ update: updateOf(node, returned) });
  return {
    updates: Object.entries(command.update).flatMap(([channel, value]) => {
      if (value === undefined) return [];
      const isWhole = value instanceof Overwrite;
      return [
        { channel, value: encodeMsgpack((isWhole ? value.value : value) ?? null, [channel]), overwrite: isWhole },
      ];
    }),
    goto: command.goto.map((target) => (target instanceof Send ? sent(target) : { node: target })),
    toParent: command.toParent,
  };
}

function updateOf(node: string, returned: unknown): Record<string, unknown> {
  if (returned === undefined || returned === null) return {};
  if (isPlainObject(returned)) return returned;
  throw new TypeError(`${node} must return an object of updates, a Command or nothing`);
}

function sent({ node, argument, timeoutMs }: Send) {
  const timeout = timeoutMs === undefined ? undefined : durationFromMs(timeoutMs);
  return { node, argument: encodeMsgpack(argument ?? null, ["goto", node]), timeout };
}
