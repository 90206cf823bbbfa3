import { expect, test } from "vitest";
import { cairn } from "./cairn.ts";

const commands =
  "serve status workers run step resume watch wait cancel runs threads state history show update fork copy prune ttl delete graph".split(
    " ",
  );

test("--help teaches: what there is, examples, exit codes", async () => {
  const { code, stdout } = await cairn(["--help"]);
  expect(code).toBe(0);
  for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command} `, "m"));
  expect(stdout).toContain("Exit codes:");
});

test("every command's --help has an example", async () => {
  const helps = await Promise.all(commands.map((command) => cairn([command, "--help"])));
  for (const [i, { code, stdout }] of helps.entries()) {
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n  \\$ .*cairn ${commands[i]}`));
  }
});

test.each([
  [["bogus"], "unknown command 'bogus'"],
  [["run"], "missing required argument 'thread'"],
  [["run", "t", "--input", "{"], "--input is not JSON"],
  [["run", "t", "--input", "[1]"], "--input must be a JSON object"],
  [["run", "t", "--input", "@/nonexistent"], "can't read /nonexistent: there is no such file"],
  [["resume", "t"], "give --answer JSON"],
  [["watch", "t", "--modes", "value"], '"value" is none of values'],
  [["watch", "t", "--after", "x"], "Expected an event's number"],
  [["status", "--timeout", "soon"], "Expected a time"],
  [["threads", "--meta", "user"], "Expected key=value"],
  [["prune", "t"], "required option '--keep <count>' not specified"],
  [["prune", "t", "--keep", "0"], "Expected a whole number from 1"],
  [["ttl", "t", "soon"], "Expected a time"],
  [["status", "--cert", "x"], "--cert and --key come together"],
])("%j is a mistake of the command line: exit code 2", async (args, message) => {
  const { code, stdout, stderr } = await cairn(args);
  expect([code, stdout]).toEqual([2, ""]);
  expect(stderr).toContain(message);
  expect(stderr).not.toMatch(/^\s+at /m);
});
