// A thread of another framework's is forked into a graph of Cairn's, and runs on here.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Extension, encode, proto, type Thread } from "../../clients/typescript/src/index.ts";
import { CheckpointSchema } from "../../src/gen/cairn/v1/checkpoint_pb.ts";
import { OnConflict } from "../../src/gen/cairn/v1/checkpoint_service_pb.ts";
import { storeKinds } from "../support/stores.ts";
import { Bench, historyOf, refusal } from "./support/bench.ts";

const { Origin } = proto;

const message = {
  lc: 1,
  type: "constructor",
  id: ["langchain_core", "messages", "HumanMessage"],
  kwargs: { content: "Ada?" },
};
/** As LangGraph's serializer marks an object: its class, and what it is made from. */
const object = (type: number, parts: unknown) => new Extension(type, encode(parts).data);
const values: Record<string, unknown> = {
  messages: [message],
  tags: object(0, [
    "builtins",
    "set",
    ["a", object(3, ["datetime", "datetime", "2026-11-27T00:00:00", "fromisoformat"])],
  ]),
  array: object(6, ["<f8", [1], "C", new Uint8Array(8)]),
  strange: object(42, []),
  left: "here",
};

describe.each(storeKinds)("threads of other frameworks on %s", (kind) => {
  let bench: Bench;
  let graph: string;
  beforeAll(async () => {
    bench = await Bench.start(kind);
    graph = await bench.graph({
      channels: { log: "append", said: "last_value", tags: "last_value" },
      nodes: { look: bench.node("note"), after: bench.node("note") },
      edges: ["START -> look", "look -> after"],
    });
  });
  afterAll(() => bench.end());

  async function foreign(fields: MessageInitShape<typeof CheckpointSchema> = {}): Promise<Thread> {
    const thread = bench.thread();
    const channelValues = Object.fromEntries(
      Object.entries(values).map(([name, value]) => [
        name,
        { source: { case: "inline" as const, value: encode(value) } },
      ]),
    );
    const own = {
      threadId: thread.id,
      id: "theirs",
      step: 7n,
      origin: Origin.LANGGRAPH,
      nextNodes: ["x"],
      channelValues,
    };
    const checkpoint = create(CheckpointSchema, { ...own, ...fields } as MessageInitShape<typeof CheckpointSchema>);
    await bench.client.checkpointStore.put(checkpoint, { onConflict: OnConflict.FAIL });
    return thread;
  }

  it("fork into a graph with what it maps, in plain data, and run on", async () => {
    const thread = await foreign();
    const channelMapping = { said: "messages", tags: "tags" };
    const forked = await thread.fork("theirs", { log: ["given"] }, { graph, channelMapping, requestId: "once" });
    expect(forked).toMatchObject({ parentId: "theirs", source: "fork", step: 8, next: ["look"] });
    expect(forked.values).toEqual({
      log: ["given"],
      said: [{ content: "Ada?", type: "human" }],
      tags: ["a", "2026-11-27T00:00:00"],
    });
    expect(forked.metadata).toEqual({
      forked_from: "langgraph",
      left_out: ['channel "array"', 'channel "left"', 'channel "strange"', "1 nodes that were due"],
    });
    const again = await thread.fork("theirs", { log: ["given"] }, { graph, channelMapping, requestId: "once" });
    expect(again.checkpointId).toBe(forked.checkpointId);
    const { status, state } = await thread.run();
    expect({ status, log: state.values.log }).toEqual({ status: "done", log: ["given", "look", "after"] });
    const states = await historyOf(thread);
    expect(states.map(({ step, source }) => `${step} ${source}`)).toEqual(["10 loop", "9 loop", "8 fork", "7 "]);
    // As a node, and from what has gone on here since.
    const after = await thread.fork("theirs", undefined, { graph, channelMapping: { said: "left" }, asNode: "look" });
    expect(after).toMatchObject({ next: ["after"], values: { said: "here" } });
  });

  it.each([Origin.NEOGRAPH, Origin.JUNCTURE])("of origin %i are taken over as well", async (origin) => {
    const thread = await foreign({ origin });
    const forked = await thread.fork("theirs", undefined, { graph, channelMapping: { said: "left" } });
    expect(forked.values).toEqual({ log: [], said: "here" });
    expect((await thread.run()).status).toBe("done");
  });

  it("are left as they are when something can't be taken over, which is named", async () => {
    const thread = await foreign();
    const refused = async (options: Parameters<Thread["fork"]>[2], given?: Record<string, unknown>, id = "theirs") => {
      const { reason, message: text } = await refusal(thread.fork(id, given, options));
      return `${reason} ${text}`;
    };
    const map = (channelMapping: Record<string, string>) => ({ graph, channelMapping });
    expect(await refused(map({ said: "array" }))).toMatch(/^INVALID_FIELD channel_mapping\["said"\]: .*"array".*NumPy/);
    expect(await refused(map({ said: "strange" }))).toMatch(/^INVALID_FIELD channel_mapping\["said"\]: .* type 42/);
    expect(await refused(map({ said: "none" }))).toMatch(
      /channel_mapping\["said"\]: .*"none".* it has "array", "left"/,
    );
    expect(await refused(map({ none: "left" }))).toMatch(/^CHANNEL_NOT_FOUND .*no channel "none"/);
    expect(await refused(map({ said: "left" }), { said: "x" })).toMatch(
      /channel_mapping\["said"\]: is given by values/,
    );
    expect(await refused({ channelMapping: { said: "left" } })).toMatch(/^INVALID_FIELD graph_name/);
    expect(await refused({ ...map({ said: "left" }), asNode: "__end__" })).toMatch(/^INVALID_FIELD as_node/);
    expect(await refused({ ...map({ said: "left" }), namespace: "x" })).toMatch(/^INVALID_FIELD namespace/);
    expect(await refused(map({ said: "left" }), undefined, "none")).toMatch(/^CHECKPOINT_NOT_FOUND/);
    expect((await thread.state()).checkpointId).toBe("theirs");
    const own = await thread.fork("theirs", undefined, map({ said: "left" }));
    expect(await refused(map({ said: "left" }), undefined, own.checkpointId)).toMatch(/channel_mapping: .*Cairn's own/);
  });
});
