// A server that is killed between any two calls: whoever takes over goes on as if nothing had been.
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { isSoak, randomFrom, seed } from "../support/size-and-seed.ts";
import { newStore, storeKinds } from "../support/stores.ts";
import type { Case } from "./case.ts";
import { runCases } from "./run-cases.ts";

/** In a soak all of them. */
const CASES = isSoak ? Number.POSITIVE_INFINITY : 12;

async function chosen(): Promise<Case[]> {
  const cases: Case[] = JSON.parse(await readFile(new URL("./cases.json", import.meta.url), "utf8"));
  const random = randomFrom(seed);
  const shuffled = cases
    .filter(({ script }) => script.length > 1)
    .map((subject) => ({ subject, place: random() }))
    .sort((a, b) => a.place - b.place);
  return shuffled.slice(0, CASES).map(({ subject }) => subject);
}

describe.each(storeKinds)("parity with kills on %s", (kind) => {
  it(`holds between any two calls, seed ${seed}`, { timeout: isSoak ? 3_600_000 : 300_000 }, async () => {
    const store = await newStore(kind);
    try {
      const cases = await chosen();
      const { verdicts, kills } = await runCases(cases, { storeArgs: store.args, kill: true });
      console.info(
        `parity on ${kind}: seed ${seed} (CAIRN_SEED=${seed} repeats it), ${cases.length} cases, ${kills} kills`,
      );
      expect(verdicts.filter(({ differs }) => differs !== undefined)).toEqual([]);
      expect(verdicts).toHaveLength(cases.length);
      expect(kills).toBeGreaterThan(0);
    } finally {
      await store.remove();
    }
  });
});
