// The reader by itself, pulled by hand: what a caller over the network can't bring about on purpose.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { afterEach, beforeEach, expect, test } from "vitest";
import { EphemeralPositionSchema, type Event, EventSchema } from "../gen/cairn/v1/event_pb.ts";
import { StreamEventsRequestSchema } from "../gen/cairn/v1/run_service_pb.ts";
import { limits } from "../limits.ts";
import { openStore } from "../store/open.ts";
import type { Store } from "../store/store.ts";
import { type Environment, systemEnvironment } from "../system/environment.ts";
import { EphemeralEvents } from "./ephemeral-events.ts";
import { streamEvents } from "./event-stream.ts";
import { RecentEvents } from "./recent-events.ts";

/** No timer ever comes: whatever a reader is not told of it waits for in vain. */
const still: Environment = { ...systemEnvironment, clock: { ...systemEnvironment.clock, after: () => () => {} } };
const key = { space: "default", thread: "t" };
const kept = 5;

let folder: string;
let store: Store;
let ephemeral: EphemeralEvents;
let recent: RecentEvents;
let stop: AbortController;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "cairn-event-stream-"));
  store = await openStore({ folder }, systemEnvironment, { eventRecordsKept: kept });
  ephemeral = new EphemeralEvents();
  recent = new RecentEvents(store);
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

type Body = MessageInitShape<typeof EventSchema>["body"];
const note: Body = { case: "threadUpdated", value: {} };

/** One record with these events. */
async function commit(...bodies: Body[]): Promise<void> {
  await store.update(key, async () => ({ events: bodies.map((body) => create(EventSchema, { body })) }));
}

function read(
  request: Omit<MessageInitShape<typeof StreamEventsRequestSchema>, "$typeName"> = {},
  environment = still,
) {
  const parts = { store, ephemeral, recent, environment };
  return streamEvents(parts, key, create(StreamEventsRequestSchema, { threadId: "t", ...request }), stop.signal);
}

function tell(number: number, subNumber: number, { epoch = 1, text = "", messageId = String(subNumber) } = {}): void {
  const position = create(EphemeralPositionSchema, { epoch: BigInt(epoch), subNumber: BigInt(subNumber) });
  const body: Body = { case: "messageToken", value: { messageId, text } };
  ephemeral.tell(key, create(EventSchema, { number: BigInt(number), ephemeral: position, body }));
}

const nameOf = ({ number, ephemeral: position }: Event) =>
  position === undefined ? `${number}` : `${number}+${position.subNumber}`;

async function take(reader: AsyncGenerator<Event>, count: number): Promise<string[]> {
  const names: string[] = [];
  for (let i = 0; i < count; i++) names.push(nameOf((await reader.next()).value as Event));
  return names;
}

test("an ephemeral event waits for its place between the durable ones", async () => {
  await commit(note);
  const reader = read({ after: 0n });
  expect(await take(reader, 1)).toEqual(["10000"]);
  tell(10_000, 1);
  await commit(note, note);
  tell(20_001, 2);
  await commit(note);
  tell(30_000, 3);
  expect(await take(reader, 6)).toEqual(["10000+1", "20000", "20001", "20001+2", "30000", "30000+3"]);
});

test("one told before its run hears of its own commit comes after what the log shows already", async () => {
  await commit(note);
  const reader = read({ after: 0n });
  await commit(note);
  expect(await take(reader, 2)).toEqual(["10000", "20000"]);
  tell(10_000, 1);
  tell(20_000, 2);
  expect(await take(reader, 2)).toEqual(["20000+1", "20000+2"]);
});

test("a run that has lost its thread is not heard any more once the next one has begun", async () => {
  await commit({ case: "runStarted", value: { epoch: 1n } });
  const reader = read({ after: 0n });
  const late = read();
  const first = late.next();
  expect(await take(reader, 1)).toEqual(["10000"]);
  await commit({ case: "runStarted", value: { epoch: 2n } });
  expect(await take(reader, 1)).toEqual(["20000"]);
  expect(nameOf((await first).value as Event)).toBe("20000");
  tell(10_000, 7, { epoch: 1 });
  tell(20_000, 1, { epoch: 2 });
  expect(await take(reader, 1)).toEqual(["20000+1"]);
  expect(await take(late, 1)).toEqual(["20000+1"]);
});

test("a reader that takes nothing costs a bounded number of ephemeral events, the newest", async () => {
  await commit(note);
  const many = read({ after: 0n });
  await take(many, 1);
  const count = limits.ephemeralEventsKeptMax + 500;
  for (let i = 1; i <= count; i++) tell(10_000, i);
  await commit(note);
  const names = await take(many, limits.ephemeralEventsKeptMax + 1);
  expect([names[0], names.at(-2), names.at(-1)]).toEqual(["10000+501", `10000+${count}`, "20000"]);
  const text = "x".repeat(limits.ephemeralEventBytesMax - 4);
  const fit = limits.ephemeralBytesKeptMax / limits.ephemeralEventBytesMax;
  for (let i = 1; i <= 2 * fit; i++) tell(20_000, count + i, { text });
  await commit(note);
  const large = await take(many, fit + 1);
  expect([large[0], large.at(-1)]).toEqual([`20000+${count + fit + 1}`, "30000"]);
});

test("pieces of a message that a reader does not take are joined, and none is lost", async () => {
  await commit(note);
  const reader = read({ after: 0n });
  await take(reader, 1);
  const count = 5 * limits.ephemeralEventsKeptMax;
  for (let i = 1; i <= count; i++) tell(10_000, i, { text: `${i} `, messageId: "m" });
  tell(10_000, count + 1, { text: "another", messageId: "n" });
  await commit(note);
  let text = "";
  let events = 0;
  for await (const { body, number } of reader) {
    if (number === 20_000n) break;
    events++;
    if (body.case === "messageToken") text += body.value.text;
  }
  expect(text).toBe(`${Array.from({ length: count }, (_, i) => `${i + 1} `).join("")}another`);
  expect(events).toBeLessThan(100);
});

test("nothing that is filtered pushes out what is wanted", async () => {
  await commit(note);
  const reader = read({ after: 0n, depth: 0 });
  await take(reader, 1);
  tell(10_000, 1);
  for (let i = 2; i <= limits.ephemeralEventsKeptMax + 2; i++) {
    const position = create(EphemeralPositionSchema, { epoch: 1n, subNumber: BigInt(i) });
    const body: Body = { case: "messageToken", value: { text: "" } };
    const event = create(EventSchema, { number: 10_000n, namespace: "inner:1", ephemeral: position, body });
    ephemeral.tell(key, event);
  }
  expect(await take(reader, 1)).toEqual(["10000+1"]);
});

test("a reader that is overtaken by what is kept is told so", async () => {
  await commit(note);
  const reader = read({ after: 0n });
  expect(await take(reader, 1)).toEqual(["10000"]);
  for (let i = 0; i < 100; i++) await commit(note);
  await expect(reader.next()).rejects.toMatchObject({ reasonName: "EVENTS_PRUNED", metadata: { oldest: "970000" } });
});

test("records without events overtake nobody: not who waits, not who comes back with the last number", async () => {
  await commit(note);
  const reader = read({ after: 0n });
  expect(await take(reader, 1)).toEqual(["10000"]);
  const next = reader.next();
  for (let i = 0; i < 3 * kept; i++) await commit();
  expect(await read({ after: 10_000n, untilNow: true }).next()).toMatchObject({ done: true });
  await commit(note);
  expect(nameOf((await next).value as Event)).toBe("170000");
});

test("a reader of a thread that is deleted and made again is told to begin again", async () => {
  await commit(note);
  const reader = read({ after: 0n });
  expect(await take(reader, 1)).toEqual(["10000"]);
  const next = reader.next();
  next.catch(() => {});
  await store.deleteThread(key);
  await commit(note);
  await expect(next).rejects.toMatchObject({ reasonName: "EVENTS_PRUNED", metadata: { oldest: "30000" } });
});

test("what other servers write is looked for, however much passes by meanwhile", async () => {
  const timers = new Set<() => void>();
  const after = (_ms: number, act: () => void) => {
    timers.add(act);
    return () => void timers.delete(act);
  };
  const environment = { ...systemEnvironment, clock: { ...systemEnvironment.clock, after } };
  // Nobody tells it of commits.
  recent = new RecentEvents({ onCommit: () => () => {} });
  await commit(note);
  const reader = read({ after: 0n }, environment);
  expect(await take(reader, 1)).toEqual(["10000"]);
  tell(10_000, 1);
  expect(await take(reader, 1)).toEqual(["10000+1"]);
  const [armed] = timers;
  await commit(note);
  for (let i = 2; i <= 50; i++) {
    tell(10_000, i);
    expect(await take(reader, 1)).toEqual([`10000+${i}`]);
    expect([...timers]).toEqual([armed]);
  }
  const next = take(reader, 1);
  armed?.();
  expect(await next).toEqual(["20000"]);
});

test("until now ends, however fast others write", async () => {
  await commit(note);
  await commit(note);
  const reader = read({ after: 0n, untilNow: true });
  const names: string[] = [];
  for await (const event of reader) {
    names.push(nameOf(event));
    await commit(note);
    if (names.length > 20) break;
  }
  expect(names.slice(0, 2)).toEqual(["10000", "20000"]);
  expect(names.length).toBeLessThan(20);
});
