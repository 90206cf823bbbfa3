// Lets contestants take turns, so that noise falls on all alike, and tells what came out as ratios.
import type { Figures } from "./load.ts";

/** One way to do the same thing. */
export interface Contestant {
  name: string;
  /** Puts so many callers to it for so long, after a warm-up. */
  measure(callers: number, seconds: number): Promise<Figures>;
}

export interface Options {
  callers: number;
  rounds: number;
  /** How long a contestant runs in a round. */
  seconds: number;
}

/** Each contestant's figures, a round each. */
export type Results = Map<Contestant, Figures[]>;

export async function takeTurns(contestants: Contestant[], { callers, rounds, seconds }: Options): Promise<Results> {
  const results: Results = new Map(contestants.map((contestant) => [contestant, []]));
  for (let round = 0; round < rounds; round++) {
    // There and back again: what comes after a heavy one is not always the same.
    for (const contestant of round % 2 === 0 ? contestants : contestants.toReversed()) {
      results.get(contestant)?.push(await contestant.measure(callers, seconds));
    }
  }
  return results;
}

/** The median over the rounds of one contestant's figure against another's in the same round. */
export function ratio(results: Results, one: Contestant, other: Contestant, of: keyof Figures): number {
  const others = results.get(other) ?? [];
  return median((results.get(one) ?? []).map((figures, round) => figures[of] / (others[round]?.[of] ?? Number.NaN)));
}

/** The first contestant is the measure of the others. */
export function print(title: string, callers: number, results: Results): void {
  const [measure] = results.keys();
  if (measure === undefined) return;
  console.log(`\n${title}, ${callers} ${callers === 1 ? "caller" : "callers"}`);
  console.log(`${"".padEnd(48)}   per s   (least–most)  ratio   p50 ms  ratio   p99 ms   CPU ms`);
  for (const [contestant, rounds] of results) {
    const all = (field: keyof Figures) => rounds.map((figures) => figures[field]);
    const spread = [Math.min(...all("perSecond")), Math.max(...all("perSecond"))].map((value) => value.toFixed(0));
    const cells = [
      contestant.name.padEnd(48),
      median(all("perSecond")).toFixed(0).padStart(7),
      `(${spread.join("–")})`.padStart(15),
      ratio(results, contestant, measure, "perSecond").toFixed(2).padStart(6),
      median(all("p50")).toFixed(3).padStart(8),
      ratio(results, contestant, measure, "p50").toFixed(2).padStart(6),
      median(all("p99")).toFixed(3).padStart(8),
      median(all("cpu")).toFixed(3).padStart(8),
    ];
    console.log(cells.join(" "));
  }
}

export function median(values: number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle)] ?? 0)) / 2;
}
