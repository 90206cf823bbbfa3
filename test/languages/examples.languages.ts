// The examples in four languages, as whoever reads about them runs them.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { crc32, gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { archive, endProgram, languages, startProgram } from "../../examples/programs.ts";
import { Bench } from "../runs/support/bench.ts";

const root = join(import.meta.dirname, "../..");

async function run(file: string, args: string[] = []) {
  const child = spawn(process.execPath, [join(root, file), ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  return { stdout, stderr, code };
}

describe("the demo of the languages", () => {
  it("tells its story, checks it, and ends well", { timeout: 180_000 }, async () => {
    const { stdout, stderr, code } = await run("examples/relay/demo.ts");
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    for (const line of [
      /^ +ok C\+\+ asks, and the thread waits$/m,
      /^ +ok each node ran in its own language's process$/m,
      /^ +ok the score is of the new process$/m,
      /^ +ok each ran once; hash, whose first attempt fails, twice$/m,
    ]) {
      expect(stdout).toMatch(line);
    }
    expect(stdout.trimEnd().split("\n").at(-1)).toMatch(/^ +Done: everything was checked/);
  });
});

describe("the archive", () => {
  const [documents, out] = ["documents", "out"].map((name) => mkdtempSync(join(tmpdir(), `cairn-${name}-`))) as [
    string,
    string,
  ];
  beforeAll(() => {
    for (const name of ["workers.md", "graphs.md"]) copyFileSync(join(root, "docs", name), join(documents, name));
    copyFileSync(join(root, "LICENSE"), join(documents, "licence.txt"));
    const mail = "Subject: News of <workers>\nContent-Type: text/html\n\n<p>A <b>lease</b><script>lease()</script></p>";
    writeFileSync(join(documents, "news.eml"), mail);
    writeFileSync(join(documents, "page.html"), "<title>Nothing</title><style>lease {}</style><p>Nothing here");
    writeFileSync(join(documents, "broken.txt"), Buffer.from([0xff, 0xfe, 0x00]));
    writeFileSync(join(documents, "photo.png"), "not to be read");
  });
  afterAll(() => {
    for (const folder of [documents, out]) rmSync(folder, { recursive: true, force: true });
  });

  it("packs, ranks and publishes a folder", { timeout: 60_000 }, async () => {
    const { stdout, stderr, code } = await run("examples/archive/run.ts", [documents, "the lease of a task", out]);
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    expect(stdout.split("\n")[0]).toMatch(/workers\.md$/);
    expect(stdout).toContain('"unread":[{"file":');
    const packed = readdirSync(out).filter((name) => name.endsWith(".gz"));
    expect(packed.sort()).toEqual(
      ["graphs.md", "licence.txt", "news.eml", "page.html", "workers.md"].map((f) => `${f}.gz`),
    );
    const page = readFileSync(join(out, "index.html"), "utf8");
    for (const name of packed) {
      const content = readFileSync(join(documents, name.slice(0, -3)));
      expect(gunzipSync(readFileSync(join(out, name))).equals(content)).toBe(true);
      const row = page.split("\n").find((line) => line.includes(`href="${name}"`));
      expect(row).toContain(`<td>${content.length}<td>`);
      expect(row?.endsWith(crc32(content).toString(16).padStart(8, "0"))).toBe(true);
    }
    expect(page).toContain("News of &lt;workers>");
    expect(page).toMatch(/Nothing<\/a><td>0\.00/);
  });

  it("leaves nothing behind when it is not to be published", { timeout: 60_000 }, async () => {
    rmSync(out, { recursive: true });
    const bench = await Bench.start("embedded");
    const workers = languages.map((language) => startProgram(archive, language, [bench.listen, bench.space]));
    try {
      await bench.client.graphs.register(readFileSync(join(root, "examples/archive/graph.yaml"), "utf8"));
      const thread = bench.thread();
      await thread.run({ folder: documents, query: "lease", out }, { graph: "archive" });
      expect(readdirSync(out)).toHaveLength(5);
      const { status, state } = await thread.resume(false);
      expect({ status, packed: state.values.packed }).toEqual({ status: "done", packed: [] });
      expect(readdirSync(out)).toEqual([]);
      expect(existsSync(join(out, "index.html"))).toBe(false);
    } finally {
      await Promise.all(workers.map((worker) => endProgram(worker, "SIGKILL")));
      await bench.end();
    }
  });
});
