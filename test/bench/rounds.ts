// Runs contestants in turns, so that noise falls on all alike, and prints what came out as ratios.

/** One way to commit. */
export interface Contestant {
  name: string;
  /** What caller `index` of `callers` does once: resolves when it is durable. */
  caller(index: number, callers: number): () => Promise<unknown>;
}

export interface Options {
  callers: number[];
  rounds: number;
  /** How long a contestant runs in a round with one number of callers. */
  seconds: number;
}

interface Result {
  perSecond: number;
  p50: number;
  p99: number;
  /** CPU of this process a commit, in ms: what noise of other processes changes least. */
  cpu: number;
}

/** Before it counts: connections, caches, compiled code. */
const WARM_UP_SECONDS = 0.3;

/** Runs all of them and prints a table for each number of callers. The first contestant is the measure of the others. */
export async function compare(title: string, contestants: Contestant[], options: Options): Promise<void> {
  for (const callers of options.callers) {
    const results = new Map<Contestant, Result[]>(contestants.map((contestant) => [contestant, []]));
    const steps = new Map(
      contestants.map((contestant) => [
        contestant,
        Array.from({ length: callers }, (_, index) => contestant.caller(index, callers)),
      ]),
    );
    for (let round = 0; round < options.rounds; round++) {
      // There and back again: what comes after a heavy one is not always the same.
      for (const contestant of round % 2 === 0 ? contestants : contestants.toReversed()) {
        const own = steps.get(contestant) ?? [];
        await run(own, WARM_UP_SECONDS);
        results.get(contestant)?.push(await run(own, options.seconds));
      }
    }
    print(title, callers, results);
  }
}

async function run(callers: (() => Promise<unknown>)[], seconds: number): Promise<Result> {
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
  return {
    perSecond: (latencies.length / elapsed) * 1000,
    p50: at(0.5),
    p99: at(0.99),
    cpu: (user + system) / 1000 / latencies.length,
  };
}

function print(title: string, callers: number, results: Map<Contestant, Result[]>): void {
  const rows = [...results].map(([{ name }, rounds]) => {
    const of = (field: keyof Result) => rounds.map((result) => result[field]);
    return {
      name,
      perSecond: median(of("perSecond")),
      spread: [Math.min(...of("perSecond")), Math.max(...of("perSecond"))],
      p50: median(of("p50")),
      p99: median(of("p99")),
      cpu: median(of("cpu")),
    };
  });
  const measure = rows[0];
  console.log(`\n${title}, ${callers} ${callers === 1 ? "caller" : "callers"}`);
  console.log(`${"".padEnd(44)}  per s   (least–most)  ratio   p50 ms  ratio   p99 ms   CPU ms`);
  for (const { name, perSecond, spread, p50, p99, cpu } of rows) {
    const cells = [
      name.padEnd(44),
      perSecond.toFixed(0).padStart(7),
      `(${spread.map((value) => value?.toFixed(0)).join("–")})`.padStart(15),
      (perSecond / (measure?.perSecond ?? 1)).toFixed(2).padStart(6),
      p50.toFixed(2).padStart(8),
      (p50 / (measure?.p50 ?? 1)).toFixed(2).padStart(6),
      p99.toFixed(2).padStart(8),
      cpu.toFixed(3).padStart(8),
    ];
    console.log(cells.join(" "));
  }
}

function median(values: number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}
