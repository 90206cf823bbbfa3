// Workers in each language: what a task costs beside a bare message there and back, how many there are in a second, what a
// worker costs that has nothing to do, and how fast what a node tells reaches who listens.
import { setTimeout as sleep } from "node:timers/promises";
import type { Goal } from "./goals.ts";
import { cpuMs } from "./load.ts";
import { median } from "./rounds.ts";
import { residentMb, type Served, serveCairn } from "./served.ts";
import { Host } from "./workers/host.ts";
import { buildPeers, type Peers, startPeer } from "./workers/peers.ts";

const IDLE_WORKERS = 1_000;
const IDLE_SECONDS = 40;
const TOKENS = 20_000;
/** What the programs tell, again and again. */
const TOKEN = "word ";
const SLOTS = [1, 8, 64];
const WARM_UP_MS = 1_000;

interface Options {
  rounds: number;
  seconds: number;
}

export async function measureWorkers(options: Options): Promise<Goal[]> {
  const peers = buildPeers();
  const goals: Goal[] = [];
  console.log(`\nA task of 2 KB at a worker, without runs and store, and the same message over a bare stream`);
  console.log(
    `${"".padEnd(12)}  echo, ms  task, ms  ratio   ${SLOTS.map((slots) => `${slots} slots`).join(", ")}: tasks/s`,
  );
  for (const [language, command] of Object.entries(peers)) {
    goals.push(await measureTasks(language, command, options));
  }
  await measureTokens(peers, options);
  await measureIdle(peers);
  return goals;
}

async function measureTasks(language: string, command: string[], { rounds, seconds }: Options): Promise<Goal> {
  const host = await Host.start();
  const start = (kind: "echo" | "worker", ...more: string[]) =>
    startPeer(command, [host.address, kind, ...more], () => host.has(kind));
  const echo = await start("echo");
  // With room for the next task, which need not wait for the slot of the last one.
  let worker = await start("worker", "8");
  const echoMs: number[] = [];
  const taskMs: number[] = [];
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const bare = await medianMs(() => host.echo(), seconds);
    const task = await medianMs(() => host.task(), seconds);
    echoMs.push(bare);
    taskMs.push(task);
    ratios.push(task / bare);
  }
  await echo.stop();
  const perSecond: number[] = [];
  for (const slots of SLOTS) {
    await worker.stop();
    while (host.has("worker")) await sleep(20);
    worker = await start("worker", String(slots));
    perSecond.push(await tasksPerSecond(host, seconds));
  }
  await worker.stop();
  await host.close();
  const ratio = median(ratios);
  const times = [
    median(echoMs).toFixed(3).padStart(9),
    median(taskMs).toFixed(3).padStart(9),
    ratio.toFixed(2).padStart(6),
  ];
  console.log(`${language.padEnd(12)} ${times.join(" ")}   ${perSecond.map((each) => each.toFixed(0)).join(", ")}`);
  return { what: `a task's round trip to a worker in ${language} to a bare echo's, median`, most: 1.5, ratio };
}

/** One after the other, after a warm-up. */
async function medianMs(call: () => Promise<void>, seconds: number): Promise<number> {
  const began = performance.now();
  const times: number[] = [];
  for (let now = began; now < began + WARM_UP_MS + seconds * 1000; ) {
    await call();
    const then = performance.now();
    if (now > began + WARM_UP_MS) times.push(then - now);
    now = then;
  }
  return median(times);
}

/** With always enough of them waiting. */
async function tasksPerSecond(host: Host, seconds: number): Promise<number> {
  const begin = performance.now() + WARM_UP_MS;
  const end = begin + seconds * 1000;
  let ended = 0;
  const callers = Array.from({ length: 2 * Math.max(...SLOTS) }, async () => {
    while (performance.now() < end) {
      await host.task();
      const now = performance.now();
      if (now > begin && now < end) ended++;
    }
  });
  await Promise.all(callers);
  return ended / seconds;
}

/** Tokens of a node, through a run on the embedded store, to one who follows the thread. */
async function measureTokens(peers: Peers, { rounds }: Options): Promise<void> {
  const server = await serveCairn();
  await server.client.graphs.register(tells);
  console.log(`\nA node that tells ${TOKENS} tokens, to one who follows its thread; embedded store`);
  for (const [language, command] of Object.entries(peers)) {
    const worker = await startPeer(command, [server.address, "worker", "1"], () => isServed(server));
    const perSecond: number[] = [];
    let lost = 0;
    for (let round = 0; round <= rounds; round++) {
      const { told, seconds } = await heardOf(server, `${language} ${round}`);
      // The first one is a warm-up.
      if (round > 0) perSecond.push(told / seconds);
      lost += TOKENS - told;
    }
    await worker.stop();
    const share = ((100 * lost) / TOKENS / (rounds + 1)).toFixed(1);
    console.log(`${language.padEnd(12)} ${median(perSecond).toFixed(0)} a second heard, ${share} % lost on the way`);
  }
  await server.stop();
}

const tells = `
name: tells
channels: { count: last_value }
nodes: { tell: { worker: {} } }
edges: [START -> tell, tell -> END]
`;

async function isServed({ client }: Served): Promise<boolean> {
  const { workers } = await client.services.workers.listWorkers({});
  return workers.some(({ connected }) => connected);
}

/** Runs the node on a thread of its own. Time is from the first token heard to the last one. */
async function heardOf({ client }: Served, threadId: string): Promise<{ told: number; seconds: number }> {
  const thread = client.thread(threadId);
  await thread.ensure();
  const run = await thread.run({ count: TOKENS }, { graph: "tells", background: true });
  let told = 0;
  let first = 0;
  let last = 0;
  for await (const event of thread.events({ after: 0n, untilRunStops: run.runId })) {
    if (event.type !== "message_token") continue;
    last = performance.now();
    first ||= last;
    // Pieces that were not taken at once come joined.
    told += event.text.length / TOKEN.length;
  }
  return { told, seconds: (last - first) / 1000 };
}

/** Workers that have nothing to do: each beats its heart and has a connection of its own. */
async function measureIdle({ typescript }: Peers): Promise<void> {
  const server = await serveCairn();
  const cpuShare = async (): Promise<number> => {
    const before = cpuMs(server.serverPid);
    await sleep(IDLE_SECONDS * 1000);
    return (cpuMs(server.serverPid) - before) / IDLE_SECONDS / 10;
  };
  const alone = { mb: residentMb(server.serverPid), cpu: await cpuShare() };
  const count = async () => (await server.client.services.workers.listWorkers({})).workers.length;
  const isThere = async () => (await count()) === IDLE_WORKERS;
  const idle = await startPeer(typescript, [server.address, "idle", String(IDLE_WORKERS)], isThere);
  const cpu = await cpuShare();
  const kb = ((residentMb(server.serverPid) - alone.mb) * 1000) / IDLE_WORKERS;
  const still = await count();
  await idle.stop();
  await server.stop();
  console.log(
    `\n${still} workers with nothing to do: ${kb.toFixed(0)} KB of the server's memory each, ` +
      `CPU ${cpu.toFixed(1)} % of a core (${alone.cpu.toFixed(1)} % without them)`,
  );
}
