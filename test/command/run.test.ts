import { join } from "node:path";
import { createInterface } from "node:readline";
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CairnClient, encode, proto } from "../../clients/typescript/src/index.ts";
import { ended, type Result, type ServerProcess, serve } from "./cairn.ts";

const desk = join(import.meta.dirname, "desk.yaml");
const input = ["--graph", "desk", "--input", '{"question": "Where?"}'];

let server: ServerProcess;
beforeAll(async () => {
  server = await serve();
  expect((await server.cairn(["graph", "register", desk])).code).toBe(0);
});
afterAll(() => server.remove());

const json = ({ stdout }: Result) => JSON.parse(stdout);
const lines = ({ stdout }: Result) =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("a thread from its first turn to its end", () => {
  test("stops to ask (exit code 3), is answered, is done (exit code 0)", async () => {
    const asked = await server.cairn(["run", "t1", ...input]);
    expect(asked.code).toBe(3);
    expect(asked.stdout).toContain("interrupted");
    expect(asked.stdout).toContain('{"draft":"Re: Where?"}');
    expect(asked.stdout).toContain("answer with: cairn resume t1 --answer JSON");
    const state = json(await server.cairn(["state", "t1", "--json"]));
    expect(state).toMatchObject({ values: { log: ["write"] }, next_nodes: ["check"], graph_name: "desk" });
    const done = await server.cairn(["resume", "t1", "--answer", "true", "--json"]);
    expect(done.code).toBe(0);
    expect(json(done)).toMatchObject({ status: "done", state: { values: { approved: true, log: ["write", "send"] } } });
    expect((await server.cairn(["state", "t1"])).stdout).toMatch(/^next +nothing$/m);
  });

  test("in the background: listed, waited for, one after the other, cancelled", async () => {
    const background = await server.cairn(["run", "bg", ...input, "--background", "--json"]);
    expect([background.code, json(background).status]).toEqual([0, "running"]);
    const waited = await server.cairn(["wait", "bg"]);
    expect([waited.code, waited.stdout]).toEqual([3, `${json(background).run_id} interrupted\n`]);
    expect((await server.cairn(["resume", "bg", "--answer", "true", "--background"])).code).toBe(0);
    expect((await server.cairn(["wait", "bg"])).code).toBe(0);
    expect((await server.cairn(["run", "bg", ...input, "--on-busy", "enqueue"])).code).toBe(3);
    const runs = lines(await server.cairn(["runs", "bg", "--json"]));
    expect(runs.map(({ status }) => status)).toEqual(["interrupted", "done", "interrupted"]);
    expect((await server.cairn(["runs", "bg"])).stdout).toMatch(/^RUN +STATUS/);
    expect((await server.cairn(["cancel", "bg"])).code).toBe(5);
    expect((await server.cairn(["cancel", "bg", "nobody"])).code).toBe(4);
  });

  test("its history, its checkpoints, and a fork of it", async () => {
    const history = lines(await server.cairn(["history", "t1", "--json"]));
    expect(history[0]).toMatchObject({ values: { log: ["write", "send"] } });
    expect(history.at(-1)).toMatchObject({ step: -1, source: "input" });
    const table = (await server.cairn(["history", "t1", "--limit", "2"])).stdout.trimEnd().split("\n");
    expect(table[0]).toMatch(/^STEP +CHECKPOINT/);
    expect(table).toHaveLength(3);

    const written = history.find(({ values }) => values.draft !== undefined && values.approved === undefined);
    const raw = json(await server.cairn(["show", "t1", written.checkpoint_id, "--json"]));
    expect(raw.entry.checkpoint).toMatchObject({ id: written.checkpoint_id, threadId: "t1", origin: "ORIGIN_NATIVE" });
    expect((await server.cairn(["show", "t1"])).stdout).toContain('"versionsSeen"');

    const forked = await server.cairn([
      ...["fork", "t1", written.checkpoint_id, "--values", '{"draft": "By air."}', "--as-node", "write", "--json"],
    ]);
    expect(forked.code).toBe(0);
    expect(json(forked)).toMatchObject({ parent_id: written.checkpoint_id, next_nodes: ["check"] });
    const asked = await server.cairn(["run", "t1", "--json"]);
    expect(asked.code).toBe(3);
    expect(json(asked).interrupts[0].value).toEqual({ draft: "By air." });
  });

  test("a thread of another framework's is forked into a graph and run", async () => {
    const client = CairnClient.connect({ address: server.address });
    const subject = create(proto.ValueSchema, { source: { case: "inline", value: encode("And by air?") } });
    await client.checkpoints.putCheckpoint({
      checkpoint: { threadId: "theirs", id: "c1", origin: proto.Origin.LANGGRAPH, channelValues: { subject } },
    });
    client.close();
    const refused = await server.cairn(["run", "theirs", "--graph", "desk", "--json"]);
    expect(refused.code).toBe(5);
    expect(refused.stderr).toContain("channel_mapping");
    const fork = ["fork", "theirs", "c1", "--graph", "desk"];
    expect((await server.cairn([...fork, "--map", "=subject"])).code).toBe(2);
    const asked = await server.cairn([...fork, "--map", "question=subject", "--run", "--json"]);
    expect(asked.code).toBe(3);
    expect(json(asked).interrupts[0].value).toEqual({ draft: "Re: And by air?" });
  });

  test("step by step: exit code 0 until it asks", async () => {
    const first = await server.cairn(["step", "t2", ...input, "--json"]);
    expect([first.code, json(first).status]).toEqual([0, "paused"]);
    expect(json(first).state).toMatchObject({ step: 0, next_nodes: ["write"] });
    expect((await server.cairn(["step", "t2"])).code).toBe(0);
    expect((await server.cairn(["step", "t2"])).code).toBe(3);
  });

  test("update and delete", async () => {
    await server.cairn(["run", "t3", ...input]);
    const updated = await server.cairn([
      "update",
      "t3",
      "--values",
      '{"draft": "No."}',
      "--as-node",
      "write",
      "--json",
    ]);
    expect(json(updated)).toMatchObject({ values: { draft: "No." } });
    const stale = ["update", "t3", "--values", "{}", "--as-node", "write", "--expected-head", "elsewhere"];
    expect(await server.cairn(stale)).toMatchObject({ code: 5, stderr: expect.stringContaining("HEAD_MISMATCH") });
    expect((await server.cairn(["delete", "t3"])).stdout).toBe("deleted t3\n");
    expect((await server.cairn(["state", "t3"])).code).toBe(4);
  });

  test("copied, pruned, and given a time to live", async () => {
    await server.cairn(["run", "t5", ...input]);
    expect((await server.cairn(["copy", "t5", "t5-copy"])).stdout).toBe("copied t5 to t5-copy\n");
    expect((await server.cairn(["copy", "t5", "t5-copy"])).code).toBe(5);
    const whole = lines(await server.cairn(["history", "t5", "--json"])).length;
    const pruned = await server.cairn(["prune", "t5", "--keep", "1"]);
    expect(pruned.stdout).toBe(`removed ${whole - 1} ${whole === 2 ? "checkpoint" : "checkpoints"} of t5\n`);
    expect(json(await server.cairn(["prune", "t5", "--keep", "1", "--older-than", "7d", "--json"]))).toEqual({
      thread_id: "t5",
      pruned_checkpoints: 0,
    });
    expect(lines(await server.cairn(["history", "t5", "--json"]))).toHaveLength(1);
    expect(lines(await server.cairn(["history", "t5-copy", "--json"]))).toHaveLength(whole);
    // Both can be answered.
    for (const thread of ["t5", "t5-copy"]) {
      expect((await server.cairn(["resume", thread, "--answer", "true"])).code).toBe(0);
    }
    expect((await server.cairn(["prune", "nope", "--keep", "1"])).code).toBe(4);
    expect((await server.cairn(["ttl", "t5", "36h"])).stdout).toBe("t5 lives 36h after its last change\n");
    expect((await server.cairn(["threads"])).stdout).toMatch(/^t5 .* 36h /m);
    expect((await server.cairn(["ttl", "t5", "none"])).stdout).toBe("t5 lives for ever\n");
  });

  test("is in the list of threads", async () => {
    await server.cairn(["run", "t4", ...input]);
    await expect
      .poll(async () => (await server.cairn(["threads", "--status", "interrupted"])).stdout, { timeout: 10_000 })
      .toMatch(/^t4 +interrupted +desk/m);
  });
});

describe("values keep what JSON can't hold", () => {
  test("digits, bytes and floats, in and out", async () => {
    const question = '{"n":12345678901234567890,"b":{"$bytes":"AAH/"},"x":{"$float":"Infinity"}}';
    const run = await server.cairn(
      ["run", "t5", "--graph", "desk", "--input", "-", "--interrupt-before", "*", "--json"],
      {
        stdin: `{"question": ${question}}`,
      },
    );
    expect(run.code).toBe(3);
    expect(run.stdout).toContain(`"question":${question}`);
  });
});

describe("what is refused", () => {
  test("names its reason and leaves an exit code", async () => {
    expect(await server.cairn(["run", "t6", "--graph", "nope", "--input", "{}"])).toMatchObject({
      code: 4,
      stdout: "",
      stderr: expect.stringMatching(/^cairn: [^\n]*GRAPH_NOT_FOUND[^\n]*\n$/),
    });
    await server.cairn(["run", "t7", ...input]);
    const wrong = await server.cairn(["resume", "t7", "--answers", '{"nobody": 1}', "--json"]);
    expect(wrong.code).toBe(5);
    expect(JSON.parse(wrong.stderr).error).toMatchObject({
      code: "FAILED_PRECONDITION",
      reason: "INTERRUPT_NOT_FOUND",
    });
  });

  test("a run that fails is exit code 1, with the node at fault", async () => {
    const failed = await server.cairn(["run", "t8", "--graph", "desk", "--input", '{"question": 7}', "--json"]);
    expect(failed.code).toBe(1);
    expect(json(failed)).toMatchObject({ status: "failed", error: { node: "write" } });
    expect((await server.cairn(["run", "t8"])).stdout).toMatch(/^failed: .*node write/);
  });
});

describe("cairn watch", () => {
  test("the whole story so far, as JSON lines", async () => {
    await server.cairn(["run", "w1", ...input]);
    await server.cairn(["resume", "w1", "--answer", '"yes"']);
    const events = lines(await server.cairn(["watch", "w1", "--until-now", "--json"]));
    const types = events.map(({ type }) => type);
    expect(types.filter((type) => type === "run_stopped")).toHaveLength(2);
    expect(types).toEqual(
      expect.arrayContaining(["run_started", "checkpoint_saved", "task_finished", "interrupt_raised"]),
    );
    const numbers = events.map(({ number }) => number);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    const updates = lines(await server.cairn(["watch", "w1", "--until-now", "--modes", "updates", "--json"]));
    expect(updates.find(({ node }) => node === "write").updates).toContainEqual({
      channel: "draft",
      value: "Re: Where?",
      overwrite: false,
    });
    const root = await server.cairn(["watch", "w1", "--until-now", "--depth", "0", "--json"]);
    expect(lines(root)).toEqual(events);
    const below = await server.cairn(["watch", "w1", "--until-now", "--namespace", "sub:1", "--depth", "3"]);
    expect(below).toMatchObject({ code: 0, stdout: "" });
    expect((await server.cairn(["watch", "w1", "--after", "0", "--until-stop"])).stdout).toMatch(
      /run_stopped +interrupted/,
    );
  });

  test("follows a run as it happens, and survives its server's kill -9", async () => {
    const own = await serve();
    let next: ServerProcess | undefined;
    try {
      await own.cairn(["graph", "register", desk]);
      await own.cairn(["run", "w2", ...input]);
      const watching = own.start(["watch", "w2", "--after", "0", "--json", "--timeout", "1m"]);
      const seen: Record<string, unknown>[] = [];
      const reader = createInterface({ input: watching.stdout as NodeJS.ReadableStream });
      reader.on("line", (line) => seen.push(JSON.parse(line)));
      const stops = () => seen.filter(({ type }) => type === "run_stopped").length;
      await expect.poll(stops, { timeout: 10_000 }).toBe(1);
      await own.stop("SIGKILL");
      next = await serve([], own.folder, own.address);
      expect((await next.cairn(["resume", "w2", "--answer", "true"])).code).toBe(0);
      await expect.poll(stops, { timeout: 20_000 }).toBe(2);
      const numbers = seen.filter(({ ephemeral }) => !ephemeral).map(({ number }) => Number(number));
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
      watching.kill("SIGINT");
      expect((await ended(watching)).code).toBe(130);
    } finally {
      await own.remove();
      await next?.remove();
    }
  });

  test("run --watch shows the events, then the outcome", async () => {
    const run = await server.cairn(["run", "w3", ...input, "--watch", "--json"]);
    expect(run.code).toBe(3);
    const types = lines(run).map(({ type }) => type);
    expect(types[0]).toBe("run_started");
    expect(types.slice(-2)).toEqual(["run_stopped", "outcome"]);
  });
});
