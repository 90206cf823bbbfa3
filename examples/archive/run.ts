// Makes an archive of a folder: starts a server and the four workers, runs the graph, and asks before anything is published.
// Usage: run.ts [FOLDER [QUERY [OUT]]]. `make demo-languages` has built the programs.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { aligned } from "../../src/commands/style.ts";
import { askYesOrNo } from "../demo/person.ts";
import { serve } from "../demo/server.ts";
import { archive, endProgram, languages, missingPrograms, startProgram } from "../programs.ts";

const { positionals } = parseArgs({ allowPositionals: true });
const [folder = join(import.meta.dirname, "../../docs"), query = "checkpoint of a worker", out = "archive"] =
  positionals;

const missing = missingPrograms(archive);
if (missing.length > 0) {
  process.stderr.write(`not built (make demo-languages builds): ${missing.join(", ")}\n`);
  process.exit(1);
}
const store = mkdtempSync(join(tmpdir(), "cairn-archive-"));
const server = await serve(store, {});
const { client } = server;
const workers = languages.map((language) => startProgram(archive, language, [server.address, "default"]));
try {
  await client.graphs.register(readFileSync(join(import.meta.dirname, "graph.yaml"), "utf8"));
  const thread = client.thread("archive-1");
  const input = { folder: resolve(folder), query, out: resolve(out) };
  const { interrupts, state } = await thread.run(input, { graph: "archive" });
  const ranking = state.values.ranking as unknown as { file: string; score: number }[];
  process.stdout.write(`${aligned(ranking.map(({ file, score }) => [score.toFixed(2), file]))}\n`);
  process.stdout.write(`${JSON.stringify(interrupts[0]?.value)}\n`);
  const end = await thread.resume(await askYesOrNo("Publish?"));
  process.stdout.write(`${end.state.values.page ?? "nothing was published, and nothing is left"}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
} finally {
  await Promise.all(workers.map((worker) => endProgram(worker, "SIGTERM")));
  await server.stop();
  rmSync(store, { recursive: true, force: true });
}
