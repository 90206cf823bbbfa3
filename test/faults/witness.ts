// Watches a story from outside: what was acknowledged, what has finished, what a reader of events has seen.
import { expect } from "vitest";
import type { CairnClient, RunOutcome, ThreadEvent } from "../../clients/typescript/src/index.ts";
import { eventsOf, until } from "../runs/support/bench.ts";
import { auditThreads, eventsIn, finishedTasks, withStore } from "./audit.ts";
import type { FaultyServer } from "./faulty-server.ts";
import { type Answers, FLOW, KEPT, type Step } from "./story.ts";

/** Reads a thread's events until it is told to stop, whatever becomes of the server. */
class Reader {
  readonly numbers: bigint[] = [];
  readonly #stop = new AbortController();
  readonly #done: Promise<void>;

  constructor(client: CairnClient, thread: string) {
    this.#done = this.#read(client, thread);
    // Whoever ends it hears of a failure; a story that failed before has its own.
    this.#done.catch(() => {});
  }

  async #read(client: CairnClient, thread: string): Promise<void> {
    const options = { after: 0, values: false, signal: this.#stop.signal };
    try {
      for await (const event of client.thread(thread).events(options)) {
        if (event.ephemeral === undefined) this.numbers.push(event.number);
      }
    } catch (thrown) {
      if (!this.#stop.signal.aborted) throw thrown;
    }
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }
}

export class Witness {
  readonly answers: Answers = new Map();
  readonly #server: FaultyServer;
  readonly #client: CairnClient;
  readonly #readers = new Map<string, Reader>();
  /** How often tasks had begun whose results were saved when a server died: they must not begin again. */
  readonly #finished = new Map<string, number>();
  #removing = false;

  constructor(server: FaultyServer, client: CairnClient) {
    this.#server = server;
    this.#client = client;
    server.onDeath = () => withStore(server.store, (store) => this.#atDeath(store));
  }

  /** Makes a story's calls, each of them twice: the second is a retry, which gets the first one's answer. */
  async watch(steps: readonly Step[]): Promise<void> {
    for (const step of steps) {
      if (step.removes && !this.#removing) await this.#compareEvents();
      const answer = await this.#call(step);
      this.answers.set(step.name, answer);
      if (step.unrepeatable !== true) expect(await this.#call(step), `${step.name}, again`).toEqual(answer);
      if (step.creates !== undefined) this.#readers.set(step.creates, new Reader(this.#client, step.creates));
    }
    for (const [task, begun] of this.#finished) expect(this.#begunOf(task), `${task} had finished`).toBe(begun);
    await withAll(this.#readers.values());
  }

  #call(step: Step): Promise<unknown> {
    return Promise.race([step.call(this.#client, this.answers), this.#server.failed]);
  }

  async #atDeath(store: Parameters<typeof auditThreads>[0]): Promise<void> {
    const ids = await auditThreads(store);
    if (!this.#removing) for (const [thread, id] of acknowledged(this.answers)) expect(ids.get(thread)).toContain(id);
    for (const task of finishedTasks(await eventsIn(store, FLOW))) this.#finished.set(task, this.#begunOf(task));
  }

  /** Readers that went on from server to server have seen what the log holds: no gap, no repeat. */
  async #compareEvents(): Promise<void> {
    this.#removing = true;
    for (const [thread, reader] of this.#readers) {
      const log = await eventsOf(this.#client.thread(thread));
      const last = log.at(-1)?.number ?? 0n;
      await until(`the reader of ${thread} has come to the end`, () => (reader.numbers.at(-1) ?? 0n) >= last);
      expect(reader.numbers).toEqual(log.map(({ number }) => number));
      if (thread === FLOW) checkRuns(log);
    }
  }

  #begunOf(task: string): number {
    return this.#server.traces.filter((line) => line === `${task} begins`).length;
  }
}

async function withAll(readers: Iterable<Reader>): Promise<void> {
  for (const reader of readers) await reader.end();
}

/** Every run that started has stopped once, and every checkpoint was told of once. */
function checkRuns(log: ThreadEvent[]): void {
  const started = new Set(log.filter(({ type }) => type === "run_started").map(({ runId }) => runId));
  const stopped = log.filter(({ type }) => type === "run_stopped").map(({ runId }) => runId);
  expect(stopped.toSorted()).toEqual([...started].toSorted());
  const saved = log.flatMap((event) => (event.type === "checkpoint_saved" ? [event.checkpointId] : []));
  expect(saved).toEqual([...new Set(saved)]);
}

/** Checkpoints that answers have told of, each with its thread. */
function acknowledged(answers: Answers): [thread: string, id: string][] {
  return [...answers].flatMap(([name, answer]): [string, string][] => {
    if (["run", "resume", "fork", "step"].includes(name)) return [[FLOW, (answer as RunOutcome).state.checkpointId]];
    if (name === "update") return [[FLOW, (answer as RunOutcome["state"]).checkpointId]];
    if (name.startsWith("put put-a") || name === "put put-b")
      return [[KEPT, (answer as { checkpointId: string }).checkpointId]];
    return [];
  });
}
