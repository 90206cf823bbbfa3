import { expect, test } from "vitest";
import { AnswerCache } from "./answer-cache.ts";

const answer = (size: number) => new Uint8Array(size);

test("an answer is found under the version it was kept with, and no other", () => {
  const cache = new AnswerCache(10_000);
  const bytes = answer(100);
  cache.put("a", "1", bytes);
  expect(cache.get("a", "1")).toBe(bytes);
  expect(cache.get("a", "2")).toBeUndefined();
  expect(cache.get("b", "1")).toBeUndefined();
  cache.put("a", "2", answer(7));
  expect(cache.get("a", "1")).toBeUndefined();
});

test("what nobody asks for goes first, and the bytes stay within the limit", () => {
  const cache = new AnswerCache(10_000);
  for (const name of "abcdefgh") cache.put(name, "1", answer(500));
  for (let i = 0; i < 100; i++) {
    cache.get("a", "1");
    cache.put(`later ${i}`, "1", answer(500));
  }
  expect(cache.get("a", "1")).toBeDefined();
  expect(cache.get("b", "1")).toBeUndefined();
  expect(cache.get("later 99", "1")).toBeDefined();
  expect(cache.bytes).toBeGreaterThan(5_000);
  expect(cache.bytes).toBeLessThanOrEqual(10_000);
});

test("an answer that would drive out most others is not kept, and neither is the one that it replaces", () => {
  const cache = new AnswerCache(10_000);
  cache.put("a", "1", answer(10));
  cache.put("a", "2", answer(9_000));
  expect(cache.get("a", "2")).toBeUndefined();
  expect(cache.bytes).toBe(0);
});
