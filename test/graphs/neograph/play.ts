import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CairnClient, type Thread } from "../../../clients/typescript/src/index.ts";
import { faultLine } from "../../../src/graphs/faults.ts";
import { importNeograph } from "../../../src/graphs/neograph/import.ts";
import { startCairn } from "../../support/cairn-process.ts";
import { pythonPath } from "../../support/python.ts";
import type { Case, Played } from "./case.ts";

const here = import.meta.dirname;
/** How many cases are played at the same time. */
const atOnce = 8;
const outputBytesMax = 512 * 1024 * 1024;

/** Runs cases with pip's neograph-engine, in a Python process. */
export function playWithNeograph(cases: Case[]): Played[] {
  const options = { encoding: "utf8" as const, maxBuffer: outputBytesMax, stdio: "pipe" as const };
  return JSON.parse(
    execFileSync(pythonPath(), [join(here, "run_neograph.py")], { ...options, input: JSON.stringify(cases) }),
  );
}

/** Imports cases, and runs what comes of them on a server whose nodes module has their functions. */
export async function playWithCairn(cases: Case[]): Promise<Played[]> {
  const folder = mkdtempSync(join(tmpdir(), "cairn-neograph-"));
  const nodesFile = join(folder, "nodes.ts");
  writeFileSync(nodesFile, nodesModule(cases));
  const args = [
    "--store",
    join(folder, "store"),
    "--listen",
    "127.0.0.1:0",
    "--nodes",
    nodesFile,
    "--log-level",
    "error",
  ];
  const server = await startCairn(args);
  const client = CairnClient.connect({ address: server.address });
  try {
    const played: Played[] = [];
    const left = cases.entries();
    const player = async () => {
      for (const [i, subject] of left) played[i] = await play(client, subject, String(i));
    };
    await Promise.all(Array.from({ length: atOnce }, player));
    return played;
  } finally {
    client.close();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A module that exports `work`, and a function for each condition, by its name. */
function nodesModule(cases: Case[]): string {
  const rules = cases.flatMap(({ conditions }) => Object.entries(conditions));
  const exports = rules.flatMap(([name, rule], i) => [
    `const rule${i} = decide(${JSON.stringify(rule)});`,
    `export { rule${i} as ${JSON.stringify(name)} };`,
  ]);
  const from = JSON.stringify(join(here, "nodes.ts"));
  return [`import { decide } from ${from};`, `export { work } from ${from};`, ...exports, ""].join("\n");
}

async function play(client: CairnClient, subject: Case, id: string): Promise<Played> {
  const { definition, input } = subject;
  const { spec, faults } = importNeograph(JSON.stringify(definition), { kind: "module" });
  if (faults.length > 0) return { steps: [], stops: [], status: "refused", error: faults.map(faultLine).join("\n") };
  const graph = `${definition.name} ${id}`;
  await client.graphs.register({ ...spec, name: graph });
  const thread = client.thread(graph);
  const own = new Set(Object.keys(definition.nodes));
  // One of NeoGraph's supersteps takes at most three, and one comes before them.
  const options = { graph, recursionLimit: subject.supersteps ?? 3 * subject.max_steps + 1 };
  const stops = new Set<number>();
  let outcome = await thread.run(input, options);
  while (outcome.status === "paused") {
    stops.add((await supersteps(thread, own)).length);
    outcome = await thread.run(undefined, options);
  }
  const steps = await supersteps(thread, own);
  const failure = outcome.error?.reason === "RECURSION_LIMIT" ? "exhausted" : "failed";
  const status = outcome.status === "done" ? "done" : failure;
  return { steps, stops: [...stops], status, values: outcome.state.values, error: outcome.error?.message };
}

/** What ran, superstep by superstep, without the nodes that the import added. */
async function supersteps(thread: Thread, own: ReadonlySet<string>): Promise<string[][]> {
  const ran = new Map<number, string[]>();
  for await (const event of thread.events({ after: 0, untilNow: true })) {
    if (event.type !== "task_finished" && event.type !== "task_failed") continue;
    if (own.has(event.node)) ran.set(event.step, [...(ran.get(event.step) ?? []), event.node]);
  }
  return [...ran.entries()].sort(([a], [b]) => a - b).map(([, nodes]) => nodes.sort(byBytes));
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
