// Puts a mixed load on a server and watches its resident memory. `make soak` does it for an hour; for less:
//   CAIRN_SOAK=1 CAIRN_SOAK_SECONDS=300 npx vitest run test/bench
import { setTimeout as sleep } from "node:timers/promises";
import { type CairnClient, CairnClientError } from "../../clients/typescript/src/index.ts";
import { putThreads } from "./reads.ts";
import { median } from "./rounds.ts";
import { residentMb, type Served } from "./served.ts";

/** Threads that are there all the time. */
const THREADS = 10_000;
/** Callers, each with a thread of its own that it uses and deletes over and over. */
const CALLERS = 16;

export interface Memory {
  /** Lives of threads, from the first run to the deletion. */
  lives: number;
  atRestMb: number;
  withThreadsMb: number;
  /** Medians of three equal parts of the load, after its first tenth. */
  thirdsMb: [number, number, number];
}

export async function watchMemory({ client, serverPid }: Served, seconds: number): Promise<Memory> {
  const atRestMb = residentMb(serverPid);
  await putThreads(client, THREADS);
  const withThreadsMb = residentMb(serverPid);
  const until = performance.now() + seconds * 1000;
  let lives = 0;
  const callers = Array.from({ length: CALLERS }, async (_, index) => {
    for (let turn = 0; performance.now() < until; turn++) {
      await live(client, `memory ${index} ${turn}`, turn);
      lives++;
    }
  });
  const samples: number[] = [];
  const watch = async (): Promise<void> => {
    while (performance.now() < until) {
      samples.push(residentMb(serverPid));
      await sleep(Math.min(1_000, seconds * 10));
    }
  };
  await Promise.all([...callers, watch()]);
  const settled = samples.slice(Math.ceil(samples.length / 10));
  const third = (part: number): number =>
    median(settled.slice(Math.floor((settled.length * part) / 3), Math.floor((settled.length * (part + 1)) / 3)));
  return { lives, atRestMb, withThreadsMb, thirdsMb: [third(0), third(1), third(2)] };
}

/** What a thread goes through: a run, reads, an update, a fork, a wrong call, events, and its deletion. */
async function live(client: CairnClient, id: string, turn: number): Promise<void> {
  const thread = client.thread(id);
  const { state } = await thread.run(
    { note: "n".repeat(500 + (turn % 7) * 300) },
    { graph: "line", recursionLimit: 40 },
  );
  await client.checkpoints.getCheckpoint({ threadId: id });
  await client.checkpoints.getCheckpoint({ threadId: `read-${String((turn * 7919) % THREADS).padStart(6, "0")}` });
  await thread.updateState({ count: 1 }, { asNode: "a" });
  await thread.fork(state.checkpointId, { note: "again" });
  await thread.run({ note: "nothing" }, { graph: "no such graph" }).catch(expectRefusal);
  for await (const _ of thread.history()) break;
  for await (const _ of thread.events({ after: 0, untilNow: true }));
  await thread.delete();
}

function expectRefusal(error: unknown): void {
  if (!(error instanceof CairnClientError)) throw error;
}
