/** The scenes with the word count: a server that dies in the middle of a superstep, and what is left of the work. */

import { existsSync, readFileSync } from "node:fs";
import type { CairnClient, ThreadEvent } from "../../clients/typescript/src/index.ts";
import { aligned } from "../../src/commands/style.ts";
import type { DemoServer } from "./server.ts";
import { command, expect, say, scene, show, Unexpected } from "./stage.ts";

const id = "count-1";
const texts = 6;

/** How far a reader of the event log had come when the server died. */
export interface Bookmark {
  lastNumber: bigint;
  seen: string[];
}

/** Starts the word count and kills the server when half of its tasks have finished. */
export async function dieHalfWay({ client, kill }: DemoServer): Promise<Bookmark> {
  scene("Six texts are counted, and the server dies half-way");
  say("The graph word-count sends each file to a task of its own; all six run in one superstep.");
  const thread = client.thread(id);
  await thread.ensure();
  command(`cairn run ${id} --graph word-count --input '{"folder": "texts"}'`);
  command(`cairn watch ${id} --after 0`);
  // This call dies with the server.
  thread.run({ folder: "texts" }, { graph: "word-count" }).catch(() => {});
  const bookmark: Bookmark = { lastNumber: 0n, seen: [] };
  let finished = 0;
  for await (const event of thread.events({ after: 0 })) {
    if (event.ephemeral) continue;
    bookmark.lastNumber = event.number;
    bookmark.seen.push(placeOf(event));
    const count = countOf(event);
    if (count === undefined) continue;
    finished++;
    show(`event ${event.number}: ${count.file} has ${count.words} words`);
    if (finished === texts / 2) break;
  }
  command("kill -9 SERVER");
  await kill();
  say("The server is gone, in the middle of a superstep: some tasks had finished, the others were at work.");
  return bookmark;
}

/** Runs on with another server on the same folder, and shows what ran again and what did not. */
export async function goOn(client: CairnClient, { lastNumber, seen }: Bookmark, logFile: string): Promise<void> {
  scene("The same folder, a new server");
  const thread = client.thread(id);
  command(`cairn state ${id}`);
  const { tasks } = await thread.state();
  const saved = tasks.filter((task) => task.finished).length;
  show(`${saved} of ${tasks.length} tasks are finished, ${tasks.length - saved} are to run`);
  if (saved < texts / 2 || saved === texts) {
    throw new Unexpected(`finished tasks after the crash: expected 3 to 5 of 6, got ${saved}`);
  }
  say("The run goes on from there. A reader goes on too: after the last event that it saw.");
  command(`cairn run ${id}`);
  command(`cairn watch ${id} --after ${lastNumber} --until-stop`);
  const later = collect(client, { after: lastNumber, untilStop: true });
  const outcome = await thread.run();
  expect("the count is done", outcome.status, "done");
  const rest = await later;
  for (const event of rest) if (countOf(event)) show(`event ${event.number}: ${countOf(event)?.file}`);
  const all = await collect(client, { after: 0, untilNow: true });
  expect(
    "the two halves are the whole log, without a gap or a repeat",
    [...seen, ...rest.map(placeOf)],
    all.map(placeOf),
  );

  const before = all.slice(
    0,
    all.findLastIndex(({ type }) => type === "run_started"),
  );
  const kept = before.flatMap((event) => countOf(event)?.file ?? []);
  expect("tasks with a saved result", kept.length, saved);
  say("The nodes keep a log of their own. It says what really ran:");
  const runs = runsOf(logFile);
  const rows = [...runs].sort().map(([file, { begun, ended }]) => {
    const why = kept.includes(file) ? "saved before the crash" : "cut off by the crash, run again";
    return [file, `begun ${begun}`, `ended ${ended}`, why];
  });
  show(aligned(rows));
  for (const file of kept) expect(`${file} was counted once`, runs.get(file), { begun: 1, ended: 1 });
  const counts = outcome.state.values.counts as { file: string; words: number }[];
  expect("every file is in the result once", new Set(counts.map(({ file }) => file)).size, counts.length);
  expect("and there are six", counts.length, texts);
  const sum = counts.reduce((words, count) => words + count.words, 0);
  expect(`the total is ${sum} words`, outcome.state.values.total, sum);
}

async function collect(
  client: CairnClient,
  options: { after: number | bigint; untilStop?: boolean; untilNow?: boolean },
): Promise<ThreadEvent[]> {
  const events: ThreadEvent[] = [];
  for await (const event of client.thread(id).events(options)) if (!event.ephemeral) events.push(event);
  return events;
}

/** What tells an event from every other of its thread. */
function placeOf({ number, type }: ThreadEvent): string {
  return `${number} ${type}`;
}

/** The result of a task of the node `count`. */
function countOf(event: ThreadEvent): { file: string; words: number } | undefined {
  if (event.type !== "task_finished" || event.node !== "count") return undefined;
  const update = event.updates.find(({ channel }) => channel === "counts");
  return (update?.value as { file: string; words: number }[] | undefined)?.[0];
}

/** How often each file was begun and ended, by the log that the nodes wrote. */
function runsOf(logFile: string): Map<string, { begun: number; ended: number }> {
  const runs = new Map<string, { begun: number; ended: number }>();
  const lines = existsSync(logFile) ? readFileSync(logFile, "utf8").trimEnd().split("\n") : [];
  for (const line of lines) {
    const [what, , file = ""] = line.split(" ");
    const run = runs.get(file) ?? { begun: 0, ended: 0 };
    if (what === "begin") run.begun++;
    else run.ended++;
    runs.set(file, run);
  }
  return runs;
}
