import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** A real `cairn serve` process. */
export interface CairnProcess {
  address: string;
  readonly process: ChildProcess;
  /** What it has written to stderr so far. */
  stderr(): string;
  /** Sends a signal and waits until the process is gone. Gives its exit code, or the signal that ended it. */
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals | null>;
}

const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

/** Starts `cairn serve ARGS`, with options of Node's own if need be, and waits until it says that it listens. */
export async function startCairn(
  args: string[],
  { nodeArgs = [] }: { nodeArgs?: string[] } = {},
): Promise<CairnProcess> {
  const child = spawn(process.execPath, [...nodeArgs, main, "serve", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let [out, err] = ["", ""];
  child.stderr.on("data", (chunk) => {
    err += chunk;
  });
  const ended = once(child, "exit");
  const address = await new Promise<string>((done, fail) => {
    child.stdout.on("data", (chunk) => {
      out += chunk;
      const line = /^cairn listening on (\S+)$/m.exec(out);
      if (line !== null) done(line[1] as string);
    });
    child.once("exit", (code) => fail(new Error(`cairn serve ended with ${code} before it listened: ${err}`)));
  });
  return {
    address,
    process: child,
    stderr: () => err,
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      const [code, endedBy] = (await ended) as [number | null, NodeJS.Signals | null];
      return code ?? endedBy;
    },
  };
}
