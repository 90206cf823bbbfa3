// What a worker in each language does when it is gone for too long, and when another process has its name.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CairnClient } from "../../../clients/typescript/src/index.ts";
import {
  endProgram,
  type Language,
  languages,
  missingPrograms,
  relay,
  startProgram,
} from "../../../examples/programs.ts";
import { Gates, type Mark } from "../../../examples/relay/gates.ts";
import { Bench, until } from "../../runs/support/bench.ts";
import { Hand } from "../../workers/support/hand.ts";

const nodes: Record<Language, string> = { python: "extract", rust: "score", cpp: "hash", typescript: "count" };
const input = { text: "one two", words: ["one", "two"] };

let bench: Bench;
beforeAll(async () => {
  expect(missingPrograms(relay), "make demo-languages builds them").toEqual([]);
  bench = await Bench.start("embedded", { taskLease: 3 });
});
afterAll(() => bench.end());

/** A language's part of the relay in a space of its own: tests of the languages run at the same time. */
class Place {
  readonly listen = bench.listen;
  readonly space: string;
  readonly node: string;
  readonly gates: Gates;
  readonly #language: Language;
  readonly #folder = mkdtempSync(join(tmpdir(), "cairn-losses-"));
  readonly #client: CairnClient;
  readonly #programs: ChildProcess[] = [];
  #threads = 0;

  constructor(test: string, language: Language) {
    this.space = `${test}-${language}`;
    this.node = nodes[language];
    this.gates = new Gates(this.#folder);
    this.#language = language;
    this.#client = CairnClient.connect({ address: bench.listen, space: this.space });
  }

  /** Runs the node in a thread of its own; gives the processes whose results the thread has. */
  async run(): Promise<number[]> {
    const channels = Object.fromEntries(
      ["text", "words", "letters", "score", "hash"].map((name) => [name, "last_value"]),
    );
    // C++'s node fails once on purpose.
    const retry = { maxAttempts: 3, initialInterval: "0.01s" };
    const graph = {
      name: "one",
      channels: { ...channels, marks: "append" },
      nodes: { [this.node]: { worker: {}, retry } },
      edges: [`START -> ${this.node}`],
    };
    await this.#client.graphs.register(JSON.stringify(graph));
    await this.#client.thread(`${++this.#threads}`).run(input, { graph: "one" });
    return this.results(this.#threads);
  }

  async results(thread: number): Promise<number[]> {
    const { values } = await this.#client.thread(`${thread}`).state();
    return (values.marks as unknown as Mark[]).map(({ pid }) => pid);
  }

  nameOf({ pid }: ChildProcess): string {
    return `${this.#language}-${pid}`;
  }

  /** The session of a worker that is connected. */
  async sessionOf(program: ChildProcess): Promise<string | undefined> {
    const { workers } = await this.#client.services.workers.listWorkers({});
    return workers.find(({ workerId, connected }) => connected && workerId === this.nameOf(program))?.sessionId;
  }

  /** Starts a process and waits until the server has let it in. */
  async start(): Promise<ChildProcess> {
    const program = startProgram(relay, this.#language, [this.listen, this.space, this.#folder]);
    this.#programs.push(program);
    await until("the worker is let in", async () => (await this.sessionOf(program)) !== undefined);
    return program;
  }

  async end(): Promise<void> {
    await Promise.all(this.#programs.map((program) => endProgram(program, "SIGKILL")));
    this.#client.close();
    rmSync(this.#folder, { recursive: true });
  }
}

/** The same test for each language, all at the same time: they mostly wait. */
function inEach(test: string, what: string, check: (place: Place) => Promise<void>): void {
  describe(what, () => {
    it.concurrent.each(languages)("in %s", async (language) => {
      const place = new Place(test, language);
      try {
        await check(place);
      } finally {
        await place.end();
      }
    });
  });
}

inEach("silent", "a worker that is silent for longer than its lease has lost its task", async (place) => {
  const { gates, node } = place;
  const first = await place.start();
  gates.close(node);
  const running = place.run();
  await until("the node has begun", () => gates.begun(node).includes(first.pid as number));
  first.kill("SIGSTOP");
  const second = await place.start();
  await until("the second has it", () => gates.begun(node).includes(second.pid as number));
  gates.open(node);
  expect(await running).toEqual([second.pid]);
  await endProgram(second, "SIGKILL");
  first.kill("SIGCONT");
  // It serves again, and what it was late with has changed nothing.
  expect(await place.run()).toEqual([first.pid]);
  expect(await place.results(1)).toEqual([second.pid]);
});

inEach("exists", "a worker whose name another has waits until that one's leases are over", async (place) => {
  const program = await place.start();
  const session = await place.sessionOf(program);
  program.kill("SIGSTOP");
  await until("it is not heard of any more", async () => (await place.sessionOf(program)) === undefined);
  const other = new Hand(place).hello({ workerId: place.nameOf(program), nodes: ["other"] });
  await other.hears("welcome");
  program.kill("SIGCONT");
  // It says nothing more: its lease runs out.
  expect(await other.ended).toMatchObject({ reason: "WORKER_SILENT" });
  expect(await place.run()).toEqual([program.pid]);
  expect(await place.sessionOf(program)).toBe(session);
  other.close();
});

inEach("replaced", "a worker whose session another process goes on with ends", async (place) => {
  const program = await place.start();
  const sessionId = await place.sessionOf(program);
  const ended = once(program, "exit");
  const other = new Hand(place).hello({ workerId: place.nameOf(program), sessionId, nodes: ["other"] });
  const [code] = await ended;
  expect(code).toBeGreaterThan(0);
  other.close();
});
