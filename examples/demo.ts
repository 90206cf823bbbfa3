/**
 * Shows what Cairn does, against a real server: steps, a question to a person, a `kill -9`, the recovery, the event
 * log, the history, a fork. Checks what it says; exits with 1 and one line when something is not so.
 */

import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CairnClient } from "../clients/typescript/src/index.ts";

// grpc-js writes lines of its own about connections that the demo breaks on purpose. It reads this when it is loaded.
process.env.GRPC_VERBOSITY ??= "NONE";
const { dieHalfWay, goOn } = await import("./demo/crash.ts");
const { runDemo } = await import("./demo/run-demo.ts");
const { nodesFile, serve } = await import("./demo/server.ts");
const { command, expect, say, scene, show } = await import("./demo/stage.ts");
const { answer, otherAnswer, untilItAsks } = await import("./demo/ticket.ts");

const graphs = ["triage", "word-count", "revise"];
let folder = "";
let server: Awaited<ReturnType<typeof serve>> | undefined;

async function start(): Promise<CairnClient> {
  command(`cairn serve --store STORE --nodes ${nodesFile}`);
  server = await serve(folder, {
    env: { WORD_COUNT_LOG: join(folder, "nodes.log"), WORD_COUNT_WORDS_PER_SECOND: "50" },
  });
  show(`cairn listening on ${server.address}`);
  return server.client;
}

async function demo(): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), "cairn-demo-"));
  say("Each step says what it does and the command that does the same. `cairn` stands for `npm run -s cairn --`.");

  scene("A server, and the graphs of the examples");
  let client = await start();
  command("cairn graph register examples/*/graph.yaml");
  for (const name of graphs) {
    const file = join(import.meta.dirname, name, "graph.yaml");
    const graph = await client.graphs.register(readFileSync(file, "utf8"));
    show(`registered ${graph.name}, revision ${graph.revision}, ${graph.hash.slice(0, 12)}`);
  }

  const askedAt = await untilItAsks(client);
  const bookmark = await dieHalfWay(server as Awaited<ReturnType<typeof serve>>);
  client = await start();
  await goOn(client, bookmark, join(folder, "nodes.log"));
  const approved = await answer(client, askedAt);
  await otherAnswer(client, askedAt, approved);

  scene("A loop with a guard");
  const required = ["Who is affected", "What we do", "When we tell more"];
  const input = { topic: "checkout is slow", required };
  command(`cairn run notice-1 --graph revise --input '${JSON.stringify(input)}'`);
  const { state } = await client.thread("notice-1").run(input, { graph: "revise" });
  show(String(state.values.draft));
  expect("it stopped when nothing was missing", state.values.verdict, "good enough after 4 attempts");
}

await runDemo({
  play: demo,
  async cleanUp() {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  },
  async abort() {
    await server?.kill();
    if (folder !== "") rmSync(folder, { recursive: true, force: true });
  },
  // The person's pause is within it.
  patienceMs: 110_000,
  done: "Done: everything was checked, the server is stopped, its folder is removed.",
});
