import { setImmediate as turn } from "node:timers/promises";
import { expect, test } from "vitest";
import { compileCel } from "../engine/cel.ts";
import { inFairTurn } from "./fair-turns.ts";

const items = Array.from({ length: 120 }, (_, i) => i);
const state = { keys: () => ["items"], has: (name: string) => name === "items", get: () => items };

/** Turns of the event loop that pass while expressions are evaluated that were begun at once. */
async function turnsOf(source: string, count: number): Promise<number> {
  const program = compileCel(source);
  let isDone = false;
  const evaluations = Array.from({ length: count }, () => inFairTurn(() => program.evaluate(state)));
  const all = Promise.all(evaluations).finally(() => {
    isDone = true;
  });
  let turns = 0;
  for (; !isDone; turns++) await turn();
  await all;
  return turns;
}

test("between long expressions others have several turns, however many have been begun", async () => {
  expect(await turnsOf("state.items.filter(x, state.items.filter(y, y == x).size() > 0).size()", 20)).toBeGreaterThan(
    36,
  );
});

test("short ones do not wait", async () => {
  // The first may have to wait for what came before.
  expect(await turnsOf("1 + 1", 500)).toBeLessThan(4);
});
