import { create } from "@bufbuild/protobuf";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { expect, test } from "vitest";
import { Cell } from "../engine/cell.ts";
import { write } from "../engine/write.ts";
import { limits } from "../limits.ts";
import { systemEnvironment } from "../system/environment.ts";
import { NodeCache } from "./node-cache.ts";

const ttl = create(DurationSchema, { seconds: 2n });
const writes = (bytes: number) => [write("a", Cell.of(new Uint8Array(bytes)))];

test("a result is kept until its time is over", () => {
  let now = 0;
  const cache = new NodeCache({ ...systemEnvironment.clock, monotonicMs: () => now });
  cache.put("short", writes(1), ttl);
  cache.put("long", writes(1), undefined);
  now = 1_999;
  expect(cache.get("short")).toEqual(writes(1));
  now = 2_000;
  expect(cache.get("short")).toBeUndefined();
  now = 1e12;
  expect(cache.get("long")).toBeDefined();
});

test("those that were used longest ago go first, and none is kept that is too large", () => {
  const cache = new NodeCache(systemEnvironment.clock);
  const size = limits.nodeCacheBytesMax / 10;
  for (let i = 0; i < 9; i++) cache.put(`${i}`, writes(size), undefined);
  expect(cache.get("0")).toBeDefined();
  cache.put("9", writes(size), undefined);
  cache.put("10", writes(limits.nodeCacheBytesMax / 8), undefined);
  const kept = Array.from({ length: 11 }, (_, i) => `${i}`).filter((key) => cache.get(key) !== undefined);
  expect(kept).toEqual(["0", "2", "3", "4", "5", "6", "7", "8", "9"]);
});
