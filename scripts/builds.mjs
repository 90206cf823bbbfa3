// What suites and demos of compiled languages need. For the suites it is built behind those before them, which mostly wait, and
// gives way to them.
import { spawn } from "node:child_process";
import { join } from "node:path";

const everything = ["--all-targets", "--all-features"];

/** The commands for each suite, each of them a check of its own; `folder` is where they run. */
export function buildsOf(root) {
  return {
    rust: {
      folder: join(root, "clients/rust"),
      commands: [
        ["cargo", "fmt", "--all", "--check"],
        ["cargo", "run", "--quiet", "--locked", "-p", "generate", "--", "--check"],
        ["cargo", "check", "--quiet", "--locked"],
        ["cargo", "clippy", "--quiet", "--locked", "--workspace", ...everything, "--", "--deny", "warnings"],
        ["cargo", "test", "--quiet", "--locked", "--all-features", "--no-run"],
      ],
    },
    cpp: cppBuild(root, { configure: ["-DCAIRN_BUILD_TESTS=ON"] }),
  };
}

/** What the examples in four languages need of it, in the same folders. */
export function examplesBuildOf(root) {
  return {
    rust: {
      folder: join(root, "clients/rust"),
      commands: [["cargo", "build", "--quiet", "--locked", "-p", "cairn-client", "--examples"]],
    },
    cpp: cppBuild(root, { target: ["--target", "cairn"] }),
  };
}

/** The client, with more options or only one target, and the examples against what is installed of it. */
function cppBuild(root, { configure = [], target = [] }) {
  const [build, prefix, examples] = ["build", "prefix", "examples"].map((name) => join(root, ".cache/cpp", name));
  return {
    folder: root,
    commands: [
      // Without optimization, which the tests don't need and takes half of the time.
      ["cmake", "-S", "clients/cpp", "-B", build, "-DCMAKE_BUILD_TYPE=", ...configure],
      ["cmake", "--build", build, "--parallel", "2", ...target],
      ["cmake", "--install", build, "--prefix", prefix],
      ["cmake", "-S", "clients/cpp/examples", "-B", examples, `-DCMAKE_PREFIX_PATH=${prefix}`],
      ["cmake", "--build", examples, "--parallel", "2"],
    ],
  };
}

/** Runs the commands of a build, one after the other, until the first that fails when `dependent`. Gives how each went. */
export async function runBuild({ folder, commands }, dependent) {
  const results = [];
  for (const command of commands) {
    const result = await runQuietly(command, folder);
    results.push({ command: command.join(" "), ...result });
    if (!result.ok && dependent) break;
  }
  return results;
}

/** Runs a command when nobody else wants the processor, and gives what it said instead of saying it in the midst of others. */
function runQuietly(command, folder) {
  return new Promise((resolve) => {
    let output = "";
    const child = spawn("nice", ["-n", "19", ...command], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => {
        output += text;
      });
    }
    child.once("error", (error) => resolve({ ok: false, output: error.message }));
    child.once("close", (code) => resolve({ ok: code === 0, output }));
  });
}
