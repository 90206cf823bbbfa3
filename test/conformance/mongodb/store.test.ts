// Through the store: how many commands a read costs does not depend on the history's length; a second server writes.
import { create } from "@bufbuild/protobuf";
import type { CommandStartedEvent } from "mongodb";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Checkpoint, CheckpointSchema, PendingWriteSchema } from "../../../src/gen/cairn/v1/checkpoint_pb.ts";
import { TypedValueSchema, ValueSchema } from "../../../src/gen/cairn/v1/value_pb.ts";
import { checkpointNotFound } from "../../../src/not-found.ts";
import type { ThreadKey } from "../../../src/store/log.ts";
import { LogStore } from "../../../src/store/log-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { systemEnvironment } from "../../../src/system/environment.ts";
import { newThread, onLog, openTestLog, type TestLog } from "./support.ts";

let test1: TestLog;
let store: Store;

beforeAll(async () => {
  test1 = await openTestLog(inject("mongoUri"));
  store = new LogStore(test1.log, systemEnvironment);
}, 180_000);
afterAll(() => test1.end());

function inline(bytes: number, fill: number) {
  const data = new Uint8Array(bytes).fill(fill);
  return create(ValueSchema, {
    source: { case: "inline", value: create(TypedValueSchema, { type: "msgpack", data }) },
  });
}

function idOf(step: number): string {
  return `checkpoint-${String(step).padStart(6, "0")}`;
}

function draftOf(id: string, own = inline(1, 1)): Checkpoint {
  return create(CheckpointSchema, { id, channelValues: { own } });
}

/** A thread of so many steps, each with a value of its own, one of before, and pending writes. */
async function history(steps: number): Promise<ThreadKey> {
  const key = newThread();
  let kept: Checkpoint["channelValues"][string] | undefined;
  for (let step = 1; step <= steps; step++) {
    const draft = create(CheckpointSchema, { threadId: key.thread, id: idOf(step), step: BigInt(step) });
    draft.channelValues.own = inline(200, step % 256);
    draft.channelValues.kept = kept ?? inline(300_000, 1);
    const committed = await store.update(key, async () => ({ checkpoint: draft }));
    kept ??= committed?.record.checkpoint?.channelValues.kept;
    const write = create(PendingWriteSchema, { taskId: `task ${step}`, idx: 0, channel: "own", value: inline(50, 2) });
    await store.update(key, async () => ({ writes: [{ namespace: "", checkpointId: idOf(step), writes: [write] }] }));
  }
  return key;
}

async function commandsOf(read: () => Promise<unknown>): Promise<number> {
  test1.forget();
  await read();
  expect(test1.commands.filter(({ commandName }) => commandName === "getMore")).toEqual([]);
  return onLog(test1.commands).length;
}

test("latest checkpoint, by seq, by id, and one by its id", async () => {
  const [short, long] = [await history(3), await history(150)];
  for (const which of [{ latestBy: "seq" }, { latestBy: "id" }, { id: idOf(2) }] as const) {
    const read = (key: ThreadKey) => commandsOf(() => store.getCheckpoint(key, "", which, { view: "full" }));
    const [few, many] = [await read(short), await read(long)];
    expect(many).toBe(few);
    expect(many).toBeLessThanOrEqual(4);
    const found = await store.getCheckpoint(long, "", which, { view: "full" });
    expect(found?.checkpoint.id).toBe(idOf("id" in which ? 2 : 150));
    expect(found?.writes).toHaveLength(1);
    expect(found?.values.size).toBe(3);
  }
}, 120_000);

test("a page of 50: three commands at most for rows, writes and values", async () => {
  const key = await history(60);
  for (const order of ["seq", "id"] as const) {
    const list = { thread: key.thread, namespace: "", filters: [], order, pageSize: 50, pageToken: "" };
    let entries: { checkpoint: Checkpoint; writes: unknown[] }[] = [];
    const count = await commandsOf(async () => {
      entries = (await store.listCheckpoints(key.space, list, { view: "refs" })).entries;
    });
    expect(entries.map(({ checkpoint }) => checkpoint.id)).toEqual(
      Array.from({ length: 50 }, (_, index) => idOf(60 - index)),
    );
    expect(entries.every(({ writes }) => writes.length === 1)).toBe(true);
    expect(count).toBeLessThanOrEqual(3);
  }
}, 120_000);

test("a put is one read and one insert on a thread that this server began, and three reads on another's", async () => {
  const key = await history(5);
  const tail = await store.tail(key);
  const byHolder = await commandsOf(() => store.append(key, tail, { events: [] }));
  expect(byHolder).toBe(1);
  const putBy = (server: Store, id: string) =>
    commandsOf(() =>
      server.update(key, async (thread) => {
        const known = await server.findRequest(key, id, thread);
        expect(known).toBeUndefined();
        const request = { id, bodyHash: new Uint8Array(32), answer: () => new Uint8Array() };
        return { checkpoint: draftOf(id, inline(10, 1)), request };
      }),
    );
  expect(await putBy(store, "next")).toBe(2);
  const onCommand = (event: CommandStartedEvent) => void test1.commands.push(event);
  const log = await test1.another({ onCommand });
  await log.sweep();
  const other = new LogStore(log, systemEnvironment);
  // The thread's end, the request and the checkpoint.
  for (const id of ["theirs", "theirs again"]) expect(await putBy(other, id)).toBe(4);
  // Once with the end that it remembers.
  expect(await putBy(store, "after theirs")).toBeGreaterThan(4);
});

test("a draft that refers to what another server wrote a moment ago is made again on the newer end", async () => {
  const key = await history(1);
  const other = new LogStore(await test1.another(), systemEnvironment);
  const seen: number[] = [];
  const committed = await store.update(key, async ({ n }) => {
    seen.push(n);
    if (seen.length === 1) await other.update(key, async () => ({ checkpoint: draftOf("theirs", inline(10, 7)) }));
    // As a run does that begins: it reads the head after the thread's end.
    const head = await store.getCheckpoint(key, "", { latestBy: "seq" }, { view: "refs" });
    return { checkpoint: draftOf("ours", head?.checkpoint.channelValues.own) };
  });
  expect(seen).toEqual([2, 3]);
  expect(committed?.record.checkpoint?.channelValues.own).toEqual(
    create(ValueSchema, { source: { case: "ref", value: "3.0" } }),
  );
  let looks = 0;
  await store.update(key, async () => {
    if (++looks > 1) return undefined;
    // As a run that begins finds the head gone which it was told of.
    await other.update(key, async () => ({ checkpoint: draftOf("later") }));
    throw checkpointNotFound("theirs", key);
  });
  expect(looks).toBe(2);
  await expect(
    store.update(key, async () => {
      throw checkpointNotFound("nobody's", key);
    }),
  ).rejects.toThrow("nobody's");
  const wrong = draftOf("wrong", create(ValueSchema, { source: { case: "ref", value: "99.0" } }));
  await expect(store.update(key, async () => ({ checkpoint: wrong }))).rejects.toThrow("99.0");
});
