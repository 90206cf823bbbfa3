// What LangGraph.js's own suite for savers does not ask, and its savers get wrong: graphs that run on real servers.
import { randomUUID } from "node:crypto";
import { AIMessage, HumanMessage } from "@langchain/core/messages";
import {
  Annotation,
  Command,
  DeltaChannel,
  END,
  interrupt,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { type CheckpointTuple, ERROR, emptyCheckpoint, uuid6 } from "@langchain/langgraph-checkpoint";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CairnClient } from "../../clients/typescript/src/index.ts";
import { CairnSaver } from "../../clients/typescript/src/langgraph/index.ts";
import { Origin } from "../../clients/typescript/src/proto.ts";
import { type CairnProcess, startCairn } from "../support/cairn-process.ts";
import { newStore, storeKinds, type TestStore } from "../support/stores.ts";

const MB = 1_000_000;
const metadata = { source: "loop" as const, step: 0, parents: {} };

async function all(list: AsyncIterable<CheckpointTuple>): Promise<CheckpointTuple[]> {
  const found: CheckpointTuple[] = [];
  for await (const tuple of list) found.push(tuple);
  return found;
}

const ids = (tuples: CheckpointTuple[]) => tuples.map(({ checkpoint }) => checkpoint.id);

describe.each(storeKinds)("LangGraph.js on %s", (kind) => {
  let store: TestStore;
  let server: CairnProcess;
  let saver: CairnSaver;
  const space = randomUUID();
  beforeAll(async () => {
    store = await newStore(kind);
    server = await startCairn(["--listen", "127.0.0.1:0", ...store.args]);
    saver = new CairnSaver(server.address, { space });
  });
  afterAll(async () => {
    saver?.close();
    await server?.stop();
    await store?.remove();
  });

  /** A saver that has read and put nothing yet, as in a process of its own. */
  const another = (concurrentRuns?: "refuse" | "allow") => new CairnSaver(server.address, { space, concurrentRuns });
  const thread = () => ({ configurable: { thread_id: randomUUID(), checkpoint_ns: "" } });
  const put = (config: object, values: Record<string, unknown>, more: object = {}) => {
    const versions = Object.fromEntries(Object.keys(values).map((channel) => [channel, 2]));
    const checkpoint = { ...emptyCheckpoint(), id: uuid6(0), channel_values: values, channel_versions: versions };
    return saver.put(config, checkpoint, { ...metadata, ...more }, versions);
  };

  test("parallel writers of a delta channel reload as they ran", async () => {
    const names = ["f", "b", "d", "a", "e", "c"];
    const State = Annotation.Root({
      log: () => new DeltaChannel((state: string[] = [], writes: string[][]) => [...state, ...writes.flat()]),
    });
    const graph = new StateGraph(State) as unknown as StateGraph<unknown, { log: string[] }, unknown, string>;
    for (const name of names) {
      graph.addNode(name, () => ({ log: [name] }));
      graph.addEdge(START, name).addEdge(name, END);
    }
    const config = thread();
    const { log } = (await graph.compile({ checkpointer: saver }).invoke({ log: ["start"] }, config)) as {
      log: string[];
    };
    expect(log).toHaveLength(7);
    using fresh = another();
    const reloaded = await graph.compile({ checkpointer: fresh }).getState(config);
    expect(reloaded.values).toEqual({ log });
  });

  test("messages and questions come back in another process, which goes on", async () => {
    const build = (checkpointer: CairnSaver) =>
      new StateGraph(MessagesAnnotation)
        .addNode("ask", () => ({ messages: [new AIMessage(`You said ${interrupt("well?")}`)] }))
        .addEdge(START, "ask")
        .compile({ checkpointer });
    const config = thread();
    await build(saver).invoke({ messages: [new HumanMessage("hello")] }, config);
    using fresh = another();
    const { messages } = await build(fresh).invoke(new Command({ resume: "yes" }), config);
    expect(messages.map((message) => [message.getType(), message.content])).toEqual([
      ["human", "hello"],
      ["ai", "You said yes"],
    ]);
    expect(messages[0]).toBeInstanceOf(HumanMessage);
  });

  describe("two runs at once", () => {
    /** Two runs that have both begun before either goes on; how they ended, and the thread's items. */
    async function race(concurrentRuns: "refuse" | "allow") {
      let begun = 0;
      let release = () => {};
      const both = new Promise<void>((resolve) => {
        release = resolve;
      });
      const State = Annotation.Root({
        items: Annotation<string[]>({ reducer: (one, other) => [...one, ...other], default: () => [] }),
      });
      const build = (checkpointer: CairnSaver, isRacing: boolean) =>
        new StateGraph(State)
          .addNode("work", async () => {
            if (isRacing && ++begun === 2) release();
            if (isRacing) await both;
            return {};
          })
          .addEdge(START, "work")
          .compile({ checkpointer });
      const config = thread();
      await build(saver, false).invoke({ items: ["before"] }, config);
      using one = another(concurrentRuns);
      using other = another(concurrentRuns);
      const runs = [one, other].map(async (checkpointer, i) => {
        try {
          return await build(checkpointer, true).invoke({ items: [`run ${i}`] }, { ...config, durability: "async" });
        } finally {
          // One that was refused on its way must not keep the other waiting.
          release();
        }
      });
      const ended = await Promise.allSettled(runs);
      const state = await build(saver, false).getState(config);
      return { ended, items: state.values.items };
    }

    test("one is refused and nothing of the other vanishes", async () => {
      const { ended, items } = await race("refuse");
      const won = ended.findIndex(({ status }) => status === "fulfilled");
      expect(ended.filter(({ status }) => status === "rejected")).toMatchObject([
        { reason: { reason: "HEAD_MISMATCH" } },
      ]);
      expect(items).toEqual(["before", `run ${won}`]);
    });

    test("both go through where that is wanted", async () => {
      const { ended } = await race("allow");
      expect(ended.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
    });
  });

  test("a run from the past forks, and both branches keep their values", async () => {
    const State = Annotation.Root({ said: Annotation<string>, n: Annotation<number> });
    const graph = new StateGraph(State)
      .addNode("count", ({ n }) => ({ n: (n ?? 0) + 1 }))
      .addEdge(START, "count")
      .compile({ checkpointer: saver });
    const config = thread();
    await graph.invoke({ said: "one" }, config);
    const { config: base } = await graph.getState(config);
    await graph.invoke({ said: "two" }, config);
    const { config: two } = await graph.getState(config);
    await graph.invoke({ said: "three" }, base);
    expect((await graph.getState(two)).values).toEqual({ said: "two", n: 2 });
    expect((await graph.getState(config)).values).toEqual({ said: "three", n: 2 });
  });

  test("a state of 17 MB, and what follows it without sending it again", async () => {
    const text = "x".repeat(17 * MB);
    const first = await put(thread(), { text, n: 1 });
    const { checkpoint } = (await saver.getTuple(first)) as CheckpointTuple;
    // The object in hand is not what counts for a channel that says it has not changed.
    const values = { text: "not sent", n: 2 };
    const next = { ...checkpoint, id: uuid6(1), channel_values: values, channel_versions: { text: 2, n: 3 } };
    const second = await saver.put(first, next, metadata, { n: 3 });
    using fresh = another();
    const found = await fresh.getTuple(second);
    expect(found?.checkpoint.channel_values.n).toBe(2);
    expect(found?.checkpoint.channel_values.text === text).toBe(true);
  });

  test("the same checkpoint put many times at once is one", async () => {
    const config = thread();
    const checkpoint = { ...emptyCheckpoint(), channel_values: { a: 1 }, channel_versions: { a: 1 } };
    await Promise.all(Array.from({ length: 20 }, () => saver.put(config, checkpoint, metadata, { a: 1 })));
    expect(ids(await all(saver.list(config)))).toEqual([checkpoint.id]);
  });

  test("writes: none, mixed with special ones, and put again with another task path", async () => {
    const config = await put(thread(), {});
    await saver.putWrites(config, [], "t");
    await saver.putWrites(
      config,
      [
        ["a", 1],
        [ERROR, "first"],
      ],
      "t",
      "~1",
    );
    await saver.putWrites(
      config,
      [
        ["a", 2],
        [ERROR, "last"],
      ],
      "t",
      "~2",
    );
    // The ordinary one as it was put first, with its path, and the special one as it was put last.
    expect((await saver.getTuple(config))?.pendingWrites).toEqual([
      ["t", "a", 1],
      ["t", ERROR, "last"],
    ]);
  });

  test("puts a checkpoint again, and after one that somebody has deleted meanwhile", async () => {
    const first = await put(thread(), { kept: "as it was" });
    const { checkpoint } = (await saver.getTuple(first)) as CheckpointTuple;
    const next = { ...checkpoint, id: uuid6(1) };
    await saver.put(first, next, metadata, {});
    const second = await saver.put(first, next, metadata, {});
    using fresh = another();
    expect(ids(await all(fresh.list({ configurable: { thread_id: first.configurable?.thread_id } })))).toHaveLength(2);
    await fresh.deleteThread(first.configurable?.thread_id);
    // Named by its id, so what follows is a fork and may be put.
    expect(await saver.getTuple(second)).toBeUndefined();
    const last = { ...next, id: uuid6(2) };
    const found = await fresh.getTuple(await saver.put(second, last, metadata, {}));
    expect(found?.checkpoint.channel_values).toEqual({ kept: "as it was" });
  });

  test("lists by checkpoint id, and by keys and values that other stores take for more than they are", async () => {
    const config = thread();
    const a = await put(config, {}, { "a.b": 1, score: 0.5, op: { $gt: 1 } });
    await put(a, {}, { a: { b: 1 }, score: 1.5, op: 2, step: 1 });
    const found = async (filter: Record<string, unknown>) => ids(await all(saver.list(config, { filter })));
    for (const filter of [{ "a.b": 1 }, { score: 0.5 }, { op: { $gt: 1 } }, { step: 0.0 }]) {
      expect(await found(filter)).toEqual([a.configurable?.checkpoint_id]);
    }
    expect(await found({ op: { $gt: 0 } })).toEqual([]);
    expect(ids(await all(saver.list(a)))).toEqual([a.configurable?.checkpoint_id]);
    expect(await all(saver.list(a, { filter: { score: 9 } }))).toEqual([]);
  });

  test("says which channel it can't read when that is used", async () => {
    const client = CairnClient.connect({ address: server.address, space });
    const config = thread();
    const value = { type: "msgpack", data: new Uint8Array([0xc7, 0, 5]) };
    await client.checkpointStore.put({
      threadId: config.configurable.thread_id,
      id: "python",
      origin: Origin.LANGGRAPH,
      channelValues: { secret: { source: { case: "inline", value } } },
    });
    client.close();
    const found = await saver.getTuple(config);
    const secret = found?.checkpoint.channel_values.secret as { length: number };
    expect(() => secret.length).toThrow(/can't read channel secret .* "msgpack"/);
    expect(() => JSON.stringify({ secret })).toThrow(/can't read channel secret/);
    expect(() => ({ ...secret })).toThrow(/can't read channel secret/);
  });

  test("reads what a graph of Cairn's wrote, and says what has no place", async () => {
    const client = CairnClient.connect({ address: server.address, space });
    await client.graphs.register(
      `name: count
channels: { n: last_value }
nodes: { add: { expression: { update: { n: state.n + 1 } } } }
edges: [ START -> add ]
`,
    );
    const config = thread();
    await client.thread(config.configurable.thread_id).run({ n: 1 }, { graph: "count" });
    client.close();
    const [last, , first] = await all(saver.list(config));
    expect(last).toEqual(await saver.getTuple(config));
    expect(last?.checkpoint.channel_values.n).toBe(2);
    expect(last?.metadata).toMatchObject({
      source: "loop",
      step: 1,
      cairn_origin: "native",
      cairn_left_out: expect.arrayContaining(["created_at_ms", "graph_name", "graph_hash"]),
    });
    expect(first?.metadata).toMatchObject({
      cairn_left_out: expect.arrayContaining(['channel_values["__start__"]', "2 pending writes"]),
    });
  });
});
