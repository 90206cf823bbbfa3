/**
 * The rules of a superstep once more, as docs/graphs.md and docs/architecture.md tell them and as naive as can be: it
 * knows who is due and what was written in this superstep, and no versions, ids, saved writes or records.
 */
import type { CaseGraph, CaseNode, Op } from "../parity/case.ts";
import { isClash, isMisfit, isNoticed, startValues, tracked, type Values, valuesAfter } from "./channels.ts";
import { Flow } from "./flow.ts";
import { decide, playNode } from "./nodes.ts";
import { OfNoUse, START, type Task, taskOf, type World } from "./world.ts";

export interface Checkpoint {
  step: number;
  source: string;
  values: Values;
  next: string[];
}

/** How a run of a graph stopped. Of several errors any may be told. */
export type Stop = { status: "done" | "paused" | "interrupted" } | { status: "failed"; errors: Set<string> };

export class GraphModel {
  readonly spec: CaseGraph;
  values: Values;
  tasks: Task[] = [];
  readonly history: Checkpoint[] = [];
  /** Of a subgraph: what it gives back. */
  output: Values = new Map();
  readonly #world: World;
  readonly #prefix: string | undefined;
  readonly #flow: Flow;
  #step = -2;
  #input: Values = new Map();
  /** A run has gone on from here, so that breakpoints let it pass. */
  #passed = false;

  constructor(spec: CaseGraph, world: World, prefix?: string) {
    this.spec = spec;
    this.#world = world;
    this.#prefix = prefix;
    this.#flow = new Flow(spec);
    this.values = startValues(spec.channels);
  }

  /** A new turn. What was due is dropped, as if it had run and written nothing. */
  begin(input: Values): void {
    if (this.tasks.length > 0) {
      this.values = valuesAfter(this.spec.channels, this.values, []);
      this.#flow.drop(this.tasks.map(({ node, send }) => ({ node, isSend: send !== undefined })));
      this.#world.seen.add("an input drops what is due");
    }
    this.#input = input;
    this.tasks = [taskOf(START)];
    this.#save("input");
  }

  /** What a run that has stopped leaves: what is untracked is gone. */
  settle(): void {
    const { channels } = this.spec;
    this.values = tracked(channels, this.values);
    this.output = this.values;
    for (const { result, child } of this.tasks) {
      child?.settle();
      if (result) result.writes = result.writes.filter(({ channel }) => channels[channel] !== "untracked");
    }
  }

  /** A run goes on from here. */
  pass(): void {
    this.#passed = true;
    for (const { child } of this.tasks) child?.pass();
  }

  /** The last superstep of a run that begins here. */
  lastStep(limit: number): number {
    return this.#step + 1 + limit + 1;
  }

  run(lastStep: number, limit: number): Stop {
    for (;;) {
      const stop = this.#stopBefore(lastStep) ?? this.#superstep(limit) ?? this.#stopAfter();
      if (stop !== undefined) return stop;
    }
  }

  /** The results of tasks that have finished, in the order in which writes are applied: by name, then the Sends. */
  finished(): Task[] {
    const done = this.tasks.filter(({ result }) => result !== undefined);
    return [...done.filter(({ send }) => !send), ...done.filter(({ send }) => send)];
  }

  #stopBefore(lastStep: number): Stop | undefined {
    if (this.#step + 1 > lastStep) return { status: "failed", errors: new Set(["RECURSION_LIMIT"]) };
    if (this.tasks.length === 0) return { status: "done" };
    return this.#stopsAt(this.spec.interrupt_before, this.tasks) ? { status: "paused" } : undefined;
  }

  #ran: Task[] = [];

  #stopAfter(): Stop | undefined {
    if (!this.#stopsAt(this.spec.interrupt_after, this.#ran)) return undefined;
    return { status: this.tasks.length === 0 && this.#prefix === undefined ? "done" : "paused" };
  }

  #stopsAt(nodes: readonly string[] | undefined, tasks: readonly Task[]): boolean {
    if (nodes === undefined || this.#passed) return false;
    return tasks.some(({ node }) => (nodes.includes("*") ? node !== START : nodes.includes(node)));
  }

  /** Runs what has not finished. When all have, the next superstep is due. */
  #superstep(limit: number): Stop | undefined {
    if (this.tasks.length > this.#world.sizeMax) throw new OfNoUse();
    if (this.#prefix === undefined) this.#world.failing.clear();
    const errors = new Set<string>();
    const stops = this.tasks.flatMap((task) => (task.result === undefined ? [this.#play(task, limit)] : []));
    for (const stop of stops) if (stop?.status === "failed") for (const error of stop.errors) errors.add(error);
    const done = this.finished();
    const writes = done.flatMap(({ result }) => result?.writes ?? []);
    if (isClash(this.spec.channels, writes)) {
      this.#world.unsettled = true;
      errors.add("INVALID_UPDATE");
    }
    if (errors.size > 0) return { status: "failed", errors };
    if (stops.some((stop) => stop?.status === "interrupted")) return { status: "interrupted" };
    if (stops.some((stop) => stop?.status === "paused")) return { status: "paused" };
    this.values = valuesAfter(this.spec.channels, this.values, writes);
    for (const value of this.values.values()) {
      if (Array.isArray(value) && value.length > this.#world.sizeMax) throw new OfNoUse();
    }
    if (writes.some((write) => isNoticed(this.spec.channels, write))) this.output = this.values;
    this.#lead(done);
    return undefined;
  }

  #lead(done: readonly Task[]): void {
    const ran = done.map(({ node, send, result }) => ({
      node,
      isSend: send !== undefined,
      targets: result?.targets ?? [],
    }));
    const { sends, nodes } = this.#flow.follow(ran);
    for (const node of nodes) if (this.spec.nodes[node]?.defer) this.#world.seen.add("a deferred node runs");
    if (sends.length > 0) this.#world.seen.add("Sends run");
    this.#ran = [...done];
    this.tasks = [
      ...sends.map(({ node, argument }) => taskOf(node, { argument })),
      ...nodes.map((node) => taskOf(node)),
    ];
    this.#save("loop");
  }

  #save(source: string): void {
    this.#step += 1;
    this.#passed = false;
    const values = tracked(this.spec.channels, this.values);
    this.history.unshift({ step: this.#step, source, values, next: this.tasks.map(({ node }) => node) });
  }

  /** Runs one task. Undefined: it has finished. */
  #play(task: Task, limit: number): Stop | undefined {
    const spec = this.spec.nodes[task.node] ?? {};
    const stop = spec.graph === undefined ? this.#playOps(task, spec) : this.#playGraph(task, spec.graph, limit);
    if (stop === undefined && task.result !== undefined) {
      this.#branch(task, task.result);
      if (!isMisfit(this.spec.channels, task.result.writes)) return undefined;
      task.result = undefined;
    }
    if (stop?.status === "interrupted" || stop?.status === "paused") return stop;
    task.hasFailed = true;
    return stop ?? { status: "failed", errors: new Set(["INVALID_UPDATE"]) };
  }

  #playOps(task: Task, { do: ops = [], attempts = 1 }: CaseNode): Stop | undefined {
    const { node, send, answers } = task;
    if (node === START) {
      const writes = [...this.#input].map(([channel, value]) => ({ channel, value, overwrite: false }));
      task.result = { writes, targets: [] };
      return undefined;
    }
    const { ran, failures, seen } = this.#world;
    const name = `${this.#prefix ?? ""}${node}`;
    const state = (send === undefined ? Object.fromEntries(this.values) : send.argument) as Record<string, unknown>;
    this.#mayFail(task, name, ops);
    for (let attempt = 1; attempt <= attempts; attempt++) {
      if (attempt > 1) seen.add("an attempt follows a failure");
      ran.set(name, (ran.get(name) ?? 0) + 1);
      const played = playNode({ name, ops, state, answers, failures });
      if (played.kind === "failed") continue;
      if (played.kind === "returned") task.result = { writes: played.writes, targets: played.targets };
      else task.question = { index: played.index, value: played.question };
      return played.kind === "asks" ? { status: "interrupted" } : undefined;
    }
    return { status: "failed", errors: new Set(["NODE_FAILED"]) };
  }

  /** Of two tasks of a node that fails for a while, each may get the failures that are left. */
  #mayFail(task: Task, name: string, ops: readonly Op[]): void {
    const { failing, failures } = this.#world;
    const left = (op: Op) => Number((op.fail as { times: number } | undefined)?.times) > (failures.get(name) ?? 0);
    if ((failing.get(name) ?? task) !== task) throw new OfNoUse();
    if (ops.some(left)) failing.set(name, task);
  }

  #playGraph(task: Task, graph: CaseGraph, limit: number): Stop | undefined {
    this.#world.seen.add("a subgraph runs");
    const shared = (values: Values, { channels }: CaseGraph): [string, unknown][] =>
      [...values].filter(([name]) => Object.hasOwn(channels, name));
    const begun = task.child ?? new GraphModel(graph, this.#world, `${this.#prefix ?? ""}${task.node}/`);
    const lastStep = begun.lastStep(limit);
    if (task.child === undefined) {
      const given = task.send === undefined ? this.values : new Map(Object.entries(task.send.argument as object));
      begun.begin(new Map(shared(given, graph)));
    }
    task.child = begun;
    const stop = begun.run(lastStep, limit);
    if (stop.status !== "done") return stop;
    const writes = shared(begun.output, this.spec).map(([channel, value]) => ({ channel, value, overwrite: false }));
    task.result = { writes, targets: [] };
    task.child = undefined;
    return undefined;
  }

  /** Branches see the values with the task's own writes, and those of no other. */
  #branch({ node }: Task, result: NonNullable<Task["result"]>): void {
    const branches = this.spec.branches?.filter(({ from }) => (from === "START" ? START : from) === node) ?? [];
    const values = valuesAfter(this.spec.channels, this.values, result.writes);
    result.targets.push(...branches.flatMap((branch) => decide(branch, values)));
  }
}
