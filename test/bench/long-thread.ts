// One thread of very many steps, its state of constant size: does the last step cost what the first did?
import { startReplicaSet } from "../support/mongo.ts";
import type { Goal } from "./goals.ts";
import { median } from "./rounds.ts";
import { type Served, serveCairn } from "./served.ts";

const STEPS = 10_000;

/** Steps of one call. */
const BATCH = 200;

const loop = `name: loop
channels: { count: add, text: last_value }
nodes: { step: { expression: { update: { count: "1", text: '"step " + string(state.count % 10)' } } } }
edges: [START -> step, step -> step]`;

export async function measureLongThread(): Promise<Goal[]> {
  const set = await startReplicaSet({ electionTimeoutMillis: 20_000 });
  const goals: Goal[] = [];
  for (const [store, uri] of [["embedded", undefined] as const, ["MongoDB", set.uri] as const]) {
    const server = await serveCairn(uri);
    goals.push({
      what: `the last steps of ${STEPS} to the first, ${store}, median`,
      most: 1.2,
      ratio: await lastToFirst(server),
    });
    await server.stop();
  }
  await set.stop();
  return goals;
}

/** Batches of one thread in turn with the first ones of fresh threads, so that noise falls on both. */
async function lastToFirst({ client }: Served): Promise<number> {
  await client.graphs.register(loop);
  const batch = async (name: string): Promise<number> => {
    const began = performance.now();
    await client.thread(name).run({}, { graph: "loop", recursionLimit: BATCH });
    return performance.now() - began;
  };
  for (let i = 0; i < 3; i++) await batch(`warm ${i}`);
  const rounds = 10;
  for (let i = 0; i < STEPS / BATCH - rounds; i++) await batch("long");
  const ratios: number[] = [];
  for (let i = 0; i < rounds; i++) ratios.push((await batch("long")) / (await batch(`fresh ${i}`)));
  return median(ratios);
}
