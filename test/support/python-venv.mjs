// The Python of a virtual environment that has what test/languages/python/requirements.txt asks for. As a program it
// prints its path. Plain JavaScript, as run-all.mjs is.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");
const requirements = join(root, "test/languages/python/requirements.txt");
const folder = join(root, ".cache/venv");

/** Makes it, or makes it anew when the requirements have changed. Undefined if that fails. */
export function venvPython() {
  const python = join(folder, "bin/python");
  const stamp = join(folder, "requirements.sha256");
  const wanted = createHash("sha256").update(readFileSync(requirements)).digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return python;
  const made =
    run("python3", ["-m", "venv", "--clear", folder]) &&
    run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]);
  if (!made) return undefined;
  writeFileSync(stamp, wanted);
  return python;
}

/** What it says goes to stderr: stdout is for the path. */
function run(program, args) {
  const { status, error } = spawnSync(program, args, { stdio: ["ignore", 2, 2] });
  if (error) console.error(error.message);
  return status === 0;
}

if (process.argv[1] === import.meta.filename) {
  const python = venvPython();
  if (python === undefined) process.exit(1);
  console.log(python);
}
