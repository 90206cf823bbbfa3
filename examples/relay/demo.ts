/**
 * Shows one thread that goes through four languages, and what comes of it when any of them dies. Checks what it says; exits
 * with 1 and one line when something is not so.
 */
import type { ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { aligned } from "../../src/commands/style.ts";
import { endProgram, type Language, languages, missingPrograms, runProgram, startProgram } from "../programs.ts";

// grpc-js writes lines of its own about connections that the demo breaks on purpose. It reads this when it is loaded.
process.env.GRPC_VERBOSITY ??= "NONE";
const { serve } = await import("../demo/server.ts");
const { command, expect, say, scene, show } = await import("../demo/stage.ts");

/** Which language serves a node. */
const runners: Record<string, Language> = {
  extract: "python",
  score: "rust",
  count: "typescript",
  hash: "cpp",
  approve: "cpp",
  publish: "typescript",
};
const text = "one graph, one thread, four languages";

interface Mark {
  node: string;
  language: Language;
  runtime: string;
  pid: number;
}

/** How long a worker that is not heard of keeps its tasks: less than usual, as nobody likes to wait. */
const more = ["--task-lease", "5"];
const folder = mkdtempSync(join(tmpdir(), "cairn-relay-"));
const programs = new Map<Language, ChildProcess>();
let server = await serve(folder, { more });

const start = (language: Language) =>
  programs.set(language, startProgram("relay", language, [server.address, "default", folder]));
const pidOf = (language: Language) => programs.get(language)?.pid ?? 0;
const close = (node: string) => writeFileSync(join(folder, `${node}.closed`), "");
const open = (node: string) => rmSync(join(folder, `${node}.closed`), { force: true });

/** How many times a node has begun. */
function begun(node: string): number {
  const file = join(folder, "begun");
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
  return lines.filter((line) => line.startsWith(`${node} `)).length;
}

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

async function relay(): Promise<void> {
  scene("One thread goes through all of them");
  command(`cairn run relay-1 --graph relay --input '{"text": "${text}"}'`);
  const { status, interrupts } = await thread("relay-1").run({ text }, { graph: "relay" });
  expect("C++ asks, and the thread waits", [status, interrupts[0]?.value], ["interrupted", { publish: text }]);
  command("rust …/relay answer ADDRESS default relay-1");
  show((await runProgram("relay", "rust", ["answer", server.address, "default", "relay-1"])).trim().slice(0, 100));
  showMarks(await marksOf("relay-1"));
  for (const { node, language, pid } of await marksOf("relay-1")) {
    if (language !== runners[node] || pid !== pidOf(language)) expect(`${node} ran in ${runners[node]}`, language, pid);
  }
  expect("each node ran in its own language's process", (await marksOf("relay-1")).length, 6);
  command("python examples/relay/worker.py history ADDRESS default relay-1");
  const history = (await runProgram("relay", "python", ["history", server.address, "default", "relay-1"]))
    .trim()
    .split("\n");
  show(`${history.length} checkpoints; the newest: ${history[0]?.slice(0, 90)}…`);
}

async function workerDies(): Promise<void> {
  scene("The worker in Rust is killed in the middle of its task");
  close("score");
  const running = thread("relay-2").run({ text }, { graph: "relay" });
  await until(() => begun("score") === 2);
  const killed = pidOf("rust");
  command(`kill -9 ${killed}`);
  await endProgram(programs.get("rust") as ChildProcess, "SIGKILL");
  start("rust");
  open("score");
  say("Another one is started; when the first has not been heard of for a while, its task is the other's.");
  await running;
  await runProgram("relay", "rust", ["answer", server.address, "default", "relay-2"]);
  const marks = await marksOf("relay-2");
  showMarks(marks.filter(({ node }) => node === "score"));
  expect("the score is of the new process", marks.find(({ node }) => node === "score")?.pid, pidOf("rust"));
}

async function serverDies(): Promise<void> {
  scene("The server is killed while three languages are at work");
  const nodes = ["score", "count", "hash"];
  for (const node of nodes) close(node);
  const before = Object.fromEntries(nodes.map((node) => [node, begun(node)]));
  const { runId } = await thread("relay-3").run({ text }, { graph: "relay", background: true });
  await until(() => nodes.every((node) => begun(node) > (before[node] ?? 0)));
  command("kill -9 SERVER");
  await server.kill();
  command("cairn serve --task-lease 5");
  server = await serve(folder, { more, listen: server.address });
  for (const node of nodes) open(node);
  await thread("relay-3").waitForRun(runId);
  await runProgram("relay", "rust", ["answer", server.address, "default", "relay-3"]);
  showMarks(await marksOf("relay-3"));
  const times = Object.fromEntries(nodes.map((node) => [node, begun(node) - (before[node] ?? 0)]));
  expect("each ran once; hash, whose first attempt fails, twice", times, { score: 1, count: 1, hash: 2 });
}

async function cleanUp(): Promise<void> {
  await Promise.all([...programs.values()].map((program) => endProgram(program, "SIGTERM")));
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function fail(error: unknown): Promise<never> {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`demo failed: ${message.replaceAll("\n", " ")}\n`);
  for (const program of programs.values()) program.kill("SIGKILL");
  await server.kill();
  rmSync(folder, { recursive: true, force: true });
  process.exit(1);
}

/** A demo that hangs tells nobody anything. */
const patienceMs = 180_000;
const tooLong = new Error(`it took longer than ${patienceMs / 1_000} seconds`);
const watchdog = setTimeout(() => void fail(tooLong), patienceMs);
process.once("SIGINT", () => void fail(new Error("stopped")));

try {
  const missing = missingPrograms("relay");
  if (missing.length > 0) throw new Error(`not built (make demo-languages builds): ${missing.join(", ")}`);
  await workersCome();
  await relay();
  await workerDies();
  await serverDies();
  await cleanUp();
  clearTimeout(watchdog);
  process.stdout.write("\n");
  say("Done: everything was checked; the server and its workers are stopped.");
} catch (error) {
  await fail(error);
}
