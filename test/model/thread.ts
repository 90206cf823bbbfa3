// A thread of the model: what each call of a script does to it, in the form in which cases expect it.
import type { Call, CaseGraph, Expected, Snapshot } from "../parity/case.ts";
import { key } from "../parity/play-case.ts";
import { tracked, type Values, valuesAfter } from "./channels.ts";
import { type Checkpoint, GraphModel, type Stop } from "./model.ts";
import type { Task, World } from "./world.ts";

/** What a call must do. Of several errors any may be told; none: the call succeeds. */
export interface Prediction {
  errors: string[];
  /** Undefined where it depends on which task was quicker: then nothing that follows is settled. */
  settled: Required<Pick<Expected, "ran" | "state" | "history">> | undefined;
}

const recursionLimitDefault = 25;

export class ThreadModel {
  readonly seen = new Set<string>();
  readonly #world: World;
  readonly #graph: GraphModel;

  constructor(spec: CaseGraph, sizeMax = Number.POSITIVE_INFINITY) {
    this.#world = {
      ran: new Map(),
      failures: new Map(),
      failing: new Map(),
      seen: this.seen,
      unsettled: false,
      sizeMax,
    };
    this.#graph = new GraphModel(spec, this.#world);
  }

  /** The questions that wait for an answer. */
  get questions(): unknown[] {
    return waiting(this.#graph).map(({ question }) => question?.value);
  }

  get isDone(): boolean {
    return this.#graph.tasks.length === 0;
  }

  call({ invoke, resume, recursion_limit: limit = recursionLimitDefault }: Call): Prediction {
    this.#world.ran.clear();
    const graph = this.#graph;
    graph.settle();
    const lastStep = graph.lastStep(limit);
    if (invoke !== undefined) graph.begin(new Map(Object.entries(invoke)));
    else {
      const refusal = resume && this.#answer(resume);
      if (refusal !== undefined) {
        this.seen.add(refusal);
        return { errors: [refusal], settled: this.#standing() };
      }
      graph.pass();
    }
    const isIdle = invoke === undefined && graph.tasks.length === 0;
    const stop: Stop = isIdle ? { status: "done" } : graph.run(lastStep, limit);
    const errors = stop.status === "failed" ? [...stop.errors] : [];
    for (const what of [stop.status, ...errors]) this.seen.add(what);
    return { errors, settled: this.#world.unsettled ? undefined : this.#standing() };
  }

  /** Gives the answers to those who wait. Gives the reason of the error, if they can't be given. */
  #answer(resume: NonNullable<Call["resume"]>): string | undefined {
    const open = waiting(this.#graph);
    if (open.length === 0) return "NOTHING_TO_RESUME";
    if ("value" in resume) {
      const [only] = open;
      if (only === undefined || open.length > 1) return "AMBIGUOUS_RESUME";
      give(only, resume.value);
      return undefined;
    }
    // Of several who ask the same, the last is found.
    const asker = (question: unknown) => open.findLast((task) => key(task.question?.value) === key(question));
    if (resume.by_value.some(([question]) => asker(question) === undefined)) return "INTERRUPT_NOT_FOUND";
    for (const [question, answer] of resume.by_value) give(asker(question) as Task, answer);
    if (open.length > resume.by_value.length) this.seen.add("some questions are answered");
    return undefined;
  }

  #standing(): NonNullable<Prediction["settled"]> {
    const graph = this.#graph;
    const { channels } = graph.spec;
    const done = graph.finished();
    // As it is now, results that wait for their siblings included.
    const kept = done
      .flatMap(({ result }) => result?.writes ?? [])
      .filter(({ channel }) => channels[channel] !== "untracked");
    const held = tracked(channels, graph.values);
    // LangGraph's rule: such a look shows nothing of channels that last for one superstep, not even what was just written.
    const values = done.length === 0 ? held : valuesAfter(channels, valuesAfter(channels, held, kept), []);
    const next = graph.tasks.filter(({ result }) => result === undefined).map(({ node }) => node);
    const head = graph.history[0] as Checkpoint;
    const interrupts = this.questions.sort((a, b) => (key(a) < key(b) ? -1 : 1));
    const failed = graph.tasks.filter(({ hasFailed }) => hasFailed).map(({ node }) => node);
    const counts = [...this.#world.ran].sort(([a], [b]) => (a < b ? -1 : 1));
    return {
      ran: Object.fromEntries(counts),
      state: { ...snapshot({ ...head, values, next }), interrupts, failed: failed.sort() },
      history: graph.history.map(snapshot),
    };
  }
}

function snapshot({ step, source, values, next }: Checkpoint): Snapshot {
  return { step, source, values: Object.fromEntries(values as Values), next: [...next].sort() };
}

/** Tasks whose question has no answer, or one with which they failed; those of subgraphs as well. */
function waiting({ tasks }: GraphModel): Task[] {
  return tasks.flatMap((task) => {
    const { question, answers, result, hasFailed, child } = task;
    const isOpen = question !== undefined && !result && (question.index >= answers.length || hasFailed);
    return [...(isOpen ? [task] : []), ...(child === undefined ? [] : waiting(child))];
  });
}

/** A second answer takes the place of the first. */
function give(task: Task, answer: unknown): void {
  task.answers = [...task.answers.slice(0, task.question?.index), answer];
}
