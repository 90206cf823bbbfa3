import { afterEach, describe, expect, test } from "vitest";
import { serverError, type TestContext, TestServer } from "../test/server.ts";
import { isThisMachine } from "./channel.ts";
import { CairnClient } from "./client.ts";
import { Code } from "./code.ts";
import type { ConnectOptions } from "./connect-options.ts";
import { AdminService } from "./gen/cairn/v1/admin_service_pb.ts";
import { CheckpointService } from "./gen/cairn/v1/checkpoint_service_pb.ts";
import { RunStatus } from "./gen/cairn/v1/event_pb.ts";
import { GraphService } from "./gen/cairn/v1/graph_service_pb.ts";
import { type RunRequest, RunService } from "./gen/cairn/v1/run_service_pb.ts";
import { ThreadService } from "./gen/cairn/v1/thread_service_pb.ts";
import { checkNodeVersion } from "./node-version.ts";
import { byId } from "./thread.ts";
import { decode, encode } from "./values/typed-value.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

const fast = { backoffBaseMs: 1, backoffMaxMs: 5 };

async function listening(server: TestServer, port = 0): Promise<TestServer> {
  closing.push(() => server.kill());
  return server.listen(port);
}

function connect(server: TestServer, options: ConnectOptions = {}): CairnClient {
  const client = CairnClient.connect({ address: server.address, retry: fast, ...options });
  closing.push(() => client.close());
  return client;
}

const never = ({ signal }: TestContext) =>
  new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(new Error("aborted"))));

test("a client that is closed says so, at once, and to readers of events too", async () => {
  const client = CairnClient.connect({ address: "127.0.0.1:1" });
  client.close();
  const closed = { code: Code.Cancelled, message: "the client is closed" };
  await expect(client.thread("t").info()).rejects.toMatchObject(closed);
  await expect(client.thread("t").events({ after: 0 }).next()).rejects.toMatchObject(closed);
});

test("a Node.js that is too old is named when connecting", () => {
  expect(() => checkNodeVersion("20.20.2")).toThrow("needs Node.js 22 or later, this is 20.20.2");
  expect(() => checkNodeVersion()).not.toThrow();
});

describe("every call", () => {
  test("names its space and token", async () => {
    let seen: Record<string, unknown> = {};
    const server = new TestServer().add(AdminService, {
      getStatus: (_request, { metadata }) => {
        seen = metadata.getMap();
        return { version: "1" };
      },
    });
    const client = connect(await listening(server), { space: "team-a", token: "secret" });
    expect((await client.admin.getStatus({})).version).toBe("1");
    expect(seen).toMatchObject({ "cairn-space": "team-a", authorization: "Bearer secret" });
  });

  test("has a deadline: 30 s, runs 10 min, its own if it names one", async () => {
    const deadlines: number[] = [];
    const note = (_: unknown, { deadlineMs }: TestContext) => {
      deadlines.push(Math.round((deadlineMs - Date.now()) / 1000));
      return {};
    };
    const server = new TestServer().add(AdminService, { getStatus: note }).add(RunService, { run: note });
    const client = connect(await listening(server));
    await client.admin.getStatus({});
    await client.thread("t").run({});
    await client.thread("t").run({}, { deadlineMs: 5_000 });
    expect(deadlines).toEqual([30, 600, 5]);
  });

  test("ends at its deadline", async () => {
    const server = new TestServer().add(AdminService, { getStatus: (_, context) => never(context) });
    const client = connect(await listening(server));
    const begun = performance.now();
    await expect(client.admin.getStatus({}, { deadlineMs: 80 })).rejects.toMatchObject({ code: Code.DeadlineExceeded });
    expect(performance.now() - begun).toBeLessThan(2_000);
  });

  test("ends when its signal says so, and the server hears of it", async () => {
    const gone = Promise.withResolvers<void>();
    const controller = new AbortController();
    const server = new TestServer().add(AdminService, {
      getStatus: (_, context) => {
        context.signal.addEventListener("abort", () => gone.resolve());
        setTimeout(() => controller.abort(), 20);
        return never(context);
      },
    });
    const client = connect(await listening(server));
    const call = client.admin.getStatus({}, { signal: controller.signal });
    await expect(call).rejects.toMatchObject({ code: Code.Cancelled, reason: "CALL_ENDED" });
    await gone.promise;
    await expect(client.admin.getStatus({}, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 1 });
  });

  test("says so when nobody is there", async () => {
    const server = await listening(new TestServer());
    server.kill();
    const client = connect(server);
    await expect(client.admin.getStatus({})).rejects.toMatchObject({ codeName: "UNAVAILABLE", reason: "" });
    await expect(client.ready(50)).rejects.toMatchObject({ codeName: "UNAVAILABLE" });
  });
});

describe("retries", () => {
  test("a read until the server is back", async () => {
    let calls = 0;
    const server = new TestServer().add(ThreadService, {
      getThread: ({ threadId }) => {
        if (++calls < 3) throw serverError(14, "STORE_UNAVAILABLE", "the store can't be reached");
        return { thread: { id: threadId } };
      },
    });
    const client = connect(await listening(server));
    expect((await client.thread("t").info()).id).toBe("t");
    expect(calls).toBe(3);
  });

  test("a mutation with one request_id for all attempts, a new one for each call", async () => {
    const ids: string[] = [];
    const server = new TestServer().add(RunService, {
      run: ({ requestId }) => {
        ids.push(requestId);
        if (ids.length === 1) throw serverError(14, "SERVER_STOPPING", "the server is stopping");
        return { outcome: { status: RunStatus.DONE } };
      },
    });
    const client = connect(await listening(server));
    expect((await client.thread("t").run({ a: 1 })).status).toBe("done");
    await client.thread("t").run({ a: 1 }, { requestId: "mine" });
    await client.thread("t").run({ a: 1 });
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(ids[1]).toBe(ids[0]);
    expect(ids[2]).toBe("mine");
    expect(ids[3]).not.toBe(ids[0]);
  });

  test("a mutation whose server was killed in the middle", async () => {
    const ids: string[] = [];
    const first = new TestServer().add(RunService, {
      run: (request, context) => {
        ids.push(request.requestId);
        setTimeout(() => first.kill(), 10);
        return never(context);
      },
    });
    await listening(first);
    const client = connect(first, { retry: { attemptsMax: 50, backoffBaseMs: 20, backoffMaxMs: 50 } });
    const outcome = client.thread("t").run({});
    await new Promise((resolve) => setTimeout(resolve, 60));
    const second = new TestServer().add(RunService, {
      run: ({ requestId }) => {
        ids.push(requestId);
        return { outcome: { status: RunStatus.DONE } };
      },
    });
    await listening(second, first.port);
    expect((await outcome).status).toBe("done");
    expect(ids).toEqual([ids[0], ids[0]]);
  });

  test("nothing that was refused", async () => {
    let calls = 0;
    const server = new TestServer().add(RunService, {
      run: () => {
        calls++;
        throw serverError(10, "THREAD_BUSY", "a run holds the thread t", { metadata: { thread_id: "t" } });
      },
    });
    const client = connect(await listening(server));
    const run = client.thread("t").run({});
    await expect(run).rejects.toMatchObject({ reason: "THREAD_BUSY", metadata: { thread_id: "t" } });
    expect(calls).toBe(1);
  });
});

describe("plain values in and out", () => {
  test("a run's input, options and outcome", async () => {
    let seen: RunRequest | undefined;
    const server = new TestServer().add(RunService, {
      run: (request) => {
        seen = request;
        const state = {
          threadId: "t",
          checkpointId: "c",
          step: -1n,
          values: { n: encode(2n ** 60n) },
          nextNodes: ["ask"],
          interrupts: [{ id: "i", node: "ask", taskId: "k", value: encode({ question: "Sure?" }) }],
          metadata: Buffer.from('{"user":"u"}'),
        };
        return { outcome: { runId: "r", status: RunStatus.INTERRUPTED, state, lastEventNumber: 30_000n } };
      },
    });
    const client = connect(await listening(server));
    const outcome = await client.thread("t").run(
      { n: 1, blob: Uint8Array.of(1, 2) },
      {
        graph: "g",
        recursionLimit: 7,
        interruptBefore: ["*"],
        metadata: { user: "u" },
      },
    );
    const input = seen?.input?.values ?? {};
    expect(
      Object.fromEntries(
        Object.entries(input).map(([name, { source }]) => [name, source.case === "inline" && decode(source.value)]),
      ),
    ).toEqual({ n: 1, blob: Uint8Array.of(1, 2) });
    expect(seen?.options).toMatchObject({ graphName: "g", recursionLimit: 7, interruptBefore: ["*"] });
    expect(Buffer.from(seen?.options?.metadata ?? []).toString()).toBe('{"user":"u"}');
    expect(outcome).toMatchObject({ status: "interrupted", runId: "r", lastEventNumber: 30_000n });
    expect(outcome.interrupts).toEqual([
      { id: "i", node: "ask", taskId: "k", namespace: "", value: { question: "Sure?" } },
    ]);
    expect(outcome.state).toMatchObject({ step: -1, values: { n: 2n ** 60n }, next: ["ask"], metadata: { user: "u" } });
  });

  test("no input and an empty input differ", async () => {
    const inputs: boolean[] = [];
    const server = new TestServer().add(RunService, {
      run: ({ input }) => {
        inputs.push(input !== undefined);
        return {};
      },
    });
    const client = connect(await listening(server));
    await client.thread("t").run();
    await client.thread("t").run({});
    expect(inputs).toEqual([false, true]);
  });

  test("answers: any value for the only question, or by id", async () => {
    const answers: unknown[] = [];
    const server = new TestServer().add(RunService, {
      resume: ({ answer }) => {
        if (answer.case === "value") answers.push(decode(answer.value));
        if (answer.case === "answers") {
          answers.push(Object.entries(answer.value.byId).map(([id, value]) => [id, decode(value)]));
        }
        return { outcome: { status: RunStatus.FAILED, error: { reason: 82, message: "boom", node: "n" } } };
      },
    });
    const client = connect(await listening(server));
    const outcome = await client.thread("t").resume({ byId: "an answer may look like anything" });
    await client.thread("t").resume(byId({ a: true, b: null }));
    expect(answers).toEqual([
      { byId: "an answer may look like anything" },
      [
        ["a", true],
        ["b", null],
      ],
    ]);
    expect(outcome.status).toBe("failed");
    expect(outcome.error).toMatchObject({ reason: "NODE_FAILED", message: "boom", node: "n" });
  });

  test("lists fetch their pages as the loop gets there", async () => {
    const tokens: string[] = [];
    const server = new TestServer().add(ThreadService, {
      listThreads: ({ pageToken, filters }) => {
        tokens.push(pageToken);
        const page = Number(pageToken || 0);
        const id = `${page}:${filters.map(({ key, equalsJson }) => `${key}=${Buffer.from(equalsJson)}`)}`;
        return { threads: [{ id, metadata: Buffer.from("{}") }], nextPageToken: page < 2 ? String(page + 1) : "" };
      },
    });
    const client = connect(await listening(server));
    const ids: string[] = [];
    for await (const { id } of client.threads.list({ metadata: { user: "u" } })) ids.push(id);
    expect(ids).toEqual(['0:user="u"', '1:user="u"', '2:user="u"']);
    for await (const _ of client.threads.list()) break;
    expect(tokens).toEqual(["", "1", "2", ""]);
  });

  test("graphs from text and from messages", async () => {
    const sources: unknown[] = [];
    const server = new TestServer().add(GraphService, {
      registerGraph: ({ graph }) => {
        sources.push(graph?.source.case);
        return { graph: { name: "g", hash: "h", revision: 3n }, created: true };
      },
      validateGraph: () => ({ faults: [{ path: "nodes", message: "none" }] }),
      drawGraph: ({ graph }) => ({ mermaid: `${graph.case}` }),
    });
    const { graphs } = connect(await listening(server));
    expect(await graphs.register("name: g")).toMatchObject({ name: "g", revision: 3, created: true });
    await graphs.register({ name: "g", nodes: {} });
    expect(sources).toEqual(["text", "spec"]);
    expect(await graphs.validate("x")).toMatchObject([{ path: "nodes", message: "none" }]);
    const drawings = [await graphs.draw("g"), await graphs.drawSource("x"), await graphs.drawThread("t")];
    expect(drawings).toEqual(["name", "source", "thread"]);
  });

  test("ensure tells whether it created the thread", async () => {
    const existing = new Set<string>();
    const server = new TestServer().add(ThreadService, {
      createThread: ({ threadId }) => {
        if (existing.has(threadId)) throw serverError(6, "THREAD_EXISTS", "exists");
        existing.add(threadId);
        return { thread: { id: threadId } };
      },
    });
    const client = connect(await listening(server));
    expect([await client.thread("t").ensure(), await client.thread("t").ensure()]).toEqual([true, false]);
  });
});

describe("security", () => {
  test.each([
    ["127.0.0.1:50051", true],
    ["localhost:1", true],
    ["[::1]:50051", true],
    ["unix:/run/cairn.sock", true],
    ["dns:///localhost:50051", true],
    ["db.example.com:50051", false],
    ["10.0.0.1:50051", false],
    ["dns:///cairn:50051", false],
    ["127.0.0.1.example.com:1", false],
  ])("spoken to in the clear without being told: %s %s", (address, expected) => {
    expect(isThisMachine(address)).toBe(expected);
  });

  test("options that contradict each other are refused", () => {
    const tls = (options: NonNullable<ConnectOptions["tls"]>) => () => CairnClient.connect({ tls: options });
    expect(tls({ insecure: true, ca: "x" })).toThrow("tls.insecure");
    expect(tls({ cert: "x" })).toThrow("cert and key come together");
  });
});

test("bytes travel as they are: raw checkpoints", async () => {
  const server = new TestServer().add(CheckpointService, {
    getCheckpoint: () => ({ entry: { checkpoint: { id: "c", threadId: "t", extra: { x: Uint8Array.of(255) } } } }),
  });
  const { entry } = await connect(await listening(server)).checkpoints.getCheckpoint({ threadId: "t" });
  expect(entry?.checkpoint?.extra).toEqual({ x: Uint8Array.of(255) });
});
