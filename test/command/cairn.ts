// The `cairn` command as a process, and a server of its own for a test.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";

const main = join(import.meta.dirname, "../../src/main.ts");

export interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

export interface CairnOptions {
  stdin?: string;
  env?: Record<string, string>;
}

/** Starts the command. Colours and the caller's own settings are out of the way. */
export function start(args: string[], { stdin, env }: CairnOptions = {}): ChildProcess {
  const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(CAIRN|NODE|VITEST)/.test(name)));
  const child = spawn(process.execPath, [main, ...args], { env: { ...clean, ...env }, stdio: "pipe" });
  child.stdin?.on("error", () => {});
  child.stdin?.end(stdin);
  return child;
}

/** Runs the command to its end. */
export async function cairn(args: string[], options?: CairnOptions): Promise<Result> {
  return ended(start(args, options));
}

/** Waits for the end of a process, and gives what it wrote. */
export async function ended(child: ChildProcess): Promise<Result> {
  if (!child.stdout || !child.stderr) throw new Error("the process was not started by start()");
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { code, stdout, stderr };
}

export interface ServerProcess {
  address: string;
  folder: string;
  /** Runs the command against this server. */
  cairn(args: string[], options?: CairnOptions): Promise<Result>;
  /** Starts the command against this server. */
  start(args: string[], options?: CairnOptions): ChildProcess;
  /** Sends a signal and gives the exit code. Keeps the folder. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Stops it if need be and removes its folder. */
  remove(): Promise<void>;
}

/** `cairn serve` on a free port and a folder of its own, or a given one. */
export async function serve(
  args: string[] = [],
  folder = mkdtempSync(join(tmpdir(), "cairn-command-")),
  listen = "127.0.0.1:0",
): Promise<ServerProcess> {
  const child = start(["serve", "--listen", listen, "--store", folder, "--log-level", "warn", ...args]);
  let complaint = "";
  child.stderr?.on("data", (chunk) => {
    complaint += chunk;
  });
  const address = await firstLine(child, () => complaint);
  const withServer = (options: CairnOptions = {}) => ({ ...options, env: { CAIRN_SERVER: address, ...options.env } });
  const stop = async (signal: NodeJS.Signals = "SIGTERM") => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await once(child, "exit");
    }
    return child.exitCode;
  };
  return {
    address,
    folder,
    cairn: (commandArgs, options) => cairn(commandArgs, withServer(options)),
    start: (commandArgs, options) => start(commandArgs, withServer(options)),
    stop,
    remove: async () => {
      await stop("SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function firstLine(child: ChildProcess, complaint: () => string): Promise<string> {
  if (!child.stdout) throw new Error("no stdout");
  for await (const line of createInterface(child.stdout)) {
    const address = /^cairn listening on (\S+)$/.exec(line)?.[1];
    if (address === undefined) throw new Error(`unexpected first line: ${line}`);
    child.stdout.resume();
    return address;
  }
  throw new Error(`cairn serve ended: ${complaint()}`);
}
