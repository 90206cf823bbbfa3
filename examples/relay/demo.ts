/**
 * Shows one thread that goes through four languages, and what comes of it when any of them dies. Checks what it says; exits
 * with 1 and one line when something is not so.
 */
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { aligned } from "../../src/commands/style.ts";
import type { DemoServer } from "../demo/server.ts";
import { endProgram, type Language, languages, missingPrograms, relay, runProgram, startProgram } from "../programs.ts";
import { Gates, type Mark, runners } from "./gates.ts";

// grpc-js writes lines of its own about connections that the demo breaks on purpose. It reads this when it is loaded.
process.env.GRPC_VERBOSITY ??= "NONE";
const { runDemo } = await import("../demo/run-demo.ts");
const { serve } = await import("../demo/server.ts");
const { command, expect, say, scene, show } = await import("../demo/stage.ts");

const text = "one graph, one thread, four languages";

/** How long a worker that is not heard of keeps its tasks: less than usual, as nobody likes to wait. */
const more = ["--task-lease", "5"];
const folder = mkdtempSync(join(tmpdir(), "cairn-relay-"));
const gates = new Gates(folder);
const programs = new Map<Language, ChildProcess>();
let server: DemoServer;

const start = (language: Language) =>
  programs.set(language, startProgram(relay, language, [server.address, "default", folder]));
const pidOf = (language: Language) => programs.get(language)?.pid ?? 0;

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(50);
}

const thread = (id: string) => server.client.thread(id);

async function marksOf(id: string): Promise<Mark[]> {
  return (await thread(id).state()).values.marks as unknown as Mark[];
}

function showMarks(marks: Mark[]): void {
  show(aligned(marks.map(({ node, language, pid, runtime }) => [node, language, `process ${pid}`, runtime])));
}

async function workersCome(): Promise<void> {
  scene("A server, and a worker in each language");
  command("cairn serve --task-lease 5");
  server = await serve(folder, { more });
  command("python examples/relay/worker.py …; rust …/relay …; c++ …/relay …; node examples/relay/worker.ts …");
  for (const language of languages) start(language);
  await until(async () => (await server.client.services.workers.listWorkers({})).workers.length === languages.length);
  command("cairn workers");
  const { workers } = await server.client.services.workers.listWorkers({});
  show(aligned(workers.map(({ workerId, nodes, sdk }) => [workerId, nodes.join(", "), sdk])));
  command("cairn graph register examples/relay/graph.yaml");
  const graph = await server.client.graphs.register(readFileSync(join(import.meta.dirname, "graph.yaml"), "utf8"));
  show(`registered ${graph.name}, revision ${graph.revision}`);
}

async function oneThread(): Promise<void> {
  scene("One thread goes through all of them");
  command(`cairn run relay-1 --graph relay --input '{"text": "${text}"}'`);
  const { status, interrupts } = await thread("relay-1").run({ text }, { graph: "relay" });
  expect("C++ asks, and the thread waits", [status, interrupts[0]?.value], ["interrupted", { publish: text }]);
  command("rust …/relay answer ADDRESS default relay-1");
  show((await runProgram(relay, "rust", ["answer", server.address, "default", "relay-1"])).trim().slice(0, 100));
  showMarks(await marksOf("relay-1"));
  for (const { node, language, pid } of await marksOf("relay-1")) {
    if (language !== runners[node] || pid !== pidOf(language)) expect(`${node} ran in ${runners[node]}`, language, pid);
  }
  expect("each node ran in its own language's process", (await marksOf("relay-1")).length, 6);
  command("python examples/relay/worker.py history ADDRESS default relay-1");
  const history = (await runProgram(relay, "python", ["history", server.address, "default", "relay-1"]))
    .trim()
    .split("\n");
  show(`${history.length} checkpoints; the newest: ${history[0]?.slice(0, 90)}…`);
}

async function workerDies(): Promise<void> {
  scene("The worker in Rust is killed in the middle of its task");
  gates.close("score");
  const running = thread("relay-2").run({ text }, { graph: "relay" });
  await until(() => gates.begun("score").length === 2);
  const killed = pidOf("rust");
  command(`kill -9 ${killed}`);
  await endProgram(programs.get("rust") as ChildProcess, "SIGKILL");
  start("rust");
  gates.open("score");
  say("Another one is started; when the first has not been heard of for a while, its task is the other's.");
  await running;
  await runProgram(relay, "rust", ["answer", server.address, "default", "relay-2"]);
  const marks = await marksOf("relay-2");
  showMarks(marks.filter(({ node }) => node === "score"));
  expect("the score is of the new process", marks.find(({ node }) => node === "score")?.pid, pidOf("rust"));
}

async function serverDies(): Promise<void> {
  scene("The server is killed while three languages are at work");
  const nodes = ["score", "count", "hash"];
  for (const node of nodes) gates.close(node);
  const before = Object.fromEntries(nodes.map((node) => [node, gates.begun(node).length]));
  const { runId } = await thread("relay-3").run({ text }, { graph: "relay", background: true });
  await until(() => nodes.every((node) => gates.begun(node).length > (before[node] ?? 0)));
  command("kill -9 SERVER");
  await server.kill();
  command("cairn serve --task-lease 5");
  server = await serve(folder, { more, listen: server.address });
  for (const node of nodes) gates.open(node);
  await thread("relay-3").waitForRun(runId);
  await runProgram(relay, "rust", ["answer", server.address, "default", "relay-3"]);
  showMarks(await marksOf("relay-3"));
  const times = Object.fromEntries(nodes.map((node) => [node, gates.begun(node).length - (before[node] ?? 0)]));
  expect("each ran once; hash, whose first attempt fails, twice", times, { score: 1, count: 1, hash: 2 });
}

await runDemo({
  async play() {
    const missing = missingPrograms(relay);
    if (missing.length > 0) throw new Error(`not built (make demo-languages builds): ${missing.join(", ")}`);
    await workersCome();
    await oneThread();
    await workerDies();
    await serverDies();
  },
  async cleanUp() {
    await Promise.all([...programs.values()].map((program) => endProgram(program, "SIGTERM")));
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  },
  async abort() {
    for (const program of programs.values()) program.kill("SIGKILL");
    // It may not have come so far.
    await server?.kill();
    rmSync(folder, { recursive: true, force: true });
  },
  patienceMs: 180_000,
  done: "Done: everything was checked; the server and its workers are stopped.",
});
