import { crc32 } from "node:zlib";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { afterEach, describe, expect, test } from "vitest";
import { serverError, type TestContext, TestServer } from "../test/server.ts";
import { CairnClient } from "./client.ts";
import { Code } from "./code.ts";
import type { ThreadEvent } from "./event.ts";
import { ValueRef } from "./event.ts";
import { CheckpointService } from "./gen/cairn/v1/checkpoint_service_pb.ts";
import { type EventSchema, RunStatus } from "./gen/cairn/v1/event_pb.ts";
import {
  RunService,
  type StreamEventsRequest,
  type StreamEventsResponseSchema,
  StreamMode,
} from "./gen/cairn/v1/run_service_pb.ts";
import { ThreadService } from "./gen/cairn/v1/thread_service_pb.ts";
import { encode } from "./values/typed-value.ts";

type EventInit = MessageInitShape<typeof EventSchema>;
type ResponseInit = MessageInitShape<typeof StreamEventsResponseSchema>;

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const retry = { streamsMax: 5, backoffBaseMs: 1, backoffMaxMs: 5 };

/** Serves `streams[0]` to the first StreamEvents call, and so on; the last one again and again. */
async function serving(
  streams: ((request: StreamEventsRequest, context: TestContext) => AsyncGenerator<ResponseInit>)[],
  options: { runDeadlineMs?: number; lastEventNumber?: bigint } = {},
) {
  const requests: StreamEventsRequest[] = [];
  const server = new TestServer()
    .add(RunService, {
      streamEvents: (request, context) => {
        requests.push(request);
        const stream = streams[Math.min(requests.length, streams.length) - 1];
        if (!stream) throw new Error("no stream");
        return stream(request, context);
      },
    })
    .add(ThreadService, {
      getThread: ({ threadId }) => ({ thread: { id: threadId, lastEventNumber: options.lastEventNumber ?? 0n } }),
    })
    .add(CheckpointService, {
      async *getValues({ refs }) {
        for (const ref of refs) {
          const data = Buffer.from(`{"fetched":"${ref}"}`);
          const about = { sizeBytes: BigInt(data.length), crc32: crc32(data) };
          yield { part: { case: "entry" as const, value: { ref, value: { type: "json" }, ...about } } };
          yield { part: { case: "chunk" as const, value: data.subarray(0, 5) } };
          yield { part: { case: "chunk" as const, value: data.subarray(5) } };
        }
      },
    });
  await server.listen();
  const client = CairnClient.connect({ address: server.address, retry, runDeadlineMs: options.runDeadlineMs });
  closing.push(
    () => client.close(),
    () => server.kill(),
  );
  return { thread: client.thread("t"), requests, server };
}

const durable = (number: number, body: EventInit["body"] = { case: "threadUpdated", value: {} }): ResponseInit => ({
  event: { number: BigInt(number), body, runId: "r" },
});
const token = (number: number, subNumber: number): ResponseInit => ({
  event: {
    number: BigInt(number),
    ephemeral: { epoch: 1n, subNumber: BigInt(subNumber) },
    body: { case: "messageToken", value: { text: `${number}.${subNumber}` } },
  },
});
const stopped = (number: number): ResponseInit =>
  durable(number, { case: "runStopped", value: { status: RunStatus.DONE, nextNodes: [] } });

const broken = () => serverError(14, "SERVER_STOPPING", "the server is stopping");

async function all(events: AsyncIterable<ThreadEvent>): Promise<string[]> {
  const seen: string[] = [];
  for await (const event of events) seen.push(nameOf(event));
  return seen;
}
const nameOf = ({ number, ephemeral }: ThreadEvent) => (ephemeral ? `${number}.${ephemeral.subNumber}` : `${number}`);

/** A log of 40 events, served from `after` on; every stream breaks after a few. */
async function* breaking({ after = 0n }: StreamEventsRequest): AsyncGenerator<ResponseInit> {
  for (let n = Number(after) + 1; n <= 40; n++) {
    yield n === 40 ? stopped(n) : durable(n);
    if (n % 7 === 0) throw broken();
  }
}

const upTo = (last: number) => Array.from({ length: last }, (_, i) => String(i + 1));

describe("resumption", () => {
  test("no loss and no repeat over streams that break", async () => {
    const { thread, requests } = await serving([breaking]);
    expect(await all(thread.events({ after: 0, untilStop: true }))).toEqual(upTo(40));
    expect(requests.map(({ after }) => Number(after))).toEqual([0, 7, 14, 21, 28, 35]);
  });

  test("what a server sends twice is given once, ephemeral events too", async () => {
    const { thread } = await serving([
      async function* () {
        yield durable(1);
        yield token(1, 1);
        yield token(1, 2);
        throw broken();
      },
      async function* () {
        yield durable(1);
        yield token(1, 2);
        yield token(1, 3);
        yield durable(2);
        yield token(1, 4);
        yield token(2, 1);
        yield stopped(3);
      },
    ]);
    expect(await all(thread.events({ after: 0, untilStop: true }))).toEqual([
      "1",
      "1.1",
      "1.2",
      "1.3",
      "2",
      "2.1",
      "3",
    ]);
  });

  test("from now on: what happens before the first event arrives isn't lost", async () => {
    const { thread, requests } = await serving(
      [
        // biome-ignore lint/correctness/useYield: it breaks before it brings anything
        async function* () {
          throw broken();
        },
        async function* () {
          yield stopped(50_001);
        },
      ],
      { lastEventNumber: 50_000n },
    );
    expect(await all(thread.events({ untilStop: true }))).toEqual(["50001"]);
    expect(requests.map(({ after }) => after)).toEqual([50_000n, 50_000n]);
  });

  test("a server that is killed while it streams, and comes back", async () => {
    const { thread, server, requests } = await serving([
      async function* (_request, { signal }) {
        yield durable(1);
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      },
    ]);
    const seen: string[] = [];
    let next: TestServer | undefined;
    closing.push(() => next?.kill());
    for await (const event of thread.events({ after: 0, untilRunStops: "r" })) {
      seen.push(nameOf(event));
      if (seen.length > 1) continue;
      server.kill();
      next = new TestServer().add(RunService, {
        async *streamEvents({ after }) {
          expect(after).toBe(1n);
          yield stopped(2);
          // The stream stays open: the reader itself knows that this was the last event.
          await new Promise(() => {});
        },
      });
      await next.listen(server.port);
    }
    expect(seen).toEqual(["1", "2"]);
    expect(requests).toHaveLength(1);
  });

  test("a stream's own deadline is not the reader's", async () => {
    let calls = 0;
    const { thread } = await serving(
      [
        async function* ({ after = 0n }, { signal }) {
          yield ++calls < 3 ? durable(Number(after) + 1) : stopped(Number(after) + 1);
          await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        },
      ],
      { runDeadlineMs: 60 },
    );
    expect(await all(thread.events({ after: 0, untilStop: true }))).toEqual(["1", "2", "3"]);
    await expect(all(thread.events({ after: 0, deadlineMs: 100 }))).rejects.toMatchObject({
      code: Code.DeadlineExceeded,
    });
  });

  test("gives up after attempts that bring nothing, not after attempts that do", async () => {
    const { thread, requests } = await serving([
      // biome-ignore lint/correctness/useYield: it breaks before it brings anything
      async function* () {
        throw broken();
      },
    ]);
    await expect(all(thread.events({ after: 0 }))).rejects.toMatchObject({ reason: "SERVER_STOPPING" });
    expect(requests).toHaveLength(5);
  });

  test.each([
    [5, "THREAD_NOT_FOUND"],
    [11, "EVENTS_PRUNED"],
    [11, "EVENTS_AHEAD"],
    [16, "TOKEN_INVALID"],
    [7, "SPACE_DENIED"],
    [3, "INVALID_FIELD"],
    [8, "LIMIT_REACHED"],
  ])("status %i (%s) is not tried again", async (code, reason) => {
    const { thread, requests } = await serving([
      // biome-ignore lint/correctness/useYield: it is refused
      async function* () {
        throw serverError(code, reason, "no", { metadata: { oldest: "5" } });
      },
    ]);
    await expect(all(thread.events({ after: 0 }))).rejects.toMatchObject({ code, reason, metadata: { oldest: "5" } });
    expect(requests).toHaveLength(1);
  });
});

describe("ends", () => {
  test("at the log's present end", async () => {
    const { thread, requests } = await serving([
      async function* () {
        yield durable(1);
      },
    ]);
    expect(await all(thread.events({ after: 0, untilNow: true, modes: ["values", "debug"], namespace: "" }))).toEqual([
      "1",
    ]);
    expect(requests[0]).toMatchObject({ untilNow: true, modes: [StreamMode.VALUES, StreamMode.DEBUG], namespace: "" });
  });

  test("when the reader leaves the loop: the server hears of it", async () => {
    const gone = Promise.withResolvers<void>();
    const { thread } = await serving([
      async function* (_request, { signal }) {
        signal.addEventListener("abort", () => gone.resolve());
        yield durable(1);
        await gone.promise;
      },
    ]);
    for await (const _ of thread.events({ after: 0 })) break;
    await gone.promise;
  });

  test("when its signal says so", async () => {
    const controller = new AbortController();
    const { thread } = await serving([
      async function* (_request, { signal }) {
        yield durable(1);
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      },
    ]);
    const seen: string[] = [];
    const follow = async () => {
      for await (const event of thread.events({ after: 0, signal: controller.signal })) {
        seen.push(nameOf(event));
        setTimeout(() => controller.abort(), 10);
      }
    };
    await expect(follow()).rejects.toMatchObject({ code: Code.Cancelled, reason: "CALL_ENDED" });
    expect(seen).toEqual(["1"]);
  });
});

describe("values", () => {
  const saved = (number: number, refs: Record<string, string>): EventInit => ({
    number: BigInt(number),
    body: {
      case: "checkpointSaved",
      value: {
        checkpointId: `c${number}`,
        step: 1n,
        values: Object.fromEntries(
          Object.entries(refs).map(([name, ref]) => [name, { source: { case: "ref" as const, value: ref } }]),
        ),
      },
    },
  });
  async function* stream(): AsyncGenerator<ResponseInit> {
    yield { event: saved(1, { a: "r1" }), values: [{ ref: "r1", value: encode([1, 2n ** 60n]) }] };
    yield { event: saved(2, { a: "r1", b: "r2" }), values: [] };
  }
  const valuesOf = (event: ThreadEvent) => (event.type === "checkpoint_saved" ? event.values : undefined);

  test("come decoded; one sent earlier is remembered, one never sent is fetched", async () => {
    const { thread } = await serving([stream]);
    const seen: unknown[] = [];
    for await (const event of thread.events({ after: 0, untilNow: true })) seen.push(valuesOf(event));
    expect(seen).toEqual([{ a: [1, 2n ** 60n] }, { a: [1, 2n ** 60n], b: { fetched: "r2" } }]);
  });

  test("stay references when they are not wanted", async () => {
    const { thread, requests } = await serving([stream]);
    const seen: unknown[] = [];
    for await (const event of thread.events({ after: 0, untilNow: true, values: false })) seen.push(valuesOf(event));
    expect(seen[0]).toEqual({ a: new ValueRef("r1") });
    expect(requests[0]?.includeValues).toBe(false);
  });
});
