import { fileURLToPath } from "node:url";
import { CairnClient } from "../../clients/typescript/src/index.ts";
import { type CairnProcess, startCairn } from "../support/cairn-process.ts";
import { freePort } from "../support/ports.ts";

const nodesFile = fileURLToPath(new URL("./nodes.ts", import.meta.url));

/** A real server whose nodes are played by the harness, and which can be killed. */
export class ParityServer {
  readonly client: CairnClient;
  readonly #args: string[];
  #process: CairnProcess;
  #kills = 0;

  private constructor(client: CairnClient, args: string[], started: CairnProcess) {
    this.client = client;
    this.#args = args;
    this.#process = started;
  }

  /** `storeArgs` choose its store. */
  static async start(storeArgs: readonly string[]): Promise<ParityServer> {
    const address = `127.0.0.1:${await freePort()}`;
    const args = [...storeArgs, "--listen", address, "--nodes", nodesFile, "--log-level", "error"];
    const started = await startCairn(args);
    return new ParityServer(CairnClient.connect({ address }), args, started);
  }

  get kills(): number {
    return this.#kills;
  }

  /** SIGKILL; another process takes over the store and the address. */
  async kill(): Promise<void> {
    await this.#process.stop("SIGKILL");
    this.#process = await startCairn(this.#args);
    this.#kills++;
  }

  async stop(): Promise<void> {
    this.client.close();
    await this.#process.stop();
  }
}
