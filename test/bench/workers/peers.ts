// The program of each language that is measured, built with optimization into .cache.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pythonEnv, pythonPath } from "../../support/python.ts";

const cache = join(import.meta.dirname, "../../../.cache");

/** The command of each language's program. */
export type Peers = Record<"typescript" | "python" | "rust" | "cpp", string[]>;

export function buildPeers(): Peers {
  const at = (name: string): string => join(import.meta.dirname, name);
  const target = join(cache, "bench-peer");
  const manifest = ["--manifest-path", at("Cargo.toml"), "--target-dir", target];
  execFileSync("cargo", ["build", "--release", "--locked", "--quiet", ...manifest], { stdio: "inherit" });
  const cpp = join(cache, "bench-cpp");
  const quiet = ["--log-level=WARNING", "-DCMAKE_BUILD_TYPE=Release"];
  execFileSync("cmake", ["-S", import.meta.dirname, "-B", cpp, ...quiet], { stdio: ["ignore", "ignore", "inherit"] });
  execFileSync("cmake", ["--build", cpp, "--parallel", "2", "--target", "peer"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  return {
    typescript: [process.execPath, at("peer.ts")],
    python: [pythonPath(), at("peer.py")],
    rust: [join(target, "release/peer")],
    cpp: [join(cpp, "peer")],
  };
}

/** Starts a program and waits until something is there because of it. Gives what ends it. */
export async function startPeer(command: string[], args: string[], isThere: () => boolean | Promise<boolean>) {
  const [program = "", ...first] = command;
  const child = spawn(program, [...first, ...args], { env: pythonEnv, stdio: ["ignore", "inherit", "inherit"] });
  // A measurement that fails leaves nobody behind.
  const kill = (): void => void child.kill();
  process.once("exit", kill);
  child.once("exit", () => process.off("exit", kill));
  while (!(await isThere())) {
    if (child.exitCode !== null) throw new Error(`${program} ended with ${child.exitCode}`);
    await sleep(20);
  }
  return { pid: child.pid as number, stop: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, "exit");
  child.kill();
  await ended;
}
