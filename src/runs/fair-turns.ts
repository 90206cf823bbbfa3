import { setImmediate } from "node:timers/promises";
import { stepsTaken } from "../engine/cel-budget.ts";

/** Steps of expressions between two turns of the event loop: some 50 ms. */
const stepsATurn = 10_000;

let turnBegan = 0;
let next: Promise<void> | undefined;

/**
 * Evaluates an expression. That can't be interrupted, and a superstep may have ten thousand of them: when those since
 * the last turn of the event loop have taken long, all other calls have theirs first.
 */
export async function inFairTurn<Result>(evaluation: () => Result): Promise<Result> {
  while (stepsTaken() - turnBegan >= stepsATurn) await nextTurn();
  return evaluation();
}

/**
 * One for all who wait, or as many evaluations would follow each other in the turn that comes. The longer the last ones
 * took, the more turns others have: a call takes several from its first byte to its answer.
 */
function nextTurn(): Promise<void> {
  next ??= otherTurns(Math.ceil((stepsTaken() - turnBegan) / stepsATurn)).then(() => {
    turnBegan = stepsTaken();
    next = undefined;
  });
  return next;
}

async function otherTurns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await setImmediate();
}
