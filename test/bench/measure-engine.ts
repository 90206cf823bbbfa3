// What the engine itself takes: against LangGraph without a saver, by the size of the graph, and by the length of a thread.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { encodeChannels } from "../../clients/typescript/src/values/typed-value.ts";
import { type CompiledGraph, compileGraph } from "../../src/engine/graph.ts";
import { prepareTasks } from "../../src/engine/tasks.ts";
import { parseGraph } from "../../src/graphs/parse.ts";
import { begun, runToTheEnd, superstep } from "./engine-run.ts";
import type { Goal } from "./goals.ts";
import { inProcess } from "./in-process.ts";
import { langGraph } from "./langgraph.ts";
import { measureLongThread } from "./long-thread.ts";
import { median, print, ratio, takeTurns } from "./rounds.ts";
import { installPeers } from "./set-up.ts";
import { graphs, note, perStep } from "./steps.ts";

const sizes = [10, 100, 1_000];

export async function measureEngine({ rounds, seconds }: { rounds: number; seconds: number }): Promise<Goal[]> {
  const share = await againstLangGraph(rounds, seconds);
  await bySize(rounds, seconds);
  return [share, ...(await measureLongThread())];
}

/** The same graph in this process and in LangGraph's, neither with a store. */
async function againstLangGraph(rounds: number, seconds: number): Promise<Goal> {
  const graph = compiled(readFileSync(join(graphs, "line.yaml"), "utf8"));
  const input = encodeChannels({ note: note() });
  const steps = await runToTheEnd(graph, input);
  const runs = inProcess({ name: "Cairn's engine in process", caller: () => () => runToTheEnd(graph, input) });
  const engine = {
    ...runs,
    measure: async (callers: number, time: number) => perStep(await runs.measure(callers, time), steps),
  };
  const peer = await langGraph(installPeers(), "none");
  const results = await takeTurns([peer, engine], { callers: 1, rounds, seconds });
  print("Steps without a store", 1, results);
  await peer.stop();
  const what = "the engine's share of a step to LangGraph's without a saver, median";
  return { what, most: 0.1, ratio: ratio(results, engine, peer, "p50") };
}

/** Plan, run (a constant in CEL), apply and checkpoint, in microseconds. */
async function bySize(rounds: number, seconds: number): Promise<void> {
  console.log("\nA superstep of the engine, µs: plan, tasks of one expression each, apply, checkpoint");
  console.log(`${"".padEnd(56)}${sizes.map((size) => `${size}`.padStart(10)).join("")}`);
  const shapes: [string, (size: number) => string][] = [
    ["nodes in the graph, of which one runs", ring],
    ["nodes that all run", fan],
    ["Sends to one node", sends],
  ];
  for (const [name, shape] of shapes) {
    const cells: string[] = [];
    for (const size of sizes) {
      const all: number[] = [];
      for (let round = 0; round < rounds; round++) all.push(await superstepUs(compiled(shape(size)), seconds / 4));
      cells.push(median(all).toFixed(0).padStart(10));
    }
    console.log(`${name.padEnd(56)}${cells.join("")}`);
  }
}

/** The time of one superstep of a graph that goes round and round, its first one left out. */
async function superstepUs(graph: CompiledGraph, seconds: number): Promise<number> {
  const state = begun(graph);
  let tasks = await superstep(state, prepareTasks(state));
  const widest = async () => {
    // Where a superstep of one task leads to one of many, the many are what is measured.
    const began = performance.now();
    const next = await superstep(state, tasks);
    const time = tasks.length >= next.length ? performance.now() - began : undefined;
    tasks = next;
    return time;
  };
  const times: number[] = [];
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until || times.length < 3) {
    const time = await widest();
    if (time !== undefined) times.push(time);
  }
  return median(times) * 1000;
}

const one = '{ expression: { update: { n: "1" } } }';

function ring(size: number): string {
  const names = Array.from({ length: size }, (_, i) => `n${i}`);
  const edges = names.map((name, i) => `${name} -> ${names[(i + 1) % size]}`);
  return file(names, ["START -> n0", ...edges]);
}

function fan(size: number): string {
  const names = Array.from({ length: size }, (_, i) => `n${i}`);
  return file(names, [...names.map((name) => `START -> ${name}`), ...names.map((name) => `${name} -> ${name}`)]);
}

function sends(size: number): string {
  const of = (count: number) => `[${Array.from({ length: count }, (_, i) => i).join(", ")}]`;
  // In parts, as a list of 1,000 is longer than an expression may be.
  const parts = Array.from({ length: Math.ceil(size / 100) }, () => of(Math.min(size, 100)));
  const cel = parts.map((list) => `${list}.map(i, {"node": "work", "arg": {"i": i}})`).join(" + ");
  return `${file(["work", "split"], ["START -> split", "work -> split"])}
branches: [{ from: split, targets: [work], cel: '${cel}' }]`;
}

function file(nodes: string[], edges: string[]): string {
  return `name: bench
channels: { n: add }
nodes: { ${nodes.map((name) => `${name}: ${one}`).join(", ")} }
edges: [${edges.map((edge) => `"${edge}"`).join(", ")}]`;
}

function compiled(text: string): CompiledGraph {
  return compileGraph(parseGraph(text).spec, "hash");
}
