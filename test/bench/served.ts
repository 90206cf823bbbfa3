// The servers that are measured, each a process of its own.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CairnClient } from "../../clients/typescript/src/index.ts";
import { startCairn } from "../support/cairn-process.ts";
import { graphs } from "./steps.ts";

/** A server, and what is needed to put load on it. */
export interface Served {
  address: string;
  serverPid: number;
  client: CairnClient;
  /** Where its embedded store is, if it has one. */
  folder: string;
  /** `look` sees what it leaves in its folder. */
  stop(look?: () => void): Promise<void>;
}

/** A `cairn serve` with a store of its own, or on a MongoDB. */
export async function serveCairn(mongodb?: string, more: string[] = []): Promise<Served> {
  const folder = mkdtempSync(join(tmpdir(), "cairn-bench-"));
  const store = mongodb === undefined ? ["--store", folder] : ["--mongodb", mongodb];
  const nodes = ["--nodes", join(graphs, "nodes.ts")];
  const cairn = await startCairn([...store, ...nodes, "--listen", "127.0.0.1:0", "--log-level", "error", ...more]);
  const { address } = cairn;
  const client = CairnClient.connect({ address });
  return {
    address,
    serverPid: cairn.process.pid as number,
    client,
    folder,
    async stop(look) {
      client.close();
      await cairn.stop();
      look?.();
      rmSync(folder, { recursive: true });
    },
  };
}

export async function serveEcho(): Promise<{ address: string; serverPid: number; stop(): void }> {
  const server = spawn(process.execPath, [join(import.meta.dirname, "echo-server.ts")], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const address = await firstLine(server);
  return { address, serverPid: server.pid as number, stop: () => void server.kill() };
}

/** The first line that a process writes. */
export async function firstLine({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new Error("its output is not a pipe");
  const [line] = await once(stdout.setEncoding("utf8"), "data");
  return String(line).trim();
}

/** Memory of a process that is in RAM, in MB. */
export function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1000;
}
