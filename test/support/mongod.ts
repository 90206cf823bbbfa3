// One mongod process: started, killed and started again on the same port and data.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Watchdog } from "./watchdog.ts";

export interface MongodOptions {
  binary: string;
  port: number;
  /** Holds the data and the log. */
  folder: string;
  replicaSet: string;
  watchdog: Watchdog;
}

export class Mongod {
  readonly port: number;
  readonly #options: MongodOptions;
  #process: ChildProcess | undefined;

  constructor(options: MongodOptions) {
    this.#options = options;
    this.port = options.port;
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** The process id; undefined while it is down. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts the process and waits until it accepts connections. */
  async start(): Promise<void> {
    if (this.#process) throw new Error(`mongod on port ${this.port} is running already`);
    const { binary, port, folder, replicaSet, watchdog } = this.#options;
    mkdirSync(folder, { recursive: true });
    const settings = {
      replSet: replicaSet,
      bind_ip: "127.0.0.1",
      port,
      dbpath: folder,
      logpath: join(folder, "mongod.log"),
      wiredTigerCacheSizeGB: 0.25,
      oplogSize: 256,
      // As docker-compose.yml has it, and for its reason.
      setParameter: ["diagnosticDataCollectionEnabled=false", "transactionLifetimeLimitSeconds=15"],
    };
    const args = Object.entries(settings).flatMap(([name, values]) =>
      [values].flat().flatMap((value) => [`--${name}`, String(value)]),
    );
    const child = spawn(binary, [...args, "--logappend", "--nounixsocket"], { stdio: "ignore" });
    child.unref();
    this.#process = child;
    const { pid } = child;
    if (pid === undefined) throw (await once(child, "error"))[0];
    watchdog.add(pid);
    child.once("exit", () => {
      watchdog.delete(pid);
      this.#process = undefined;
    });
    await this.#listening();
  }

  /** Sends a signal. Waits for the end of the process, unless the signal only stops or continues it. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const child = this.#process;
    if (!child) return;
    child.kill(signal);
    if (signal === "SIGSTOP" || signal === "SIGCONT") return;
    child.ref();
    await once(child, "exit");
  }

  async #listening(): Promise<void> {
    const deadline = Date.now() + 60_000;
    while (Date.now() < deadline) {
      if (!this.#process) throw new Error(`mongod ended at its start:\n${this.#lastOfLog()}`);
      if (await accepts(this.port)) return;
      await sleep(25);
    }
    throw new Error(`mongod did not listen on port ${this.port} within a minute:\n${this.#lastOfLog()}`);
  }

  #lastOfLog(): string {
    const log = readFileSync(join(this.#options.folder, "mongod.log"), "utf8");
    return log.trimEnd().split("\n").slice(-10).join("\n");
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
