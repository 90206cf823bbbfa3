// The server under test: a process of its own, watched from outside.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client, credentials } from "@grpc/grpc-js";
import { type CairnProcess, startCairn } from "../support/cairn-process.ts";
import type { Tally } from "./tally.ts";

const reporter = fileURLToPath(new URL("./report-memory.ts", import.meta.url));

export interface Memory {
  /** Bytes in use after garbage was collected. */
  used: number;
  /** Bytes of the process. */
  rss: number;
}

/** A server that does not answer for so long is stuck, however slow the machine. */
const answersWithinMs = 20_000;

export class WatchedServer {
  readonly #process: CairnProcess;
  #exit: Promise<unknown> | undefined;

  private constructor(process: CairnProcess) {
    this.#process = process;
  }

  static async start(args: string[]): Promise<WatchedServer> {
    const nodeArgs = ["--expose-gc", "--import", reporter];
    const all = [...args, "--listen", "127.0.0.1:0", "--log-level", "error"];
    return new WatchedServer(await startCairn(all, { nodeArgs }));
  }

  get address(): string {
    return this.#process.address;
  }

  get isAlive(): boolean {
    const { exitCode, signalCode } = this.#process.process;
    return exitCode === null && signalCode === null;
  }

  /** What it has logged, memory reports aside: with this level of logging, nothing but errors of its own. */
  get complaints(): string[] {
    return this.#lines().filter((line) => !line.startsWith('{"memory"'));
  }

  #lines(): string[] {
    return this.#process
      .stderr()
      .split("\n")
      .filter((line) => line !== "");
  }

  async memory(): Promise<Memory> {
    const reports = () => this.#lines().filter((line) => line.startsWith('{"memory"'));
    const before = reports().length;
    this.#process.process.kill("SIGUSR2");
    while (reports().length === before && this.isAlive) await sleep(20);
    const { memory } = JSON.parse(reports().at(-1) ?? '{"memory":{"used":0}}') as { memory: Memory };
    return { used: memory.used, rss: this.isAlive ? this.#resident() : 0 };
  }

  #resident(): number {
    const status = readFileSync(`/proc/${this.#process.process.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
  }

  /** Asks for its health again and again, on a connection of its own, until the returned function ends it. */
  watch(tally: Tally, onStuck: () => void): () => Promise<number> {
    const client = new Client(this.address, credentials.createInsecure(), { "grpc.use_local_subchannel_pool": 1 });
    let answers = 0;
    let isOver = false;
    const watching = (async () => {
      while (!isOver) {
        const error = await healthOf(client);
        if (error === null) answers++;
        else if (!isOver) {
          tally.fail(`the server is stuck or gone: ${error.message}`);
          onStuck();
          break;
        }
        await sleep(250);
      }
      client.close();
    })();
    return async () => {
      isOver = true;
      await watching;
      return answers;
    };
  }

  stop(): Promise<unknown> {
    this.#exit ??= this.#process.stop("SIGTERM");
    return this.#exit;
  }

  kill(): Promise<unknown> {
    return this.#process.stop("SIGKILL");
  }
}

function healthOf(client: Client): Promise<Error | null> {
  const same = (bytes: Buffer) => bytes;
  const path = "/grpc.health.v1.Health/Check";
  return new Promise((resolve) => {
    const options = { deadline: Date.now() + answersWithinMs };
    client.makeUnaryRequest(path, same, same, Buffer.alloc(0), options, (error) => resolve(error));
  });
}
