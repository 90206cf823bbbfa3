// The Python of the virtual environment that has what the tests of the Python client ask for. As a program it prints its
// path. Plain JavaScript, as run-all.mjs is.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const root = dirname(import.meta.dirname);

const requirements = "clients/python/tests/requirements.txt";

/** There are wheels of NeoGraph for these, and building it takes a compiler and long. */
const pythons = ["python3.13", "python3.12", "python3.11", "python3.10", "python3"];

/** Makes it, or makes it anew when the requirements have changed. Undefined if that fails. */
export function venvPython() {
  const venv = join(root, ".cache/venv");
  const python = join(venv, "bin/python");
  const stamp = join(venv, "requirements.sha256");
  const wanted = createHash("sha256")
    .update(readFileSync(join(root, requirements)))
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return python;
  const made =
    pythons.some(
      (base) => succeeds(base, ["-c", "import venv, ensurepip"]) && run(base, ["-m", "venv", "--clear", venv]),
    ) &&
    run(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", join(root, requirements)]);
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

function succeeds(program, args) {
  return spawnSync(program, args, { stdio: "ignore" }).status === 0;
}

if (process.argv[1] === import.meta.filename) {
  const python = venvPython();
  if (python === undefined) process.exit(1);
  console.log(python);
}
