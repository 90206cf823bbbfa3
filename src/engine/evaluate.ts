import { CairnError } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { Plain } from "../values/value.ts";
import type { Program, StateView } from "./cel.ts";
import { CelFailure } from "./cel-budget.ts";
import { Cell } from "./cell.ts";
import { RunFailure } from "./failure.ts";
import type { CompiledNode } from "./graph.ts";
import { type NodeResult, targetsOf } from "./node-result.ts";
import { write } from "./write.ts";

/** Evaluates CEL for a node. Throws RunFailure (EXPRESSION_FAILED) naming the node and what was being computed. */
export function evaluate(program: Program, state: StateView, node: string, channel = ""): Plain {
  try {
    return program.evaluate(state);
  } catch (thrown) {
    if (!(thrown instanceof CelFailure || thrown instanceof CairnError)) throw thrown;
    const place = channel === "" ? "" : `, for channel ${JSON.stringify(channel)}`;
    throw new RunFailure(
      ErrorReason.EXPRESSION_FAILED,
      `node ${JSON.stringify(node)}${place}: ${thrown.message} (in ${JSON.stringify(program.source)})`,
      { node, channel },
    );
  }
}

/** Runs an expression node. All expressions see the state as it was before. */
export function runExpression(node: CompiledNode, state: StateView): NodeResult {
  const { update = [], overwrite = [], goto, toParent = false } = node.expression ?? {};
  const value = (channel: string, program: Program): Cell => Cell.of(evaluate(program, state, node.name, channel));
  return {
    update: [
      ...update.map(([channel, program]) => write(channel, value(channel, program))),
      ...overwrite.map(([channel, program]) => write(channel, value(channel, program), true)),
    ],
    goto: goto === undefined ? [] : targetsOf(evaluate(goto, state, node.name), node.name),
    toParent,
  };
}

/** Runs an ask node: its question as long as there is no answer, then the answer as its update. */
export function runAsk(
  node: CompiledNode,
  state: StateView,
  answers: readonly Plain[],
): NodeResult | { index: number; value: Cell } {
  const { question, into } = node.ask as NonNullable<CompiledNode["ask"]>;
  if (answers.length === 0) return { index: 0, value: Cell.of(evaluate(question, state, node.name)) };
  return { update: [write(into, Cell.of(answers[0] as Plain))], goto: [], asked: 1 };
}
