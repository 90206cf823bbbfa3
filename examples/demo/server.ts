/** A `cairn serve` of the demo's own: a child process on a folder that outlives it. */

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { CairnClient } from "../../clients/typescript/src/index.ts";

const main = join(import.meta.dirname, "../../src/main.ts");
export const nodesFile = "examples/nodes.ts";

export interface DemoServer {
  address: string;
  client: CairnClient;
  /** Ends it as a power cut would: no signal that it could handle. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

export interface DemoOptions {
  env?: Record<string, string>;
  /** HOST:PORT; any free port if none is given. */
  listen?: string;
  /** More options of `cairn serve`. */
  more?: string[];
}

/** Starts the server on a folder. */
export async function serve(
  folder: string,
  { env = {}, listen = "127.0.0.1:0", more = [] }: DemoOptions,
): Promise<DemoServer> {
  const options = ["--store", join(folder, "store"), "--nodes", nodesFile, "--listen", listen, ...more];
  const child = spawn(process.execPath, [main, "serve", ...options, "--log-level", "warn"], {
    cwd: join(import.meta.dirname, "../.."),
    env: { ...withoutSettings(process.env), ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const address = await addressOf(child);
  const client = CairnClient.connect({ address });
  const end = async (signal: NodeJS.Signals) => {
    client.close();
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    await once(child, "exit");
  };
  return { address, client, kill: () => end("SIGKILL"), stop: () => end("SIGTERM") };
}

/** The caller's own settings, such as CAIRN_MONGODB, are for the caller's own server. */
function withoutSettings(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith("CAIRN_")));
}

async function addressOf(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error("the server has no stdout");
  for await (const line of createInterface(child.stdout)) {
    const address = /^cairn listening on (\S+)$/.exec(line)?.[1];
    if (address === undefined) throw new Error(`the server said: ${line}`);
    child.stdout.resume();
    return address;
  }
  throw new Error("the server did not start");
}
