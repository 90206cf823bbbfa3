// The demo as whoever reads the README runs it.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";

async function runDemo(env: Record<string, string> = {}) {
  const file = join(import.meta.dirname, "../../examples/demo.ts");
  const child = spawn(process.execPath, [file], { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { stdout, stderr, code };
}

describe("the demo", () => {
  test("tells its story, checks it, and ends well", { timeout: 120_000 }, async () => {
    const { stdout, stderr, code } = await runDemo();
    expect(stderr).toBe("");
    expect(code).toBe(0);
    for (const line of [
      /^ +ok the thread waits for a person$/m,
      /^ +ok the outage is paused before page_engineer$/m,
      /^ +\$ kill -9 SERVER$/m,
      /^ +\| [345] of 6 tasks are finished, [123] are to run$/m,
      /^ +ok the two halves are the whole log, without a gap or a repeat$/m,
      /^ +\| texts\/eagle\.txt +begun 1 +ended 1 +saved before the crash$/m,
      /^ +ok texts\/eagle\.txt was counted once$/m,
      /^ +ok the total is 1095 words$/m,
      /^ +ok the question is still open after the crash$/m,
      /^ +ok and the refund was sent$/m,
      /^ +ok a retry of the same request gets the first answer and runs nothing$/m,
      /^ +ok the fork went the other way$/m,
      /^ +ok two branches start from the checkpoint that asked$/m,
      /^ +ok it stopped when nothing was missing$/m,
    ]) {
      expect(stdout).toMatch(line);
    }
    expect(stdout.trimEnd().split("\n").at(-1)).toMatch(/^ +Done: everything was checked/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: there is no terminal, so there are to be no colours
    expect(stdout).not.toMatch(/\u001b/);
  });

  test("says in one line what is wrong, and fails", async () => {
    const { stderr, code } = await runDemo({ TMPDIR: join(import.meta.dirname, "no-such-folder") });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^demo failed: ENOENT[^\n]*\n$/);
  });
});
