// A real server with a store of its own, graphs whose nodes leave traces in files, and a client.
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { CairnClient, CairnClientError, type Thread, type ThreadEvent } from "../../../clients/typescript/src/index.ts";
import { type RunningServer, type ServerOptions, startServer } from "../../../src/server/start.ts";
import { type Environment, systemEnvironment } from "../../../src/system/environment.ts";
import { type CairnProcess, startCairn } from "../../support/cairn-process.ts";
import { freePort } from "../../support/ports.ts";
import { newStore, type StoreKind, type TestStore } from "../../support/stores.ts";

export const nodesFile = fileURLToPath(new URL("./nodes.ts", import.meta.url));

/** A graph file's content without its name; edges as "a -> b" or [[a, b], c]. */
export interface GraphParts {
  channels: Record<string, unknown>;
  nodes: Record<string, unknown>;
  edges: unknown[];
  branches?: unknown[];
  interruptBefore?: string[];
  interruptAfter?: string[];
  schemaVersion?: number;
  migrations?: unknown[];
}

/** A clock that is ahead, so that the lease of a server that was killed a moment ago is over. */
const ahead: Environment = {
  ...systemEnvironment,
  clock: { ...systemEnvironment.clock, nowMs: () => Date.now() + 60_000 },
};

export interface BenchOptions {
  /** How many of a thread's newest records are kept as events. */
  keepEvents?: number;
  /** How long a worker that is not heard of keeps its tasks, in seconds. */
  taskLease?: number;
}

export class Bench {
  readonly store: TestStore;
  /** Where nodes leave their traces and look for their gates. */
  readonly folder: string;
  readonly client: CairnClient;
  readonly listen: string;
  readonly #callers: CairnClient[] = [];
  #process: CairnProcess | undefined;
  #stopInner: (() => Promise<void>) | undefined;
  #names = 0;
  readonly #others: RunningServer[] = [];
  readonly #options: BenchOptions;

  /** A space of its own: others may use the same MongoDB. */
  readonly space = `runs-${randomUUID().slice(0, 13)}`;

  private constructor(store: TestStore, folder: string, listen: string, options: BenchOptions) {
    this.store = store;
    this.#options = options;
    this.folder = folder;
    this.listen = listen;
    this.client = this.#connect();
  }

  #connect(attemptsMax = 5): CairnClient {
    const deadlines = { deadlineMs: 30_000, runDeadlineMs: 50_000 };
    return CairnClient.connect({ address: this.listen, space: this.space, ...deadlines, retry: { attemptsMax } });
  }

  /** A client that gives up when its server does. */
  caller(): CairnClient {
    const client = this.#connect(1);
    this.#callers.push(client);
    return client;
  }

  static async start(store: StoreKind | TestStore, options: BenchOptions = {}): Promise<Bench> {
    const folder = await mkdtemp(join(tmpdir(), "cairn-runs-"));
    const given = typeof store === "string" ? await newStore(store) : store;
    const bench = new Bench(given, folder, `127.0.0.1:${await freePort()}`, options);
    await bench.#startProcess();
    return bench;
  }

  async #startProcess(): Promise<void> {
    const fixed = ["--listen", this.listen, "--nodes", nodesFile, "--log-level", "error"];
    const { keepEvents, taskLease } = this.#options;
    const kept = keepEvents === undefined ? [] : ["--keep-events", String(keepEvents)];
    const leased = taskLease === undefined ? [] : ["--task-lease", String(taskLease)];
    this.#process = await startCairn([...this.store.args, ...fixed, ...kept, ...leased]);
  }

  /** SIGKILL: whatever the server was doing is over. One within this process has to be stopped. */
  async kill(): Promise<void> {
    await this.#process?.stop("SIGKILL");
    await this.#stopInner?.();
    this.#process = undefined;
    this.#stopInner = undefined;
  }

  /**
   * A server on the same store and address. Of an embedded store another process, which may take over at once; of a
   * MongoDB one whose clock is ahead of the killed server's lease, in place of waiting for the lease to run out.
   */
  async restart(): Promise<void> {
    if (this.store.kind === "embedded") return this.#startProcess();
    const options: ServerOptions = {
      store: this.store.location,
      listen: this.listen,
      nodesFile,
      logLevel: "error",
      eventRecordsKept: this.#options.keepEvents,
      taskLeaseMs: this.#options.taskLease && this.#options.taskLease * 1000,
    };
    const { stop } = await startServer(options, ahead);
    this.#stopInner = stop;
  }

  /** One more server on the same MongoDB, within this process: a client of it. It ends with the bench. */
  async another(): Promise<CairnClient> {
    const { keepEvents, taskLease } = this.#options;
    const options: ServerOptions = { store: this.store.location, listen: "127.0.0.1:0", nodesFile, logLevel: "error" };
    const taskLeaseMs = taskLease && taskLease * 1000;
    const server = await startServer({ ...options, eventRecordsKept: keepEvents, taskLeaseMs });
    this.#others.push(server);
    const client = CairnClient.connect({ address: server.address, space: this.space });
    this.#callers.push(client);
    return client;
  }

  /** The server's process id; absent while it runs within this process. */
  get pid(): number | undefined {
    return this.#process?.process.pid;
  }

  async end(): Promise<void> {
    const isUp = this.#process !== undefined || this.#stopInner !== undefined;
    if (isUp && this.store.shared) await this.client.admin.deleteSpace({ space: this.space });
    for (const client of [this.client, ...this.#callers]) client.close();
    await this.#process?.stop("SIGTERM");
    await this.#stopInner?.();
    for (const server of this.#others) await server.stop();
    await this.store.remove();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** What the server has logged. */
  get log(): string {
    return this.#process?.stderr() ?? "";
  }

  newName(kind = "thread"): string {
    return `${kind}-${++this.#names}`;
  }

  /** Registers a graph under a new name, or a given one, and gives the name. */
  async graph(parts: GraphParts, name = this.newName("graph")): Promise<string> {
    await this.client.graphs.register(JSON.stringify({ name, ...parts }));
    return name;
  }

  thread(): Thread {
    return this.client.thread(this.newName());
  }

  /** A module node of `nodes.ts`, told where to leave its traces. */
  node(fn: string, params: Record<string, unknown> = {}): Record<string, unknown> {
    return { module: { function: fn, params: { folder: this.folder, ...params } } };
  }

  /** The traces that nodes have left, of one kind or all. */
  traces(prefix = ""): string[] {
    const file = join(this.folder, "traces");
    if (!existsSync(file)) return [];
    return readFileSync(file, "utf8")
      .split("\n")
      .filter((line) => line !== "" && line.startsWith(prefix));
  }

  /** Lets the `gated` nodes at a gate go on. */
  open(gate: string): void {
    writeFileSync(join(this.folder, `${gate}.open`), "");
  }
}

/** Polls until something holds; fails after half a minute, or as long as it is given. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, patienceMs = 30_000): Promise<void> {
  const deadline = Date.now() + patienceMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await sleep(20);
  }
}

/** The error of a call that must fail. */
export async function refusal(call: Promise<unknown>): Promise<CairnClientError> {
  const thrown = await call.then(
    () => new Error("the call was expected to fail"),
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(CairnClientError);
  return thrown as CairnClientError;
}

/** Durable events so far, in order. */
export async function eventsOf(thread: Thread, after = 0n): Promise<ThreadEvent[]> {
  const events: ThreadEvent[] = [];
  for await (const event of thread.events({ after, untilNow: true })) {
    if (event.ephemeral === undefined) events.push(event);
  }
  return events;
}

/** The run that holds a thread, or held it last. */
export async function runIdOf(thread: Thread): Promise<string> {
  return (await thread.info()).runId;
}

/** A thread's states, newest first. */
export async function historyOf(thread: Thread): Promise<Awaited<ReturnType<Thread["state"]>>[]> {
  const states: Awaited<ReturnType<Thread["state"]>>[] = [];
  for await (const state of thread.history()) states.push(state);
  return states;
}
