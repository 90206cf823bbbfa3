// One graph, one thread, four languages: each node runs in a process of its own language, through the deaths of any of them.
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Thread, ThreadEvent } from "../../../clients/typescript/src/index.ts";
import {
  endProgram,
  type Language,
  languages,
  missingPrograms,
  relay,
  runProgram,
  startProgram,
} from "../../../examples/programs.ts";
import { Gates, type Mark, runners } from "../../../examples/relay/gates.ts";
import { Bench, until } from "../../runs/support/bench.ts";
import { storeKinds } from "../../support/stores.ts";

const graph = readFileSync(fileURLToPath(new URL("../../../examples/relay/graph.yaml", import.meta.url)), "utf8");
const TEXT = "one graph, one thread, four languages";

describe.each(storeKinds)("the relay, on %s,", (kind) => {
  let bench: Bench;
  let thread: Thread;
  let gates: Gates;
  const programs = new Map<Language, ChildProcess>();

  beforeEach(async () => {
    expect(missingPrograms(relay), "make demo-languages builds them").toEqual([]);
    bench = await Bench.start(kind, { taskLease: 3 });
    gates = new Gates(bench.folder);
    for (const language of languages) start(language);
    await bench.client.graphs.register(graph);
    thread = bench.thread();
  });
  afterEach(async () => {
    await Promise.all([...programs.values()].map((program) => endProgram(program, "SIGKILL")));
    programs.clear();
    await bench.end();
  });

  function start(language: Language): void {
    programs.set(language, startProgram(relay, language, [bench.listen, bench.space, bench.folder]));
  }

  const pidOf = (language: Language) => programs.get(language)?.pid ?? 0;
  /** Runs the relay to its question. */
  const run = () => thread.run({ text: TEXT }, { graph: "relay", requestId: "run" });

  /** The question was asked from C++: Rust answers it, TypeScript sees the end, Python reads the history. */
  async function finish(): Promise<Mark[]> {
    const { interrupts } = await thread.state();
    expect(interrupts).toMatchObject([{ node: "approve", value: { publish: TEXT } }]);
    await runProgram(relay, "rust", ["answer", bench.listen, bench.space, thread.id]);
    const { values } = await thread.state();
    expect(values).toMatchObject({ score: 9, letters: 32, approved: true });
    expect(values.published).toBe(`${TEXT} (9, ${values.hash})`);
    const printed = await runProgram(relay, "python", ["history", bench.listen, bench.space, thread.id]);
    const [newest] = printed.split("\n");
    expect(JSON.parse(newest ?? "").values.published).toBe(values.published);
    const marks = values.marks as unknown as Mark[];
    expect(marks.map(({ node }) => node).sort()).toEqual(Object.keys(runners).sort());
    for (const { node, language, pid, runtime } of marks) {
      expect({ node, language, pid }).toEqual({ node, language: runners[node], pid: pidOf(language) });
      expect(runtime).not.toBe("");
    }
    return marks;
  }

  it("runs each node in its language, and every event is seen", async () => {
    await thread.ensure();
    const events: ThreadEvent[] = [];
    const watching = (async () => {
      let stops = 0;
      for await (const event of thread.events({ after: 0 })) {
        events.push(event);
        if (event.type === "run_stopped" && ++stops === 2) return;
      }
    })();
    await run();
    await finish();
    await watching;
    const finished = events.flatMap((event) => (event.type === "task_finished" ? [event.node] : []));
    expect(finished.filter((node) => node in runners).sort()).toEqual(Object.keys(runners).sort());
    const attempts = events.flatMap(({ raw: { body } }) =>
      body.case === "taskStarted" && body.value.node === "hash" ? [body.value.attempt] : [],
    );
    expect(attempts).toEqual([1, 2]);
    const numbers = events.filter(({ ephemeral }) => !ephemeral).map(({ number }) => number);
    expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => Number(a - b)));
  });

  it.each([
    ["python", "extract"],
    ["rust", "score"],
    ["cpp", "hash"],
    ["typescript", "count"],
  ] as const)("goes on when the worker in %s is killed in the middle of its task", async (language, node) => {
    gates.close(node);
    const running = run();
    await until("the node has begun", () => gates.begun(node).length > 0);
    const killed = pidOf(language);
    await endProgram(programs.get(language) as ChildProcess, "SIGKILL");
    start(language);
    gates.open(node);
    await running;
    const marks = await finish();
    expect(marks.find((mark) => mark.node === node)?.pid).not.toBe(killed);
    expect(gates.begun(node)[0]).toBe(killed);
  });

  it("goes on when the server is killed while tasks are at work in three languages", async () => {
    const nodes = ["score", "count", "hash"];
    for (const node of nodes) gates.close(node);
    const { runId } = await thread.run({ text: TEXT }, { graph: "relay", background: true });
    await until("all have begun", () => nodes.every((node) => gates.begun(node).length > 0));
    await bench.kill();
    await bench.restart();
    for (const node of nodes) gates.open(node);
    await thread.waitForRun(runId);
    await finish();
    expect(nodes.map((node) => gates.begun(node).length)).toEqual([1, 1, 2]);
  });
});
