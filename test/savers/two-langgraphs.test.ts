// One thread, two LangGraphs: each reads what the other has saved, goes on from it and answers what it has asked.
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { promisify } from "node:util";
import { AIMessage, type BaseMessage, HumanMessage } from "@langchain/core/messages";
import { Annotation, Command, interrupt, messagesStateReducer, Send, START, StateGraph } from "@langchain/langgraph";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CairnSaver } from "../../clients/typescript/src/langgraph/index.ts";
import { type CairnProcess, startCairn } from "../support/cairn-process.ts";
import { pythonEnv, pythonPath } from "../support/python.ts";
import { newStore, type TestStore } from "../support/stores.ts";

const State = Annotation.Root({
  log: Annotation<string[]>({ reducer: (old, added) => [...old, ...added], default: () => [] }),
  messages: Annotation<BaseMessage[]>({ reducer: messagesStateReducer, default: () => [] }),
  own: Annotation<unknown>,
});

type Act = { input?: string; resume?: unknown; own?: string[] };

const builder = new StateGraph(State)
  .addNode("draft", ({ messages }) => ({
    log: ["draft in js"],
    messages: [new AIMessage({ content: `Re: ${messages.at(-1)?.content}` })],
  }))
  .addNode("approve", ({ messages }) => ({ log: [`${interrupt({ send: messages.at(-1)?.content })} in js`] }))
  .addNode("note", () => ({ log: ["note in js"] }))
  .addNode("send", ({ to }: { to?: string }) => ({ log: [`to ${to === "grace" ? interrupt("who?") : to} in js`] }))
  .addEdge(START, "draft")
  .addEdge("draft", "approve")
  .addEdge("draft", "note")
  .addConditionalEdges("approve", () => ["ada", "grace"].map((to) => new Send("send", { to })), ["send"]);

describe("one thread", () => {
  let store: TestStore;
  let server: CairnProcess;
  let python: string;
  let saver: CairnSaver;
  const space = `two-${randomUUID().slice(0, 13)}`;
  beforeAll(async () => {
    python = pythonPath();
    store = await newStore("embedded");
    server = await startCairn([...store.args, "--listen", "127.0.0.1:0", "--log-level", "error"]);
    saver = new CairnSaver(server.address, { space });
  }, 300_000);
  afterAll(async () => {
    saver.close();
    await server.stop();
    await store.remove();
  });

  async function inPython(thread: string, act: Act) {
    const args = [join(import.meta.dirname, "two_langgraphs.py"), server.address, space, thread, JSON.stringify(act)];
    return JSON.parse((await promisify(execFile)(python, args, { env: pythonEnv })).stdout);
  }

  async function inJs(thread: string, { input, resume, own }: Act) {
    const graph = builder.compile({ checkpointer: saver });
    const config = { configurable: { thread_id: thread } };
    if (input !== undefined) {
      await graph.invoke({ messages: [new HumanMessage(input)], ...(own && { own: new Map([["key", own]]) }) }, config);
    }
    if (resume !== undefined) await graph.invoke(new Command({ resume }), config);
    const { values, next, tasks } = await graph.getState(config);
    return {
      log: values.log,
      messages: values.messages.map((message: BaseMessage) => [message.getType(), message.content]),
      own: values.own,
      next,
      interrupts: tasks.flatMap(({ interrupts }) => interrupts.map(({ value }) => value)),
    };
  }

  const both = [
    ["Python", "js", inPython, inJs],
    ["JavaScript", "python", inJs, inPython],
  ] as const;

  test.each(both)(
    "%s asks, the other reads, answers and goes on, and so in turns",
    { timeout: 120_000 },
    async (...given) => {
      const [, other, first, second] = given;
      const own = other === "js" ? "python" : "js";
      const thread = randomUUID();
      const asked = await first(thread, { input: "Ada?" });
      expect(asked).toMatchObject({
        log: [`draft in ${own}`, `note in ${own}`],
        next: ["approve"],
        interrupts: [{ send: "Re: Ada?" }],
      });
      // What has finished beside the question does not run again.
      const { log, messages, next, interrupts } = asked;
      expect(await second(thread, {})).toMatchObject({ log, messages, next, interrupts });
      const answered = await second(thread, { resume: "yes" });
      const sofar = [`draft in ${own}`, `yes in ${other}`, `note in ${own}`];
      expect(answered).toMatchObject({ log: [...sofar, `to ada in ${other}`], next: ["send"], interrupts: ["who?"] });
      const done = await first(thread, { resume: "Grace" });
      expect(done).toMatchObject({
        log: [...sofar, `to ada in ${other}`, `to Grace in ${own}`],
        messages: [
          ["human", "Ada?"],
          ["ai", "Re: Ada?"],
        ],
        next: [],
        interrupts: [],
      });
      expect(await second(thread, {})).toMatchObject({ log: done.log, messages: done.messages, next: [] });
      // A new turn by the other.
      expect(await second(thread, { input: "Bo?" })).toMatchObject({
        next: ["approve"],
        interrupts: [{ send: "Re: Bo?" }],
      });
      const again = await first(thread, { resume: "no" });
      expect(again.log.slice(done.log.length)).toEqual([
        `draft in ${other}`,
        `no in ${own}`,
        `note in ${other}`,
        `to ada in ${own}`,
      ]);
      expect(again.messages.slice(2)).toEqual([
        ["human", "Bo?"],
        ["ai", "Re: Bo?"],
      ]);
    },
  );

  test("what only Python can read stays as it is, and is named where it is used", { timeout: 120_000 }, async () => {
    const thread = randomUUID();
    await inPython(thread, { input: "Ada?", own: ["x", "y"] });
    const answered = await inJs(thread, { resume: "yes" });
    expect(answered.next).toEqual(["send"]);
    expect(() => (answered.own as { size: number }).size).toThrow(/can't read channel own .* "msgpack"/);
    expect(await inPython(thread, {})).toMatchObject({ own: ["x", "y"], log: answered.log });
  });

  test("what only JavaScript can read stays as it is, and is named where it is used", {
    timeout: 120_000,
  }, async () => {
    const thread = randomUUID();
    await inJs(thread, { input: "Ada?", own: ["x"] });
    const answered = await inPython(thread, { resume: "yes" });
    expect(answered).toMatchObject({
      next: ["send"],
      own: expect.stringMatching(/channel 'own' holds .*JavaScript's class Map/),
    });
    const { own } = await inJs(thread, {});
    expect(own).toEqual(new Map([["key", ["x"]]]));
  });
});
