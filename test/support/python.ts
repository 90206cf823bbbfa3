import { execFileSync } from "node:child_process";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
const venv = join(root, "scripts/python-venv.mjs");

/** What a Python program needs to import the client of this checkout. */
export const pythonEnv = { ...process.env, PYTHONPATH: join(root, "clients/python/src") };

/** The Python that has what the Python client's tests ask for. Makes its environment when it is not there yet. */
export function pythonPath(): string {
  return execFileSync(process.execPath, [venv], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
}
