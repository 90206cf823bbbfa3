import { execFileSync } from "node:child_process";
import { join } from "node:path";

const venv = join(import.meta.dirname, "../../scripts/python-venv.mjs");

/** The Python that has what the Python client's tests ask for. Makes its environment when it is not there yet. */
export function pythonPath(): string {
  return execFileSync(process.execPath, [venv], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] }).trim();
}
