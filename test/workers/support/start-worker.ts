import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Bench } from "../../runs/support/bench.ts";

const program = fileURLToPath(new URL("./worker-process.ts", import.meta.url));

/** Starts a worker process for a bench and waits until its server, or another one, has let it in. */
export async function startWorker(bench: Bench, id: string, address = bench.listen): Promise<ChildProcess> {
  const args = [program, address, bench.space, bench.folder, id];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  await Promise.race([
    once(child.stdout as NodeJS.ReadableStream, "data"),
    once(child, "exit").then(([code]) => {
      throw new Error(`worker ${id} ended with ${code} before it was let in`);
    }),
  ]);
  return child;
}

/** Ends a worker, if it is still there. */
export async function endWorker(child: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}
