// Every example graph, registered on a real server and run to each of its ends.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CairnClient } from "../../clients/typescript/src/index.ts";
import { type ServerProcess, serve } from "../command/cairn.ts";

const examples = join(import.meta.dirname, "../../examples");
const names = readdirSync(examples).filter((name) => existsSync(join(examples, name, "graph.yaml")));

let server: ServerProcess;
let client: CairnClient;
beforeAll(async () => {
  server = await serve(["--nodes", join(examples, "nodes.ts")]);
  client = CairnClient.connect({ address: server.address });
  for (const name of names) await client.graphs.register(readFileSync(join(examples, name, "graph.yaml"), "utf8"));
});
afterAll(async () => {
  client.close();
  await server.remove();
});

let threads = 0;
const newThread = () => client.thread(`t${++threads}`);

test("each folder has a graph of its own name and a README", async () => {
  expect(names).toEqual(["archive", "relay", "revise", "triage", "word-count"]);
  for (const name of names) {
    expect((await client.graphs.get(name)).name).toBe(name);
    expect(existsSync(join(examples, name, "README.md"))).toBe(true);
    expect(await client.graphs.draw(name)).toMatch(/^flowchart/);
  }
});

test.each(["README.md", "docs/graphs.md"])("the graph that %s shows is valid and runs", async (file) => {
  const text = readFileSync(join(examples, "..", file), "utf8");
  const yaml = /```yaml\n(name: greet\n.*?)```/s.exec(text)?.[1] ?? "";
  const { hash } = await client.graphs.register(yaml);
  const { state } = await newThread().run({ who: "Ada" }, { graph: "greet", graphHash: hash });
  expect((state.values.log as string[])[0]).toMatch(/Ada/);
});

describe("triage", () => {
  const run = (input: Record<string, unknown>) => newThread().run(input, { graph: "triage" });

  test.each([
    { text: "You are the winner of a lottery", category: "spam", log: ["classified"] },
    {
      text: "How do I download it? No hurry.",
      category: "question",
      log: ["classified", "answered from the guide", "sent"],
    },
    { text: "A refund, please.", amount: 24, category: "billing", log: ["classified", "refund proposed", "sent"] },
    { text: "A refund, please.", category: "billing", log: ["classified", "refund proposed", "sent"] },
  ])("$category needs nobody ($text $amount)", async ({ text, amount, category, log }) => {
    const { status, state } = await run({ subject: "Hello", text, ...(amount !== undefined && { amount }) });
    expect(status).toBe("done");
    expect(state.values).toMatchObject({ category, log });
  });

  test.each([
    { answer: { approved: true }, reply: /send back 240.5 euros/ },
    { answer: { approved: false, note: "too late" }, reply: /can't refund "Charged twice": too late$/ },
    { answer: { approved: false }, reply: /can't refund "Charged twice"\.$/ },
  ])("a large refund waits for a person: $answer", async ({ answer, reply }) => {
    const thread = newThread();
    const input = { subject: "Charged twice", text: "I was charged twice.", amount: 240.5 };
    const asked = await thread.run(input, { graph: "triage" });
    expect(asked.status).toBe("interrupted");
    expect(asked.interrupts).toMatchObject([{ node: "approve", value: { amount: 240.5, priority: "high" } }]);
    const { status, state } = await thread.resume(answer);
    expect(status).toBe("done");
    expect(state.values.reply).toMatch(reply);
  });

  test("an outage stops before somebody is woken, and goes on without an answer", async () => {
    const thread = newThread();
    const paused = await thread.run({ subject: "Help", text: "Error 503 everywhere" }, { graph: "triage" });
    expect([paused.status, paused.state.next, paused.interrupts]).toEqual(["paused", ["page_engineer"], []]);
    expect((await thread.run()).state.values.log).toEqual(["classified", "engineer paged", "sent"]);
  });
});

describe("word-count", () => {
  test("counts each file once and adds up", async () => {
    const { status, state } = await newThread().run({}, { graph: "word-count" });
    expect(status).toBe("done");
    expect(state.values).toMatchObject({ total: 1095, longest: "texts/gettysburg.txt" });
    const counts = state.values.counts as { file: string; words: number; most: string }[];
    expect(counts.map(({ file }) => file)).toEqual(state.values.files);
    expect(counts[0]).toEqual({ file: "texts/eagle.txt", words: 44, most: "with" });
  });

  test("reads nothing outside of its folder", async () => {
    const { status, error } = await newThread().run({ folder: "../.." }, { graph: "word-count" });
    expect(status).toBe("failed");
    expect(error).toMatchObject({ reason: "NODE_FAILED", node: "split" });
  });
});

describe("revise", () => {
  const input = { topic: "checkout is slow", required: ["Who is affected", "What we do", "When we tell more"] };

  test.each([
    { more: {}, verdict: "good enough after 4 attempts", score: 1 },
    { more: { goal: 0.3 }, verdict: "good enough after 2 attempts", score: 1 / 3 },
    { more: { attempts_max: 3 }, verdict: "gave up after 3 attempts", score: 2 / 3 },
  ])("$verdict with $more", async ({ more, verdict, score }) => {
    const { status, state } = await newThread().run({ ...input, ...more }, { graph: "revise" });
    expect(status).toBe("done");
    expect(state.values).toMatchObject({ verdict, score });
  });

  test("the recursion limit stops a call, not the thread", async () => {
    const thread = newThread();
    const stopped = await thread.run(input, { graph: "revise", recursionLimit: 3 });
    expect(stopped).toMatchObject({ status: "failed", error: { reason: "RECURSION_LIMIT" } });
    expect(stopped.state.next).toEqual(["critique"]);
    expect((await thread.run()).state.values.verdict).toBe("good enough after 4 attempts");
  });
});
