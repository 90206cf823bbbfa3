// One thread's events, told to 1 and to 200 readers while it runs, on the embedded store.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Goal } from "./goals.ts";
import { cpuMs } from "./load.ts";
import { median } from "./rounds.ts";
import { type Served, serveCairn } from "./served.ts";
import { registerGraphs } from "./steps.ts";

const MANY = 200;

interface Figures {
  /** Time from the beginning of a run until all readers have its last event. */
  runMs: number;
  /** CPU time of the server for a run and the telling of it. */
  cpuMs: number;
  /** Events that each reader gets of a run. */
  events: number;
}

export async function measureEvents({ rounds, seconds }: { rounds: number; seconds: number }): Promise<Goal[]> {
  const server = await serveCairn();
  await registerGraphs(server.client);
  await measure(server, 1, 1);
  const all: Figures[][] = [];
  for (let round = 0; round < rounds; round++) {
    const inTurn: Figures[] = [];
    for (const readers of [0, 1, MANY]) inTurn.push(await measure(server, readers, seconds));
    all.push(inTurn);
  }
  await server.stop();
  const figures = all.map(([none, one, many]) => {
    const [alone, single, every] = [none, one, many] as [Figures, Figures, Figures];
    const cpuOf = (of: Figures, readers: number) => (of.cpuMs - alone.cpuMs) / of.events / readers;
    return {
      time: every.runMs / MANY / single.runMs,
      cpu: cpuOf(every, MANY) / cpuOf(single, 1),
      cpuAlone: alone.cpuMs,
      cpuSingle: single.cpuMs,
      cpuEvery: every.cpuMs,
      cpuEach: cpuOf(every, MANY),
      events: every.events,
      runs: every.runMs / single.runMs,
    };
  });
  const of = (name: keyof (typeof figures)[number]) => median(figures.map((each) => each[name]));
  console.log(`\nOne thread's events, ${of("events")} a run, as it runs; embedded store`);
  const cpu = `${of("cpuAlone").toFixed(1)} without readers, ${of("cpuSingle").toFixed(1)} with 1, ${of("cpuEvery").toFixed(1)} with ${MANY}`;
  console.log(
    `Server's CPU ms a run: ${cpu}; ${(of("cpuEach") * 1000).toFixed(1)} µs for an event given to one of ${MANY}`,
  );
  console.log(
    `A run until all have its last event takes, with ${MANY} readers to 1: ${of("runs").toFixed(1)} times as long`,
  );
  const what = `an event given to one of ${MANY} readers to one given to a single reader`;
  return [
    { what: `${what}, time`, most: 1, ratio: of("time") },
    { what: `${what}, server's CPU`, most: 1, ratio: of("cpu") },
  ];
}

/** Runs one thread again and again while so many readers follow it. */
async function measure({ address, client, serverPid }: Served, readers: number, seconds: number): Promise<Figures> {
  const thread = client.thread(`events ${readers}`);
  const run = () => thread.run({ note: "x".repeat(1024) }, { graph: "line", recursionLimit: 100 });
  const { lastEventNumber } = await run();
  const following = readers === 0 ? undefined : follow(address, thread.id, lastEventNumber, readers);
  const before = (await following?.heard((await run()).lastEventNumber)) ?? 0;
  const cpuBefore = cpuMs(serverPid);
  const began = performance.now();
  const runMs: number[] = [];
  let events = 0;
  for (let now = began; now < began + seconds * 1000; ) {
    const outcome = await run();
    events = (await following?.heard(outcome.lastEventNumber)) ?? 0;
    const then = performance.now();
    runMs.push(then - now);
    now = then;
  }
  const cpu = (cpuMs(serverPid) - cpuBefore) / runMs.length;
  following?.stop();
  return { runMs: median(runMs), cpuMs: cpu, events: (events - before) / runMs.length };
}

function follow(address: string, threadId: string, after: bigint, readers: number) {
  const program = join(import.meta.dirname, "event-readers.ts");
  const child = spawn(process.execPath, [program, address, threadId, String(after), String(readers)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    /** Waits until all have this event, and gives how many each of them has had. */
    async heard(number: bigint): Promise<number> {
      child.stdin.write(`${number}\n`);
      const { value, done } = await lines.next();
      if (done) throw new Error("the readers have ended");
      return Number(value);
    },
    stop: () => void child.kill(),
  };
}
