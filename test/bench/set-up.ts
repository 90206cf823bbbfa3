// Brings what the benchmark needs besides the project's own modules, once, into .cache: the load generator, built with
// cargo, and a Python with LangGraph.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const cache = join(import.meta.dirname, "../../.cache");

let generator: string | undefined;

/** Builds the load generator, once a process, and gives its path. */
export function buildGenerator(): string {
  generator ??= build();
  return generator;
}

function build(): string {
  const target = join(cache, "bench-load");
  const manifest = join(import.meta.dirname, "load/Cargo.toml");
  const args = ["build", "--release", "--locked", "--quiet", "--manifest-path", manifest, "--target-dir", target];
  execFileSync("cargo", args, { stdio: "inherit" });
  return join(target, "release/load");
}

/** Installs LangGraph and gives the path of the Python that has it. */
export function installPeers(): string {
  const folder = join(cache, "bench-venv");
  const python = join(folder, "bin/python");
  const file = join(import.meta.dirname, "requirements.txt");
  const stamp = join(folder, "installed.txt");
  const wanted = readFileSync(file, "utf8");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return python;
  execFileSync("python3", ["-m", "venv", "--clear", folder], { stdio: "inherit" });
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", file];
  execFileSync(python, pip, { stdio: "inherit" });
  writeFileSync(stamp, wanted);
  return python;
}
