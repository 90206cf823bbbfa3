import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Cell } from "../engine/cell.ts";
import type { NodeResult as EngineResult } from "../engine/node-result.ts";
import type { Task } from "../engine/tasks.ts";
import { write } from "../engine/write.ts";
import { TypedValueSchema } from "../gen/cairn/v1/value_pb.ts";
import { NodeInputSchema, type NodeResult, NodeResultSchema } from "../gen/cairn/v1/worker_service_pb.ts";
import { decodeMsgpack } from "../values/msgpack-decode.ts";
import { encodeMsgpack } from "../values/msgpack-encode.ts";
import type { Plain } from "../values/value.ts";

/** What a worker gets to run a node with. */
export function encodeInput(input: Task["input"], answers: readonly Plain[]): Uint8Array {
  const view =
    "state" in input
      ? {
          case: "state" as const,
          value: { channels: Object.fromEntries([...input.state].map(([name, cell]) => [name, cell.msgpack])) },
        }
      : { case: "argument" as const, value: input.argument.msgpack };
  const message = create(NodeInputSchema, { view, answers: answers.map((answer) => encodeMsgpack(answer)) });
  return toBinary(NodeInputSchema, message);
}

/** What a worker's node gave back. Throws an Error that says what is wrong with it. */
export function decodeResult(bytes: Uint8Array, node: string): EngineResult {
  const { updates, goto, toParent, asked } = fromBinary(NodeResultSchema, bytes);
  return {
    update: updates.map(({ channel, value, overwrite }) => write(channel, checkedCell(value, channel), overwrite)),
    goto: goto.map((target) =>
      target.argument === undefined
        ? target.node
        : {
            node: target.node,
            arg: checkedCell(target.argument, `goto ${target.node}`),
            sourceNode: node,
            timeout: target.timeout,
          },
    ),
    toParent,
    asked,
  };
}

/** What a worker's code decided. Throws an Error that says what is wrong with it. */
export function decodeDecision(bytes: Uint8Array): Plain {
  const { decision }: NodeResult = fromBinary(NodeResultSchema, bytes);
  if (decision === undefined) throw new Error("it gave no decision");
  return decodeMsgpack(decision);
}

/** The question that a worker's node asks. Throws an Error when it is no MessagePack. */
export function decodeQuestion(bytes: Uint8Array): Cell {
  return checkedCell(bytes, "question");
}

/** Bytes of another program: what can't be read must be told of now, not by whoever meets it later. */
function checkedCell(data: Uint8Array, what: string): Cell {
  const cell = new Cell(create(TypedValueSchema, { type: "msgpack", data }));
  try {
    void cell.value;
  } catch (thrown) {
    throw new Error(`${what}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
  return cell;
}
