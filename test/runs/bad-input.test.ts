// Bad input of the calls that drive a thread, and what it gets.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { proto } from "../../clients/typescript/src/index.ts";
import { storeKinds } from "../support/stores.ts";
import { Bench, refusal } from "./support/bench.ts";

describe.each(storeKinds)("bad input of runs on %s", (kind) => {
  let bench: Bench;
  let graph: string;
  beforeAll(async () => {
    bench = await Bench.start(kind);
    graph = await bench.graph({
      channels: { n: "add", log: "append" },
      nodes: { a: bench.node("note"), b: bench.node("asks", { questions: ["?"] }) },
      edges: ["START -> a", "a -> b"],
    });
  });
  afterAll(() => bench.end());

  /** Status, reason, and whether the message and the metadata name what is not there. */
  async function missing(name: string, call: Promise<unknown>): Promise<[string, string, boolean]> {
    const { codeName, reason, message, metadata } = await refusal(call);
    return [codeName, reason, message.includes(name) || Object.values(metadata).includes(name)];
  }

  it("what is not there is NOT_FOUND, by name, and leaves nothing behind", async () => {
    const thread = bench.thread();
    const notFound = (what: string) => ["NOT_FOUND", `${what}_NOT_FOUND`, true];
    expect(await missing("nix", thread.run({}, { graph: "nix" }))).toEqual(notFound("GRAPH"));
    expect(await missing("0000", thread.run({}, { graph, graphHash: "0000" }))).toEqual(notFound("GRAPH"));
    expect(await missing("zz", thread.run({ zz: 1 }, { graph }))).toEqual(notFound("CHANNEL"));
    expect(await missing("cp", thread.run({}, { graph, checkpointId: "cp" }))).toEqual(notFound("CHECKPOINT"));
    expect(await missing("cp", thread.updateState({}, { graph, checkpointId: "cp" }))).toEqual(notFound("CHECKPOINT"));
    expect(await missing(thread.id, thread.state())).toEqual(notFound("THREAD"));
    expect(await missing(thread.id, thread.resume(1))).toEqual(notFound("THREAD"));
    expect(await missing(thread.id, thread.history().next())).toEqual(notFound("THREAD"));
    expect(await missing(thread.id, thread.events({ after: 0 }).next())).toEqual(notFound("THREAD"));
    expect((await refusal(thread.info())).reason).toBe("THREAD_NOT_FOUND");

    await thread.run({}, { graph, interruptBefore: ["a"] });
    const { checkpointId } = await thread.state();
    expect(await missing("cp", thread.state({ checkpointId: "cp" }))).toEqual(notFound("CHECKPOINT"));
    expect(await missing("cp", thread.run(undefined, { checkpointId: "cp" }))).toEqual(notFound("CHECKPOINT"));
    expect(await missing("nobody", thread.updateState({ n: 1 }, { asNode: "nobody" }))).toEqual(notFound("NODE"));
    expect(await missing("zz", thread.updateState({ zz: 1 }, { asNode: "a" }))).toEqual(notFound("CHANNEL"));
    expect(await missing("zz", thread.run({ zz: 1 }))).toEqual(notFound("CHANNEL"));
    expect((await thread.state()).checkpointId).toBe(checkpointId);
  });

  it("a missing or malformed field is INVALID_ARGUMENT with its path", async () => {
    const { runs } = bench.client.services;
    const fields = async (call: Promise<unknown>) => {
      const { codeName, violations } = await refusal(call);
      return [codeName, ...violations.map(({ field }) => field)];
    };
    expect(await fields(runs.run({ input: {}, options: { graphName: graph } }))).toEqual([
      "INVALID_ARGUMENT",
      "thread_id",
    ]);
    expect(await fields(runs.runStep({ threadId: "a\u0001b" }))).toEqual(["INVALID_ARGUMENT", "thread_id"]);
    expect(await fields(runs.run({ threadId: "é".repeat(513) }))).toEqual(["INVALID_ARGUMENT", "thread_id"]);
    expect(await fields(runs.resume({ threadId: "t" }))).toEqual(["INVALID_ARGUMENT", "answer"]);
    expect(await fields(runs.run({ threadId: "t", input: {} }))).toEqual(["INVALID_ARGUMENT", "options.graph_name"]);
    expect(await fields(runs.updateState({ threadId: "t", asNode: "a" }))).toEqual(["INVALID_ARGUMENT", "graph_name"]);
    const recursionLimit = 10_008;
    expect(await fields(bench.thread().run({}, { graph, recursionLimit }))).toEqual([
      "INVALID_ARGUMENT",
      "options.recursion_limit",
    ]);
    const broken = { source: { case: "inline", value: { type: "msgpack", data: new Uint8Array([0xc1]) } } } as const;
    const malformed = runs.run({ threadId: "t", input: { values: { n: broken } }, options: { graphName: graph } });
    expect(await fields(malformed)).toEqual(["INVALID_ARGUMENT", 'input.values["n"]']);
  });

  it("going on from nothing is FAILED_PRECONDITION", async () => {
    const thread = bench.thread();
    const calls = [thread.run(undefined, { graph }), thread.step(undefined, { graph })];
    for (const { codeName, reason } of await Promise.all(calls.map(refusal))) {
      expect([codeName, reason]).toEqual(["FAILED_PRECONDITION", "EMPTY_INPUT"]);
    }
  });

  it("an answer that nobody waits for is FAILED_PRECONDITION and lists what is waited for", async () => {
    const thread = bench.thread();
    await thread.run({}, { graph, interruptBefore: ["b"] });
    const nothing = await refusal(thread.resume("x"));
    expect([nothing.codeName, nothing.reason, nothing.metadata.waiting]).toEqual([
      "FAILED_PRECONDITION",
      "NOTHING_TO_RESUME",
      "",
    ]);
    const asked = await thread.run(undefined, { interruptBefore: ["nobody"] });
    const { lastEventNumber } = asked;
    const { services } = bench.client;
    const answers = { byId: { wrong: { type: "json", data: Buffer.from("1") } } };
    const unknown = await refusal(
      services.runs.resume({ threadId: thread.id, answer: { case: "answers", value: answers } }),
    );
    expect([unknown.codeName, unknown.reason, unknown.metadata.interrupt_id]).toEqual([
      "FAILED_PRECONDITION",
      "INTERRUPT_NOT_FOUND",
      "wrong",
    ]);
    expect(unknown.metadata.waiting).toBe(asked.interrupts[0]?.id);
    expect(unknown.message).toContain(asked.interrupts[0]?.id);
    const value = { type: "json", data: Buffer.from("{") };
    const malformed = await refusal(services.runs.resume({ threadId: thread.id, answer: { case: "value", value } }));
    expect([malformed.codeName, malformed.violations.map(({ field }) => field)]).toEqual([
      "INVALID_ARGUMENT",
      ["value"],
    ]);
    expect((await thread.info()).lastEventNumber).toBe(lastEventNumber);
    expect((await thread.resume("x")).status).toBe("done");
  });

  it("a node renamed, or a channel removed, under a paused thread is FAILED_PRECONDITION, by name", async () => {
    const old = {
      channels: { n: "add", log: "append" },
      nodes: { a: bench.node("note"), b: bench.node("asks", { questions: ["?"] }) },
      edges: ["START -> a", "a -> b"],
    };
    const name = await bench.graph(old);
    const { hash } = await bench.client.graphs.get(name);
    const thread = bench.thread();
    const asked = await thread.run({ n: 1 }, { graph: name });
    await bench.graph({ ...old, nodes: { a: old.nodes.a, c: old.nodes.b }, edges: ["START -> a", "a -> c"] }, name);
    const calls = [thread.resume("x"), thread.run(), thread.run({}), thread.updateState({ n: 1 }, { asNode: "a" })];
    for (const { codeName, reason, metadata } of await Promise.all(calls.map(refusal))) {
      expect([codeName, reason, metadata.node]).toEqual(["FAILED_PRECONDITION", "GRAPH_MISMATCH", "b"]);
    }
    expect(await thread.state()).toEqual(asked.state);
    await bench.graph({ ...old, channels: { log: "append" } }, name);
    expect((await refusal(thread.resume("x"))).metadata.channel).toBe("n");
    // The graph that the thread was paused in is still there by its hash.
    expect((await thread.resume("x", { graph: name, graphHash: hash })).state.values.log).toEqual(["a", "b:x"]);
  });

  it("a checkpoint of another framework is FAILED_PRECONDITION", async () => {
    const thread = bench.thread();
    const checkpoint = { id: "theirs", threadId: thread.id, origin: proto.Origin.LANGGRAPH };
    await bench.client.checkpoints.putCheckpoint({ checkpoint });
    const { codeName, reason, metadata } = await refusal(thread.run({}, { graph }));
    expect([codeName, reason, metadata.origin]).toEqual(["FAILED_PRECONDITION", "ORIGIN_MISMATCH", "langgraph"]);
  });

  it("a checkpoint that says it is native, and can't be, is FAILED_PRECONDITION with its field", async () => {
    const version = (number: proto.Version["number"]) => ({ versions: { n: { number } } });
    const foreign: [field: string, fields: object][] = [
      ["pending_sends[1].value", { pendingSends: [{ node: "a", value: inline("1") }, { node: "a" }] }],
      ["step", { step: 2n ** 63n - 1n }],
      ['channel_versions.versions["n"]', { channelVersions: version({ case: "stringValue", value: "00.1" }) }],
      ['channel_versions.versions["n"]', { channelVersions: version({ case: "doubleValue", value: 1.5 }) }],
      [
        'versions_seen.nodes["a"].versions["n"]',
        { versionsSeen: { nodes: { a: version({ case: "uint64Value", value: 2n ** 64n - 1n }) } } },
      ],
    ];
    for (const [field, fields] of foreign) {
      const thread = bench.thread();
      const checkpoint = { id: "c", threadId: thread.id, origin: proto.Origin.NATIVE, graphName: graph, ...fields };
      await bench.client.checkpoints.putCheckpoint({ checkpoint });
      for (const call of [thread.run({}, { graph }), thread.run(), thread.resume(1), thread.updateState({ n: 1 })]) {
        const { codeName, reason, metadata } = await refusal(call);
        expect([codeName, reason, metadata.field]).toEqual(["FAILED_PRECONDITION", "ORIGIN_MISMATCH", field]);
      }
      // It can be looked at all the same.
      expect((await thread.state()).checkpointId).toBe("c");
      expect((await thread.history().next()).value).toMatchObject({ checkpointId: "c" });
    }
  });

  it("saved Sends and failures of a task that are none are told, not stumbled over", async () => {
    const thread = bench.thread();
    const { checkpointId } = (await thread.run({}, { graph, interruptBefore: ["a"] })).state;
    const put = (idx: number, channel: string, type: string, data: string) =>
      bench.client.checkpoints.putWrites({
        threadId: thread.id,
        writes: { checkpointId, writes: [{ taskId: "t", idx, channel, value: inline(data, type) }] },
      });
    await put(-1, "__error__", "json", '{"reason":"none","message":"m"}');
    expect((await thread.state()).checkpointId).toBe(checkpointId);
    await put(0, "__sends__", "cairn.send", "\xff\xff");
    expect((await refusal(thread.run())).reason).toBe("VALUE_MALFORMED");
  });
});

function inline(text: string, type = "json") {
  return { source: { case: "inline", value: { type, data: Buffer.from(text, "latin1") } } } as const;
}
