// A real server process on a store of its own. It is started again whenever it dies.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { CairnClient } from "../../clients/typescript/src/index.ts";
import { freePort } from "../support/ports.ts";
import { newStore, type StoreKind, type TestStore } from "../support/stores.ts";
import type { Fault, ServerProcessOptions } from "./fault.ts";

const program = fileURLToPath(new URL("./server-process.ts", import.meta.url));
const nodesFile = fileURLToPath(new URL("./nodes.ts", import.meta.url));

/** More than a lease, so that the next server need not wait for the last one's. */
const LEASE_OVER_MS = 60_000;

export class FaultyServer {
  readonly store: TestStore;
  /** Where nodes leave their traces, and the server a line for each durable act. */
  readonly folder: string;
  readonly address: string;
  /** Called between the death of a server and the start of the next. */
  onDeath: () => Promise<void> = async () => {};
  deaths = 0;
  #process: ChildProcess | undefined;
  #aheadMs = 0;
  #fault: Fault | undefined;
  #isWanted = true;
  readonly #failed = Promise.withResolvers<never>();
  readonly #held = Promise.withResolvers<void>();
  readonly #clients: CairnClient[] = [];

  private constructor(store: TestStore, folder: string, address: string) {
    this.store = store;
    this.folder = folder;
    this.address = address;
    // A story that has ended no longer listens.
    this.#failed.promise.catch(() => {});
  }

  /** Starts a server that a fault may befall, also while it starts, and whose clock is so far ahead. */
  static async start(store: StoreKind | TestStore, fault?: Fault, aheadMs = 0): Promise<FaultyServer> {
    const folder = mkdtempSync(join(tmpdir(), "cairn-faults-"));
    const given = typeof store === "string" ? await newStore(store) : store;
    const server = new FaultyServer(given, folder, `127.0.0.1:${await freePort()}`);
    server.#fault = fault;
    server.#aheadMs = aheadMs;
    await server.#start();
    return server;
  }

  /** A client that outlasts the death of its server. */
  client(space = "default"): CairnClient {
    const retry = { attemptsMax: 200, streamsMax: 200, backoffBaseMs: 20, backoffMaxMs: 250 };
    const client = CairnClient.connect({
      address: this.address,
      space,
      deadlineMs: 60_000,
      runDeadlineMs: 60_000,
      retry,
    });
    this.#clients.push(client);
    return client;
  }

  /** Rejects when a server can't be started again, or `onDeath` finds something wrong. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** The sides of durable acts that the servers came by so far, in order. */
  get passes(): string[] {
    return linesOf(this.#passesFile);
  }

  /** The traces that nodes have left. */
  get traces(): string[] {
    return linesOf(join(this.folder, "traces"));
  }

  /** Resolves when the fault holds the server. `release` lets it go on. */
  get held(): Promise<void> {
    return this.#held.promise;
  }

  release(): void {
    this.#process?.send("go on");
  }

  /** SIGKILL. Another server is started. */
  kill(): void {
    this.#process?.kill("SIGKILL");
  }

  /** Stops the server in order and starts another one, whose clock is this much further. */
  async restart(aheadMs: number): Promise<void> {
    await this.stop();
    this.#isWanted = true;
    this.#aheadMs += aheadMs;
    await this.#start();
  }

  /** Stops the server in order. */
  async stop(): Promise<void> {
    this.#isWanted = false;
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGTERM");
    await once(child, "exit");
  }

  async end(): Promise<void> {
    for (const client of this.#clients) client.close();
    await this.stop();
    await this.store.remove();
    rmSync(this.folder, { recursive: true, force: true });
  }

  get #passesFile(): string {
    return join(this.folder, "passes");
  }

  /** Starts servers until one listens: a fault may befall the first as it starts. */
  async #start(): Promise<void> {
    for (;;) {
      const child = this.#spawn();
      this.#process = child;
      child.on("message", (message) => {
        if (message === "held") this.#held.resolve();
      });
      const first = await Promise.race([once(child, "message"), once(child, "exit")]);
      if (first[0] === "listening") {
        child.once("exit", (code, signal) => void this.#afterDeath(code, signal));
        return;
      }
      const [code, signal] = first as [number | null, string | null];
      if (signal !== "SIGKILL") throw new Error(`the server ended with ${code ?? signal} before it listened`);
      this.#noteDeath();
    }
  }

  #noteDeath(): void {
    this.deaths++;
    this.#aheadMs += LEASE_OVER_MS;
    this.#fault = undefined;
  }

  async #afterDeath(code: number | null, signal: string | null): Promise<void> {
    if (!this.#isWanted) return;
    try {
      if (signal !== "SIGKILL") throw new Error(`the server ended by itself with ${code ?? signal}`);
      this.#noteDeath();
      await this.onDeath();
      await this.#start();
    } catch (thrown) {
      this.#failed.reject(thrown);
    }
  }

  #spawn(): ChildProcess {
    const options: ServerProcessOptions = {
      server: { store: this.store.location, listen: this.address, nodesFile, logLevel: "error" },
      aheadMs: this.#aheadMs,
      passesFile: this.#passesFile,
      fault: this.#fault,
    };
    return spawn(process.execPath, [program, JSON.stringify(options)], {
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
  }
}

function linesOf(file: string): string[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "");
}
