import fc from "fast-check";
import { describe, test } from "vitest";
import { isSoak, seed } from "../../support/size-and-seed.ts";
import { type Operation, operations } from "./model-operations.ts";
import { check, repair, run } from "./model-run.ts";
import { ModelStore } from "./model-store.ts";
import { type Context, FULL } from "./support.ts";

/** CAIRN_SOAK=1 runs many more; CAIRN_SEED repeats a run. */
const RUNS = isSoak ? 1_000 : 12;

/** Random operations, against the store and against the plainest thing that could be right. */
export function model(context: () => Context): void {
  describe("model", () => {
    test(`agrees with a plain reference, seed ${seed}`, {
      timeout: isSoak ? 3_600_000 : 240_000,
    }, async () => {
      console.info(`store model: seed ${seed} (CAIRN_SEED=${seed} repeats it), ${RUNS} runs`);
      let runs = 0;
      let done = 0;
      const property = fc.asyncProperty(operations, async (list: Operation[]) => {
        const { store, other } = context();
        const space = `${context().space} model ${++runs}`;
        const reference = new ModelStore();
        for (const [index, operation] of list.entries()) {
          await run(index % 3 === 2 ? other : store, space, reference, operation, FULL);
          done++;
        }
        await check(store, other, space, reference);
        await repair(store, space, reference);
        await check(store, other, space, reference);
      });
      await fc.assert(property, { numRuns: RUNS, seed, endOnFailure: !isSoak });
      console.info(`store model: ${done} operations agreed`);
    });
  });
}
