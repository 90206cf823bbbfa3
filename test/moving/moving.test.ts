// Threads that move between stores as files.
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CheckpointSchema } from "../../src/gen/cairn/v1/checkpoint_pb.ts";
import { EventSchema } from "../../src/gen/cairn/v1/event_pb.ts";
import { limits } from "../../src/limits.ts";
import { LogStore } from "../../src/store/log-store.ts";
import { decodeExport, ExportEncoder } from "../../src/store/moving/export-file.ts";
import type { Store, ThreadKey } from "../../src/store/store.ts";
import { type Environment, systemEnvironment } from "../../src/system/environment.ts";
import { clockOf, readFixture } from "../conformance/layouts/fixture.ts";
import { load } from "../conformance/layouts/load.ts";
import { type NewLog, openNewLog } from "../conformance/layouts/new-log.ts";
import { SPACE } from "../conformance/layouts/reading.ts";
import {
  commit,
  errorOf,
  FULL,
  inline,
  latest,
  put,
  reasonOf,
  savedEvent,
  textOf,
} from "../conformance/store/support.ts";
import { storeKinds } from "../support/stores.ts";

const fixture = readFixture(1);
const THREADS = ["native", "background", "langgraph", "waiting"];

async function fileOf(store: Store, key: ThreadKey): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.exportThread(key, new AbortController().signal)) {
    expect(chunk.length).toBeLessThanOrEqual(1024 * 1024);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The file's bytes in chunks of some size. */
async function* inPieces(file: Uint8Array, size = 1000): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < file.length; from += size) yield file.subarray(from, from + size);
}

/** What a file says of the thread as it was up to a position, or up to its own end: an import adds a record of its own. */
async function framesOf(file: Uint8Array, upTo?: bigint): Promise<{ last: bigint; frames: unknown[] }> {
  const frames: unknown[] = [];
  let last = upTo;
  for await (const frame of decodeExport(inPieces(file))) {
    if (frame.case === "header") {
      last ??= frame.value.lastPosition;
      const { tail, ...header } = frame.value;
      const stands = { ...tail, lastEventNumber: 0n, metadataAt: 0n };
      frames.push({ ...header, lastPosition: 0n, tail: stands });
    } else if (frame.case === "part") {
      frames.push(frame.value);
    } else if (frame.case === "record" && frame.value.n <= (last ?? 0n)) {
      frames.push(frame.value);
    }
  }
  return { last: last ?? 0n, frames };
}

/** All that can be read of a thread, without its name. */
async function readThread(store: Store, key: ThreadKey): Promise<unknown> {
  const list = { thread: key.thread, filters: [], order: "seq" as const, pageSize: 500, pageToken: "" };
  const { entries } = await store.listCheckpoints(key.space, list, FULL);
  const { events } = await store.readEvents(key, 0, 10_000);
  const thread = await store.getThread(key);
  return {
    thread: { ...thread, id: "", updatedAt: undefined, lastEventNumber: 0n, metadata: `${thread?.metadata}` },
    entries: entries.map(({ checkpoint, writes, values }) => ({
      checkpoint: Buffer.from(toBinary(CheckpointSchema, { ...checkpoint, threadId: "" })).toString("hex"),
      writes,
      values: [...values.values()].map(({ value, ...entry }) => ({
        ...entry,
        type: value?.type,
        data: Buffer.from(value?.data ?? []).toString("hex"),
      })),
    })),
    // The import tells of itself.
    events: events
      .filter(({ body }) => body.case !== "threadUpdated")
      .map((event) => Buffer.from(toBinary(EventSchema, event)).toString("hex")),
  };
}

describe("files", () => {
  test("go from an embedded store to MongoDB and back, and say the same", async () => {
    await using first = await openNewLog("embedded", clockOf(fixture));
    await using second = await openNewLog("mongodb", clockOf(fixture));
    await using third = await openNewLog("embedded", clockOf(fixture));
    await load(first.log, fixture);
    const storeOn = ({ log }: NewLog): Store => new LogStore(log, clockOf(fixture));
    const [one, two, three] = [storeOn(first), storeOn(second), storeOn(third)];
    for (const thread of THREADS) {
      const key = { space: SPACE, thread };
      const file = await fileOf(one, key);
      const { records } = await two.importThread({ space: SPACE }, inPieces(file));
      expect(records).toBeGreaterThan(2);
      const again = await fileOf(two, key);
      const { last, frames } = await framesOf(file);
      expect((await framesOf(again, last)).frames).toEqual(frames);
      await three.importThread({ space: SPACE }, inPieces(again, 100_000));
      expect((await framesOf(await fileOf(three, key), last)).frames).toEqual(frames);
      const before = await readThread(one, key);
      expect(await readThread(two, key)).toEqual(before);
      expect(await readThread(three, key)).toEqual(before);
    }
  });
});

describe.each(storeKinds)("on %s", (kind) => {
  let opened: NewLog;
  let store: Store;
  let offsetMs = 0;
  const environment: Environment = {
    ...systemEnvironment,
    clock: { ...systemEnvironment.clock, monotonicMs: () => systemEnvironment.clock.monotonicMs() + offsetMs },
  };
  let file: Buffer;
  const space = SPACE;
  const key = { space, thread: "t" };

  beforeAll(async () => {
    opened = await openNewLog(kind, environment);
    store = new LogStore(opened.log, environment);
    await put(store, key, "a", { values: { x: "1", big: inline(randomBytes(2_500_000)) }, runId: "r" });
    const { record } = await put(store, key, "b", { values: { x: "2" } }, { events: [savedEvent("b")] });
    expect(record.events).toHaveLength(1);
    await commit(store, key, { threadMetadata: Buffer.from('{"of":"t"}') });
    file = await fileOf(store, key);
  });
  afterAll(() => opened[Symbol.asyncDispose]());

  test("a thread is imported under another name, and goes on by itself", async () => {
    const copy = { space, thread: "copy" };
    await store.importThread({ space, thread: "copy" }, inPieces(file));
    expect(await readThread(store, copy)).toEqual(await readThread(store, key));
    expect((await store.getThread(copy))?.id).toBe("copy");
    expect((await latest(store, copy))?.checkpoint.threadId).toBe("copy");
    const { threads } = await store.listThreads(space, { filters: [], pageSize: 9, pageToken: "" });
    expect(threads.find(({ id }) => id === "copy")?.metadata).toEqual(new Uint8Array(Buffer.from('{"of":"t"}')));
    await put(store, copy, "c", { values: { x: "3" } }, { events: [savedEvent("c")] });
    expect(textOf(await latest(store, key), "x")).toBe("2");
    await store.deleteThread(key);
    expect((await latest(store, copy))?.checkpoint.id).toBe("c");
    expect(await store.findCheckpoint(space, "a", FULL)).toMatchObject({ checkpoint: { threadId: "copy" } });
  });

  test("a thread comes back under the name that it had, behind what is left of it", async () => {
    const again = { space, thread: "again" };
    await put(store, again, "z", { values: { x: "old" } }, { events: [savedEvent("z")] });
    await store.deleteThread(again);
    await store.importThread({ space, thread: "again" }, inPieces(file));
    const { entries } = await store.listCheckpoints(
      space,
      { thread: "again", filters: [], order: "seq", pageSize: 9, pageToken: "" },
      FULL,
    );
    expect(entries.map(({ checkpoint }) => checkpoint.id)).toEqual(["b", "a"]);
    expect(textOf(entries[0], "x")).toBe("2");
    expect(textOf(entries[1], "x")).toBe("1");
    expect([...(entries[1]?.values.values() ?? [])].some(({ sizeBytes }) => sizeBytes === 2_500_000n)).toBe(true);
    const { events } = await store.readEvents(again, 0, 100);
    expect(events.map(({ body }) => body.case === "checkpointSaved" && body.value.checkpointId)).toEqual(["b", false]);
    expect(Number(events[0]?.number)).toBeGreaterThan(30_000);
  });

  test("a thread that exists is not written over", async () => {
    const there = { space, thread: "there" };
    await put(store, there, "own");
    const error = await errorOf(store.importThread({ space, thread: "there" }, inPieces(file)));
    expect(error).toMatchObject({ reasonName: "THREAD_EXISTS", code: 6 });
    expect((await latest(store, there))?.checkpoint.id).toBe("own");
  });

  test("nothing is seen of one that is on its way, and whoever comes before it wins", async () => {
    const target = { space, thread: "on its way" };
    const { promise, resolve } = Promise.withResolvers<void>();
    const halfSent = Promise.withResolvers<void>();
    const half = async function* () {
      yield file.subarray(0, file.length - 100);
      halfSent.resolve();
      await promise;
      yield file.subarray(file.length - 100);
    };
    const importing = store.importThread({ space, thread: target.thread }, half());
    const refused = errorOf(importing);
    await halfSent.promise;
    // The rows of all but the end are there by the time that the next chunk is asked for.
    expect(await store.getThread(target)).toBeUndefined();
    expect(await latest(store, target)).toBeUndefined();
    expect(await opened.log.byKeys(target, ["c:a"])).toEqual([]);
    expect((await opened.log.after(target, 0, 100)).every(({ floor }) => floor)).toBe(true);
    expect((await store.tail(target)).exists).toBe(false);
    await opened.log.sweep();
    await put(store, target, "mine", { values: { x: "mine" } });
    resolve();
    expect(await refused).toMatchObject({ reasonName: "THREAD_EXISTS" });
    expect((await latest(store, target))?.checkpoint.id).toBe("mine");
    expect(await store.listCheckpoints(space, listOf(target.thread), FULL)).toMatchObject({ entries: { length: 1 } });
  });

  test("a file that is cut off, damaged, newer or none is refused, and leaves nothing", async () => {
    const target = { space, thread: "refused" };
    const refuse = async (bytes: Uint8Array) => {
      const error = await errorOf(store.importThread({ space, thread: target.thread }, inPieces(bytes, 200_000)));
      expect((await store.tail(target)).exists).toBe(false);
      expect(await latest(store, target)).toBeUndefined();
      return error;
    };
    for (const length of [0, 5, 12, 40, 1_000_000, file.length - 40, file.length - 1]) {
      const error = await refuse(file.subarray(0, length));
      expect(error).toMatchObject({ reasonName: "INVALID_FIELD", code: 3 });
      expect(error.message).toContain("truncated");
    }
    for (const at of [0, 13, 30, 500_000, file.length - 200]) {
      const changed = Buffer.from(file);
      changed[at] = (changed[at] as number) ^ 0x55;
      expect((await refuse(changed)).reasonName, `changed at ${at}`).toBe("INVALID_FIELD");
    }
    expect((await refuse(Buffer.concat([file, Buffer.from([0])]))).message).toContain("follows its end");
    const newer = Buffer.from(file);
    newer.writeUInt32LE(9, 8);
    expect(await refuse(newer)).toMatchObject({
      reasonName: "LAYOUT_TOO_NEW",
      metadata: { layout: "9", known_layout: "1" },
    });
    // A whole file of one record whose layout is of a later Cairn.
    const encoder = new ExportEncoder();
    const late = Buffer.concat([
      encoder.head(),
      encoder.frame({ case: "header", value: { threadId: "t", lastPosition: 1n, tail: { createdAtMs: 1n } } }),
      encoder.frame({ case: "record", value: { n: 1n, record: new Uint8Array([8, 99]) } }),
      encoder.end({ records: 1n, parts: 0n }),
    ]);
    expect(await refuse(late)).toMatchObject({ reasonName: "LAYOUT_TOO_NEW", metadata: { layout: "99" } });
    await store.importThread({ space, thread: target.thread }, inPieces(file));
    expect((await latest(store, target))?.checkpoint.id).toBe("b");
  });

  test("an import that takes too long is given up", async () => {
    const slow = async function* () {
      yield file.subarray(0, file.length - 100);
      offsetMs += limits.importMs + 1;
      yield file.subarray(file.length - 100);
    };
    expect(await reasonOf(store.importThread({ space, thread: "slow" }, slow()))).toBe("LIMIT_REACHED");
    expect((await store.tail({ space, thread: "slow" })).exists).toBe(false);
  });

  test("a thread that is not there has no file", async () => {
    expect(await reasonOf(fileOf(store, { space, thread: "nobody" }))).toBe("THREAD_NOT_FOUND");
    expect(existsSync("nobody")).toBe(false);
  });
});

function listOf(thread: string) {
  return { thread, filters: [], order: "seq" as const, pageSize: 100, pageToken: "" };
}
