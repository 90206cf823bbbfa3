// Every recorded case, on both stores.

import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { newStore } from "../support/stores.ts";
import type { Case } from "./case.ts";
import { runCases } from "./run-cases.ts";

let cases: Case[] = [];

beforeAll(async () => {
  cases = JSON.parse(await readFile(new URL("./cases.json", import.meta.url), "utf8"));
});

describe("parity with what was recorded", () => {
  it("holds on the embedded store", { timeout: 240_000 }, async () => {
    const { verdicts } = await runCases(cases);
    expect(verdicts).toHaveLength(150);
    expect(verdicts.filter(({ differs }) => differs !== undefined)).toEqual([]);
  });

  it("holds for our own cases, recorded in the same way from changed graphs and scripts", {
    timeout: 240_000,
  }, async () => {
    const own: Case[] = JSON.parse(await readFile(new URL("./own-cases.json", import.meta.url), "utf8"));
    const { verdicts } = await runCases(own);
    expect(verdicts).toHaveLength(237);
    expect(verdicts.filter(({ differs }) => differs !== undefined)).toEqual([]);
  });

  it("holds on MongoDB", { timeout: 240_000 }, async () => {
    const store = await newStore("mongodb");
    try {
      const { verdicts } = await runCases(cases, { storeArgs: store.args });
      expect(verdicts).toHaveLength(150);
      expect(verdicts.filter(({ differs }) => differs !== undefined)).toEqual([]);
    } finally {
      await store.remove();
    }
  });
});
