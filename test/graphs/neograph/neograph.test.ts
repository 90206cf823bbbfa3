// What NeoGraph runs of a graph, Cairn runs of its import: the same nodes in the same supersteps, with the same stops
// and the same state at the end.
import { expect, it } from "vitest";
import { importNeograph } from "../../../src/graphs/neograph/import.ts";
import { isSoak, randomFrom, seed } from "../../support/size-and-seed.ts";
import { casesByHand, refusedByBoth } from "./by-hand.ts";
import type { Case, Played } from "./case.ts";
import { generateCase } from "./generate.ts";
import { playWithCairn, playWithNeograph } from "./play.ts";

const count = isSoak ? 5000 : 50;
const minutes = isSoak ? 120 : 5;
/** Among the graphs that this seed gives, each kind is there: a few that a run draws may lack one. */
const seedWithEachKind = 1;

it(
  `generated graphs run alike (seed ${seed})`,
  async () => {
    const drawn = [seedWithEachKind, seed].map(randomFrom);
    const cases = drawn.flatMap((random, half) =>
      Array.from({ length: count / 2 }, (_, i) => generateCase(random, half * count + i)),
    );
    const played = await expectAlike(cases.map((subject) => [JSON.stringify(subject), subject]));
    // The generator makes what it was made for.
    expect(played.filter(({ status }) => status === "done").length).toBeGreaterThan(count / 2);
    expect(played.filter(({ status }) => status === "failed")).not.toEqual([]);
    expect(played.filter(({ stops }) => stops.length > 1)).not.toEqual([]);
    for (const added of ["none", "routers", "gates"]) {
      expect(cases.map(addedNodes), added).toContain(added);
    }
  },
  minutes * 60_000,
);

it("what the reference says runs alike", async () => {
  const played = await expectAlike(Object.entries(casesByHand));
  const steps = Object.fromEntries(
    Object.keys(casesByHand).map((what, i) => [what, played[i]?.steps.flat().join(" ")]),
  );
  expect(steps).toMatchObject({
    "an equal diamond runs its join once": "a b c j",
    "an unequal diamond runs its join twice": "a b c d j j",
    "with a barrier once": "a b c d j",
    "the end of one way does not stop the others": "a b c d",
    "a barrier that is never complete runs nothing": "a b c",
    "a condition sees what its siblings wrote": "a b d",
    "the steps are used up": "a b a b a b a",
  });
});

it("what NeoGraph refuses is not imported", () => {
  const definitions = Object.entries(refusedByBoth);
  const cases = definitions.map(([, definition]) => ({ definition, conditions: {}, input: {}, max_steps: 50 }));
  const theirs = playWithNeograph(cases);
  for (const [i, [what, definition]] of definitions.entries()) {
    expect(theirs[i]?.status, what).toBe("refused");
    expect(importNeograph(JSON.stringify(definition), { kind: "module" }).faults, what).not.toEqual([]);
  }
});

/** Plays cases with both; gives what NeoGraph did. */
async function expectAlike(cases: [what: string, Case][]): Promise<Played[]> {
  const subjects = cases.map(([, subject]) => subject);
  const theirs = playWithNeograph(subjects);
  const ours = await playWithCairn(subjects);
  for (const [i, [what]] of cases.entries()) {
    expect(comparable(ours[i] as Played), what).toEqual(comparable(theirs[i] as Played));
  }
  return theirs;
}

/**
 * What is compared. Of a run that fails not its last superstep: which of its nodes still began is not settled. Stops
 * where nothing follows are left out: only one of the two makes them.
 */
function comparable({ steps, stops, status, values, error }: Played): unknown {
  if (status === "refused") return { error };
  const kept = status === "failed" ? steps.slice(0, -1) : steps;
  const between = [...new Set(stops)].filter((stop) => stop < kept.length);
  if (status !== "done") return { steps: kept, stops: between, status };
  const held = Object.entries(values ?? {}).filter(([, value]) => value !== null);
  const renamed = held.map(([name, value]) => [name === "__route__" ? "route" : name, value]);
  return { steps: kept, stops: between, status, values: Object.fromEntries(renamed) };
}

/** What an import has added to carry the ways between nodes. */
function addedNodes({ definition }: Case): string {
  const { spec } = importNeograph(JSON.stringify(definition), { kind: "module" });
  const added = Object.keys(spec.nodes).filter((name) => !Object.hasOwn(definition.nodes, name));
  if (added.some((name) => /\.slot\d_*$/.test(name))) return "gates";
  return added.some((name) => /\.route_*$/.test(name)) ? "routers" : "none";
}
