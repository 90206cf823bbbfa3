// Random graphs and scripts, on a real server and in a model of a superstep's rules that knows nothing of how it is built.
import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Call, Case } from "../parity/case.ts";
import { difference } from "../parity/compare.ts";
import { playCase } from "../parity/play-case.ts";
import { type Player, startPlayer } from "../parity/player.ts";
import { ParityServer } from "../parity/server.ts";
import { isSoak, seed } from "../support/size-and-seed.ts";
import { newStore, type TestStore } from "../support/stores.ts";
import { differenceFrom } from "./compare.ts";
import { graph } from "./generate.ts";
import { moves, storyOf } from "./generate-script.ts";
import { type Prediction, ThreadModel } from "./thread.ts";
import { OfNoUse } from "./world.ts";

/** The first failure will do, however large its case. */
const endOnFailure = process.env.CAIRN_SHRINK === "no";

/** With CAIRN_SOAK=1 many times as many, and more for mutants, which have to be noticed. CAIRN_SEED repeats a run. */
const CASES = isSoak ? 15_000 : endOnFailure ? 240 : 90;

/** Cases that are played at the same time. */
const LANES = 3;

const timeout = isSoak ? 4 * 3_600_000 : 180_000;

/** What the generated cases are for: each of these has to come about. */
const wanted = [
  "done",
  "paused",
  "interrupted",
  "failed",
  "INVALID_UPDATE",
  "NODE_FAILED",
  "RECURSION_LIMIT",
  "AMBIGUOUS_RESUME",
  "NOTHING_TO_RESUME",
  "a subgraph runs",
  "a deferred node runs",
  "Sends run",
  "an attempt follows a failure",
  "an attempt begins a subgraph anew",
  "an input drops what is due",
  "some questions are answered",
];

let store: TestStore;
let server: ParityServer;
let player: Player;

beforeAll(async () => {
  store = await newStore("embedded");
  player = await startPlayer();
  server = await ParityServer.start(store.args);
});

afterAll(async () => {
  await server?.stop();
  await player?.close();
  await store?.remove();
});

/** What the model says of a call, if it can. */
function predicted(thread: ThreadModel, call: Call): Prediction {
  try {
    return thread.call(call);
  } catch (thrown) {
    if (thrown instanceof OfNoUse) return { errors: [], settled: undefined };
    throw thrown;
  }
}

describe("a model of the supersteps", () => {
  it("says what LangGraph did", async () => {
    const differ: string[] = [];
    for (const file of ["cases.json", "own-cases.json"]) {
      const cases: Case[] = JSON.parse(await readFile(new URL(`../parity/${file}`, import.meta.url), "utf8"));
      for (const subject of cases) {
        const thread = new ThreadModel(subject.graph);
        // It knows nothing of forks and updates: what follows them is left out.
        const end = subject.script.findIndex((call) => call.fork !== undefined || call.update_state !== undefined);
        const script = end === -1 ? subject.script : subject.script.slice(0, end);
        for (const [i, call] of script.entries()) {
          const { errors, settled } = predicted(thread, call);
          if (settled === undefined) break;
          const { updated, ...recorded } = subject.expect[i] as Case["expect"][number];
          const fault = difference({ ...subject, expect: [recorded] }, [{ error: errors[0], ...settled }]);
          if (fault !== undefined) differ.push(`${subject.name}, call ${i}: ${fault}`);
        }
      }
    }
    expect(differ).toEqual([]);
  });

  it(`meets what its cases are for, seed ${seed}`, () => {
    const stories = fc.sample(fc.tuple(graph, moves), { numRuns: 1000, seed }).map(([g, m]) => storyOf(g, m));
    const seen = new Set(stories.flatMap((story) => [...(story?.seen ?? [])]));
    expect(wanted.filter((what) => !seen.has(what))).toEqual([]);
  });

  it(`says what the server does, seed ${seed}`, { timeout }, async () => {
    console.info(`model: seed ${seed} (CAIRN_SEED=${seed} repeats it), ${CASES} cases`);
    let played = 0;
    const property = fc.asyncProperty(graph, moves, async (graph, moves) => {
      const story = storyOf(graph, moves);
      fc.pre(story !== undefined);
      const name = `${played++}`;
      const subject = { name, graph, script: story.script, expect: [] };
      const differs = differenceFrom(story.predicted, await playCase(server.client, player, subject, name));
      if (differs !== undefined) throw new Error(`${differs}\n${JSON.stringify({ ...subject, expect: undefined })}`);
    });
    const limits = { interruptAfterTimeLimit: timeout - 20_000, markInterruptAsFailure: true, endOnFailure };
    const lane = (i: number): Promise<void> =>
      fc.assert(property, { numRuns: CASES / LANES, seed: seed + i, ...limits });
    await Promise.all(Array.from({ length: LANES }, (_, i) => lane(i)));
  });
});
