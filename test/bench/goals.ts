/** What a ratio is meant to be. */
export interface Goal {
  what: string;
  ratio: number;
  least?: number;
  most?: number;
}

export function printGoals(goals: Goal[]): void {
  console.log(`\n${"ratio of".padEnd(82)}     goal  measured`);
  for (const { what, ratio, least, most } of goals) {
    const goal = least === undefined ? `≤ ${Number(most?.toFixed(4))}` : `≥ ${least}`;
    const isMet = ratio >= (least ?? 0) && ratio <= (most ?? Number.POSITIVE_INFINITY);
    console.log(
      `${what.padEnd(82)} ${goal.padStart(8)} ${ratio.toPrecision(3).padStart(9)}  ${isMet ? "met" : "not met"}`,
    );
  }
}
