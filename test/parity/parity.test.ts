// Every recorded case, on both stores. The list below is kept true: a case on it that passes fails the test as well.

import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, it } from "vitest";
import { newStore } from "../support/stores.ts";
import type { Case, CaseGraph } from "./case.ts";
import { runCases } from "./run-cases.ts";

/** Cases that do not pass yet: those with a subgraph, a retry policy or a deferred node. */
const notYet = new Set(
  `11-1 11-6 11-7 11-10 11-16 11-17 11-26 11-27 11-29 11-31 11-33 11-35 11-36 11-37 11-42 11-46 11-47 11-48 11-53 11-54
  11-56 11-58 11-62 11-64 11-67 11-68 11-69 11-73 11-74 11-76 11-78 11-81 11-84 11-85 11-87 11-93 11-94 11-95 11-98
  11-102 11-111 11-113 11-114 11-116 11-117 11-123 11-125 11-126 11-128 11-129 11-133 11-135 11-136 11-138 11-141 11-142
  11-143 11-147 11-150 11-153 11-157 11-159 11-160 11-165 11-166 11-167 11-169 11-173 11-174`.split(/\s+/),
);

let cases: Case[] = [];
const passing = () => cases.filter(({ name }) => !notYet.has(name));

beforeAll(async () => {
  cases = JSON.parse(await readFile(new URL("./cases.json", import.meta.url), "utf8"));
});

describe("the list of cases that do not pass yet", () => {
  it("names cases there are, each with a subgraph, a retry policy or a deferred node", () => {
    expect(cases).toHaveLength(150);
    expect(new Set(cases.map(({ name }) => name)).size).toBe(150);
    expect(cases.filter(({ graph }) => isLater(graph)).map(({ name }) => name)).toEqual([...notYet]);
  });
});

describe("parity with what was recorded", () => {
  it("holds on the embedded store for every case that is not listed, and for no other", {
    timeout: 240_000,
  }, async () => {
    const verdicts = await runCases(cases);
    expect(verdicts).toHaveLength(cases.length);
    const failed = verdicts.filter(({ name, differs }) => differs !== undefined && !notYet.has(name));
    expect(failed).toEqual([]);
    const passed = verdicts.filter(({ differs }) => differs === undefined).map(({ name }) => name);
    expect(passed).toEqual(passing().map(({ name }) => name));
  });

  it("holds for our own cases, recorded in the same way from changed graphs and scripts", {
    timeout: 120_000,
  }, async () => {
    const own: Case[] = JSON.parse(await readFile(new URL("./own-cases.json", import.meta.url), "utf8"));
    const verdicts = await runCases(own);
    expect(verdicts).toHaveLength(30);
    expect(verdicts.filter(({ differs }) => differs !== undefined)).toEqual([]);
  });

  it("holds on MongoDB", { timeout: 240_000 }, async () => {
    const store = await newStore("mongodb");
    try {
      const verdicts = await runCases(passing(), store.args);
      expect(verdicts).toHaveLength(81);
      expect(verdicts.filter(({ differs }) => differs !== undefined)).toEqual([]);
    } finally {
      await store.remove();
    }
  });
});

function isLater({ nodes }: CaseGraph): boolean {
  return Object.values(nodes).some(({ graph, defer, attempts }) => graph !== undefined || defer || attempts);
}
