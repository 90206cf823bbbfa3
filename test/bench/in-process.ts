// Contestants that run in the benchmark's own process: what lies under the server, without a network before it.
import type { Figures } from "./load.ts";
import type { Contestant } from "./rounds.ts";

export interface Local {
  name: string;
  /** What caller `index` of `callers` does once: resolves when it is done. */
  caller(index: number, callers: number): () => Promise<unknown>;
}

/** Before it counts: connections, caches, compiled code. */
const WARM_UP_SECONDS = 0.3;

export function inProcess({ name, caller }: Local): Contestant {
  const made = new Map<number, (() => Promise<unknown>)[]>();
  return {
    name,
    async measure(callers, seconds) {
      const own = made.get(callers) ?? Array.from({ length: callers }, (_, index) => caller(index, callers));
      made.set(callers, own);
      await run(own, WARM_UP_SECONDS);
      return await run(own, seconds);
    },
  };
}

async function run(callers: (() => Promise<unknown>)[], seconds: number): Promise<Figures> {
  const latencies: number[] = [];
  const cpuBefore = process.cpuUsage();
  const began = performance.now();
  const until = began + seconds * 1000;
  await Promise.all(
    callers.map(async (step) => {
      for (let now = performance.now(); now < until; ) {
        await step();
        const then = performance.now();
        latencies.push(then - now);
        now = then;
      }
    }),
  );
  const elapsed = performance.now() - began;
  const { user, system } = process.cpuUsage(cpuBefore);
  latencies.sort((one, other) => one - other);
  const at = (share: number) => latencies[Math.floor(share * (latencies.length - 1))] ?? 0;
  const calls = latencies.length;
  return {
    calls,
    perSecond: (calls / elapsed) * 1000,
    p50: at(0.5),
    p99: at(0.99),
    cpu: (user + system) / 1000 / calls,
  };
}
