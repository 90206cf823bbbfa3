// A server is killed before and after acts that make something durable while its run's tasks are at a worker: each node
// runs once all the same, and its result counts once.
import { describe, expect, it } from "vitest";
import { Command, Send } from "../../clients/typescript/src/index.ts";
import type { Fault } from "../faults/fault.ts";
import { FaultyServer } from "../faults/faulty-server.ts";
import { eventsOf } from "../runs/support/bench.ts";
import { isSoak, randomFrom, seed } from "../support/size-and-seed.ts";
import { type StoreKind, storeKinds } from "../support/stores.ts";

/** Deaths that are tried when it is no soak; then it is each of them. */
const DEATHS = 4;

const graph = JSON.stringify({
  name: "relay",
  channels: { log: "append", answer: "last_value" },
  nodes: { plan: { worker: {} }, work: { worker: {} }, ask: { worker: {} } },
  edges: ["START -> plan", "work -> ask"],
});

interface Told {
  calls: string[];
  log: unknown;
  finished: number;
  passes: string[];
  deaths: number;
}

async function tell(kind: StoreKind, fault?: Fault): Promise<Told> {
  const server = await FaultyServer.start(kind, fault);
  const client = server.client();
  const calls: string[] = [];
  const worker = client.worker({
    nodes: {
      plan: (_, { attempt }) => {
        calls.push(`plan ${attempt}`);
        return new Command({ goto: [1, 2, 3].map((n) => new Send("work", n)) });
      },
      work: (n, { attempt }) => {
        calls.push(`work ${n} ${attempt}`);
        return { log: [n] };
      },
      ask: (_, context) => {
        calls.push(`ask ${context.attempt}`);
        return { answer: context.interrupt("well?") };
      },
    },
  });
  const serving = worker.run();
  try {
    await client.graphs.register(graph);
    const thread = client.thread("t");
    const asked = await thread.run({}, { graph: "relay", requestId: "run" });
    expect(asked.status).toBe("interrupted");
    const { status, state } = await thread.resume("yes", { requestId: "resume" });
    expect({ status, answer: state.values.answer }).toEqual({ status: "done", answer: "yes" });
    const finished = (await eventsOf(thread)).filter(({ type }) => type === "task_finished").length;
    return { calls: calls.sort(), log: state.values.log, finished, passes: server.passes, deaths: server.deaths };
  } finally {
    worker.stop();
    await serving;
    await server.end();
  }
}

describe.each(storeKinds)("a server that dies with tasks at a worker, on %s,", (kind) => {
  it(`has each node run once, seed ${seed}`, { timeout: isSoak ? 3_600_000 : 180_000 }, async () => {
    const { passes, ...whole } = await tell(kind);
    expect(whole.calls).toEqual(["ask 1", "ask 1", "plan 1", "work 1 1", "work 2 1", "work 3 1"]);
    const random = randomFrom(seed);
    const all = passes.map((at, i) => ({ at, nth: passes.slice(0, i + 1).filter((pass) => pass === at).length }));
    const tried = isSoak ? all : all.toSorted(() => random() - 0.5).slice(0, DEATHS);
    let deaths = 0;
    for (const fault of tried) {
      const told = await tell(kind, { ...fault, act: "die" });
      expect({ ...told, passes: [], deaths: 0 }, JSON.stringify(fault)).toEqual({ ...whole, passes: [], deaths: 0 });
      deaths += told.deaths;
    }
    expect(deaths).toBeGreaterThan(0);
  });
});
