// Runs every suite of every language and adds up their counts. The last line is `N passed, N failed`.
// Usage: node test/run-all.mjs [suite …]   (plain JavaScript, so that any Node from 20 on can start it)
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { delimiter, dirname, join, relative } from "node:path";
import { buildsOf, runBuild } from "../scripts/builds.mjs";
import { venvPython } from "../scripts/python-venv.mjs";

/** How long a suite may take: one that hangs is ended and counts as failed, and the others still get their turn. */
const SUITE_MS_MAX = process.env.CAIRN_SOAK === undefined ? 45 * 60_000 : undefined;

const root = dirname(import.meta.dirname);
const reports = join(root, ".cache/reports");

// Tests start hundreds of servers, and a start is mostly the compiling of what was compiled before.
process.env.NODE_COMPILE_CACHE ??= join(root, ".cache/compiled");

/** Each suite runs and tells its counts. A suite that ends badly without a failed test counts as one failure. */
const suites = {
  check: async () => {
    const ok = await run("npm", ["run", "-s", "check"]);
    return { ok, passed: Number(ok), failed: 0 };
  },

  vitest: () => vitest("vitest.json"),

  python: async () => {
    const python = venvPython();
    if (!python) return { ok: false, passed: 0, failed: 0 };
    const report = freshReport("python.xml");
    const pytest = ["-m", "pytest", "-q", "-p", "no:cacheprovider", `--junitxml=${report}`, "clients/python"];
    const ok = await run(python, pytest);
    return { ok, ...junit(report) };
  },

  rust: async () => {
    const checks = await builds.rust();
    const tests = await readRun("cargo", ["test", "--locked", "--all-features", "--no-fail-fast"], "clients/rust");
    const count = (what) => {
      const results = tests.output.matchAll(new RegExp(`^test result: .* (\\d+) ${what};`, "gm"));
      return [...results].reduce((sum, [, counted]) => sum + Number(counted), 0);
    };
    const names = [...tests.output.matchAll(/^test (\S+) \.\.\. FAILED$/gm)].map(([, name]) => `clients/rust: ${name}`);
    const broken = checks.filter(({ ok }) => !ok).length;
    const ok = tests.ok && broken === 0;
    return { ok, passed: count("passed") + checks.length - broken, failed: count("failed") + broken, names };
  },

  cpp: async () => {
    const checks = await builds.cpp();
    if (checks.some(({ ok }) => !ok)) return { ok: false, passed: 0, failed: 0 };
    const report = freshReport("cpp.xml");
    const folder = join(root, ".cache/cpp");
    const env = { CAIRN_EXAMPLES: join(folder, "examples") };
    const ok = await run(join(folder, "build/test/cairn_tests"), ["--reporters=xml", `--out=${report}`], env);
    return { ok, ...doctest(report) };
  },

  /** programs of all the languages: the suites above have built them. */
  languages: () => vitest("languages.json", ["test/languages"], { CAIRN_LANGUAGES: "1" }),

  mutants: async () => {
    const ok = await run("npm", ["run", "-s", "mutants"]);
    return { ok, passed: Number(ok), failed: 0 };
  },
};

/** Tests of the tests, which take long, are for `make soak` alone. */
const usual = Object.keys(suites).filter((name) => name !== "mutants");

const isFailed = ({ status }) => status === "failed";

/** Runs vitest, on all of its files or those that filters choose. */
async function vitest(name, filters = [], env = {}) {
  const report = freshReport(name);
  const ok = await run(
    "vitest",
    ["run", ...filters, "--reporter=default", "--reporter=json", `--outputFile.json=${report}`],
    env,
  );
  if (!existsSync(report)) return { ok: false, passed: 0, failed: 0 };
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(report));
  const broken = testResults.filter((file) => file.status === "failed" && !file.assertionResults.some(isFailed));
  const tests = testResults.flatMap((file) => file.assertionResults.filter(isFailed).map((test) => [file, test]));
  const names = [
    ...tests.map(([file, { fullName, failureMessages }]) => named(file, fullName, failureMessages[0])),
    ...broken.map((file) => named(file, "could not run", file.message)),
  ];
  return { ok, passed: numPassedTests, failed: numFailedTests + broken.length, names };
}

/** A failed test, with the first line of why. */
function named({ name: file }, test, message = "") {
  return `${relative(root, file)}: ${test}: ${message.split("\n")[0]}`;
}

/** Streams the output of a command; true if it ended well. */
function run(program, args, more = {}) {
  const path = [join(root, "node_modules/.bin"), process.env.PATH].join(delimiter);
  return new Promise((resolve) => {
    spawn(program, args, {
      cwd: root,
      stdio: "inherit",
      timeout: SUITE_MS_MAX,
      killSignal: "SIGKILL",
      env: { ...process.env, ...more, PATH: path },
    })
      .once("error", (error) => {
        console.error(error.message);
        resolve(false);
      })
      .once("exit", (code, signal) => {
        if (signal) console.error(`${program} was ended by ${signal}`);
        resolve(code === 0);
      });
  });
}

/** Runs a command in a folder of the project, streams its output and gives what it wrote to stdout. */
function readRun(program, args, folder) {
  return new Promise((resolve) => {
    let output = "";
    const started = spawn(program, args, {
      cwd: join(root, folder),
      stdio: ["ignore", "pipe", "inherit"],
      timeout: SUITE_MS_MAX,
      killSignal: "SIGKILL",
    });
    started.stdout.setEncoding("utf8").on("data", (text) => {
      output += text;
      process.stdout.write(text);
    });
    started.once("error", (error) => {
      console.error(error.message);
      resolve({ ok: false, output });
    });
    started.once("close", (code) => resolve({ ok: code === 0, output }));
  });
}

function freshReport(name) {
  const file = join(reports, name);
  mkdirSync(reports, { recursive: true });
  rmSync(file, { force: true });
  return file;
}

/** The counts of a JUnit report. */
function junit(file) {
  if (!existsSync(file)) return { passed: 0, failed: 0 };
  const [head = ""] = readFileSync(file, "utf8").match(/<testsuite [^>]*>/) ?? [];
  const count = (name) => Number(head.match(new RegExp(` ${name}="(\\d+)"`))?.[1] ?? 0);
  const failed = count("failures") + count("errors");
  return { passed: count("tests") - failed - count("skipped"), failed };
}

/** The counts of doctest's report: of test cases, as those of its JUnit report are of assertions. */
function doctest(file) {
  if (!existsSync(file)) return { passed: 0, failed: 0 };
  const cases = readFileSync(file, "utf8").split("<TestCase ").slice(1);
  // A case in which the process ended has no result.
  const failed = cases.filter((text) => !text.includes('test_case_success="true"'));
  const why = (text) => text.match(/<(?:Original|Exception[^>]*)>\s*([^<]*)/)?.[1] ?? "ended the process";
  const names = failed.map((text) => `clients/cpp: ${text.match(/name="([^"]*)"/)?.[1]}: ${why(text).trim()}`);
  return { passed: cases.length - failed.length, failed: failed.length, names };
}

const wanted = process.argv.length > 2 ? process.argv.slice(2) : usual;
let lastBuild = Promise.resolve();
/** By suite: waits for what is built for it, and says what went wrong. */
const builds = {};
for (const [name, build] of Object.entries(buildsOf(root))) {
  if (!wanted.includes(name)) continue;
  const results = lastBuild.then(() => runBuild(build, name === "cpp"));
  lastBuild = results;
  builds[name] = async () => {
    for (const { ok, command, output } of await results) if (!ok) console.error(`${command}\n${output}`);
    return results;
  };
}
const total = { passed: 0, failed: 0 };
const lines = [];
for (const name of wanted) {
  if (!suites[name]) throw new Error(`no suite ${name}; there are: ${Object.keys(suites).join(", ")}`);
  console.log(`\n== ${name}`);
  const { ok, passed, failed: counted, names = [] } = await suites[name]();
  // An end that the counts don't explain (a crash, an import that fails, nothing found to run) must not pass.
  const failed = counted === 0 && (!ok || passed === 0) ? 1 : counted;
  lines.push(...names, `${name}: ${passed} passed, ${failed} failed`);
  total.passed += passed;
  total.failed += failed;
}
console.log(`\n${lines.join("\n")}\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed > 0 || total.passed === 0 ? 1 : 0;
