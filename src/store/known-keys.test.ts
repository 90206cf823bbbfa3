import { create } from "@bufbuild/protobuf";
import { expect, test } from "vitest";
import { type Record, RecordSchema, TailSchema } from "../gen/cairn/store/v1/record_pb.ts";
import { limits } from "../limits.ts";
import { KnownKeys } from "./known-keys.ts";
import type { ThreadTail } from "./store.ts";

const key = { space: "s", thread: "t" };

const endAt = (n: number, createdAtMs = 1n): ThreadTail => ({
  n,
  exists: true,
  tail: create(TailSchema, { createdAtMs }),
});

function recordOf(id: string, requestId = `request ${id}`): Record {
  return create(RecordSchema, { checkpoint: { id }, request: { id: requestId } });
}

test("a thread that was written from its beginning lacks what was not written", () => {
  const known = new KnownKeys();
  expect(known.lacks(key, endAt(0), "c:a")).toBe(true);
  known.committed(key, endAt(1), recordOf("a"));
  known.committed(key, endAt(2), recordOf("b"));
  for (const there of ["c:a", "c:b", "q:request a", "q:request b"])
    expect(known.lacks(key, endAt(2), there)).toBe(false);
  for (const missing of ["c:c", "q:request c"]) expect(known.lacks(key, endAt(2), missing)).toBe(true);
  expect(known.lacks({ ...key, thread: "u" }, endAt(2), "c:c")).toBe(false);
});

test("nothing is said of a thread that another process may have written to", () => {
  const known = new KnownKeys();
  known.committed(key, endAt(4), recordOf("a"));
  expect(known.lacks(key, endAt(4), "c:x")).toBe(false);
  known.committed(key, endAt(1), recordOf("a"));
  expect(known.lacks(key, endAt(2), "c:x")).toBe(false);
  known.committed(key, endAt(3), recordOf("c"));
  expect(known.lacks(key, endAt(3), "c:x")).toBe(false);
  known.committed(key, endAt(1), recordOf("a"));
  expect(known.lacks(key, endAt(1, 2n), "c:x")).toBe(false);
});

test("a thread with too many is no longer known", () => {
  const known = new KnownKeys();
  for (let n = 1; n <= limits.knownKeysOfThreadMax; n++) known.committed(key, endAt(n), recordOf(`${n}`));
  expect(known.lacks(key, endAt(limits.knownKeysOfThreadMax), "c:x")).toBe(false);
});
