// The edge of what is kept: older numbers are refused with where to begin, everything else is there, whole.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Thread, ThreadEvent } from "../../clients/typescript/src/index.ts";
import { storeKinds } from "../support/stores.ts";
import { Bench, eventsOf, historyOf, refusal, until } from "./support/bench.ts";
import { hear } from "./support/hearing.ts";

const kept = 6;

describe.each(storeKinds)("events that are kept for so many records, on %s,", (kind) => {
  let bench: Bench;
  beforeAll(async () => {
    bench = await Bench.start(kind, { keepEvents: kept });
  });
  afterAll(() => bench.end());

  const loop = (n: number) =>
    bench.graph({
      channels: { n: "add" },
      nodes: { a: { expression: { update: { n: "1" } } } },
      edges: ["START -> a"],
      branches: [{ from: "a", cel: `state.n < ${n} ? "a" : "__end__"` }],
    });

  /** A thread that has run, and everything it has ever told. */
  async function told(n: number): Promise<{ thread: Thread; all: ThreadEvent[] }> {
    const thread = bench.thread();
    await thread.ensure();
    const all: ThreadEvent[] = [];
    const graph = await loop(n);
    for (let outcome = await thread.step({}, { graph }); outcome.status !== "done"; outcome = await thread.step()) {
      all.push(...(await eventsOf(thread, all.at(-1)?.number)));
    }
    all.push(...(await eventsOf(thread, all.at(-1)?.number)));
    return { thread, all };
  }

  it("are the newest: any older number is OUT_OF_RANGE with the oldest, any other gives exactly the rest", async () => {
    const { thread, all } = await told(8);
    const first = await refusal(thread.events({ after: all[0]?.number, untilNow: true }).next());
    expect([first.codeName, first.reason]).toEqual(["OUT_OF_RANGE", "EVENTS_PRUNED"]);
    const oldest = BigInt(first.metadata.oldest ?? "");
    const rest = all.filter(({ number }) => number >= oldest);
    expect(new Set(rest.map(({ number }) => number / 10_000n)).size).toBeLessThanOrEqual(kept);
    expect(rest.length).toBeGreaterThan(0);
    expect(await eventsOf(thread, 0n)).toEqual(rest);
    const edges = [oldest - 2n, oldest - 1n, oldest, oldest + 1n];
    for (const after of new Set([1n, ...edges, ...all.map(({ number }) => number)])) {
      if (after < oldest - 1n) {
        expect(await refusal(thread.events({ after, untilNow: true }).next())).toMatchObject({
          reason: "EVENTS_PRUNED",
          metadata: { oldest: String(oldest) },
        });
      } else expect(await eventsOf(thread, after)).toEqual(all.filter(({ number }) => number > after));
    }
  });

  it("leave checkpoints, runs and their states alone", async () => {
    const { thread, all } = await told(8);
    const states = await historyOf(thread);
    expect(states).toHaveLength(all.filter(({ type }) => type === "checkpoint_saved").length);
    const { runs } = await bench.client.services.runs.listRuns({ threadId: thread.id });
    expect(runs).toHaveLength(all.filter(({ type }) => type === "run_started").length);
    for (const { runId } of runs) {
      const { run } = await bench.client.services.runs.getRun({ threadId: thread.id, runId });
      expect(run?.runId).toBe(runId);
    }
  });

  it("have all been given to a reader that kept up, over many times as many records", async () => {
    const thread = bench.thread();
    await thread.ensure();
    const live = hear(thread, { after: 0 });
    const graph = await loop(4 * kept);
    const all: ThreadEvent[] = [];
    for (let status = ""; status !== "done"; ) {
      const outcome = all.length === 0 ? await thread.step({}, { graph }) : await thread.step();
      status = outcome.status;
      all.push(...(await eventsOf(thread, all.at(-1)?.number)));
      await until("the reader has heard of the step", () => live.events.at(-1)?.number === all.at(-1)?.number);
    }
    live.stop();
    await live.done;
    expect(live.events.filter(({ ephemeral }) => !ephemeral)).toEqual(all);
    expect(await refusal(thread.events({ after: all[0]?.number }).next())).toMatchObject({ reason: "EVENTS_PRUNED" });
  });

  it("is a limit that GetStatus tells, and that a server which is started again keeps to", async () => {
    const { limits } = await bench.client.admin.getStatus({});
    expect(limits.eventRecordsKeptMax).toBe(BigInt(kept));
    const { thread, all } = await told(8);
    const before = await eventsOf(thread);
    await bench.kill();
    await bench.restart();
    expect(await eventsOf(thread)).toEqual(before);
    expect(await refusal(thread.events({ after: all[0]?.number, untilNow: true }).next())).toMatchObject({
      reason: "EVENTS_PRUNED",
    });
  });
});
