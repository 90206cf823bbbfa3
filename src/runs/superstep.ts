import type { Cell } from "../engine/cell.ts";
import { handlerTask, isHandled } from "../engine/error-handler.ts";
import { RunFailure } from "../engine/failure.ts";
import { type NodeResult, orNoWrites, savedWrite } from "../engine/node-result.ts";
import { refusalOf } from "../engine/refusal.ts";
import { oversize } from "../engine/size.ts";
import {
  controlPendingWrite,
  failureCell,
  isFinished,
  resultPendingWrites,
  type TaskStatus,
} from "../engine/task-status.ts";
import type { FinishedTask, Task } from "../engine/tasks.ts";
import { interruptId } from "../engine/tasks.ts";
import type { PendingWrite } from "../gen/cairn/v1/checkpoint_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { type Event, RunStatus } from "../gen/cairn/v1/event_pb.ts";
import type { Draft } from "../store/store.ts";
import type { EventMaker } from "./event-bodies.ts";
import type { Loaded } from "./load.ts";
import type { Replay } from "./replay.ts";
import { runTask, type TaskContext, type TaskOutcome } from "./tasks.ts";

/** Tasks of one superstep that are at work at the same time. */
const concurrencyMax = 64;

/** What has happened in a superstep and is not saved yet. */
export interface Unsaved {
  writes: PendingWrite[];
  /** Writes in the namespaces of subgraphs. */
  inner: NonNullable<Draft["writes"]>;
  events: Event[];
}

export interface SuperstepParts {
  /** Where the graph stands; its statuses are kept up to date with what happens. */
  loaded: Loaded;
  events: EventMaker;
  /** The answers of a graph that is not saved. */
  replay: Replay | undefined;
  context: TaskContext;
  /** ISO 8601 text of now. */
  now(): string;
  /** Saves what has happened while other tasks are still at work. Absent: it stays unsaved until the superstep has ended. */
  save?: ((unsaved: Unsaved) => Promise<void>) | undefined;
}

/** A question that waits for an answer: the how manyth of its asker. */
export interface Question {
  index: number;
  value: Cell;
}

const nothing = (): Unsaved => ({ writes: [], inner: [], events: [] });

/** One superstep: runs the tasks that have not finished, saving each result while others are at work. */
export class Superstep {
  readonly #parts: SuperstepParts;
  readonly #tasks: readonly Task[];
  readonly #finished = new Map<string, FinishedTask>();
  #unsaved: Unsaved = nothing();
  #saving: Promise<void> | undefined;
  /** Rejects when a save fails: the superstep is then of no use. */
  readonly #broken = Promise.withResolvers<never>();
  #atWork = 0;
  #failure: RunFailure | undefined;
  #stopped: RunStatus | undefined;
  #command: NodeResult | undefined;
  #question: Question | undefined;
  readonly #heads = new Map<string, string>();

  constructor(tasks: readonly Task[], parts: SuperstepParts) {
    this.#tasks = tasks;
    this.#parts = parts;
  }

  /** Runs what is to be run. Afterwards `unsaved` is what the caller is to commit with its next record. */
  async run(): Promise<void> {
    const due = this.#tasks.flatMap((task) => (this.#reuse(task) ? (this.#handlerOf(task) ?? []) : [task]));
    const queue = due.values();
    this.#atWork = due.length;
    const lane = async (): Promise<void> => {
      for (const task of queue) {
        // After a failure no further task begins; those at work may finish, and their results stay.
        if (this.#goesOn) await this.#runOne(task);
        else this.#atWork--;
      }
    };
    const lanes = Promise.all(
      Array.from({ length: Math.min(this.#parts.replay ? 1 : concurrencyMax, due.length) }, lane),
    );
    await Promise.race([lanes, this.#broken.promise]);
    await this.#saving;
  }

  get unsaved(): Unsaved {
    return this.#unsaved;
  }

  /** The failure of the task that failed first. */
  get failure(): RunFailure | undefined {
    return this.#failure;
  }

  /** Why some task waits: for an answer, or in a subgraph that has paused or been told to stop. */
  get stopped(): RunStatus | undefined {
    return this.#stopped;
  }

  /** The question that a graph that is not saved waits with. */
  get question(): Question | undefined {
    return this.#question;
  }

  /** A command to the enclosing graph, of the task that gave one first. */
  get command(): NodeResult | undefined {
    return this.#command;
  }

  /** Where the finished tasks' subgraphs left those that keep one state for the thread. */
  get heads(): ReadonlyMap<string, string> {
    return this.#heads;
  }

  get finished(): FinishedTask[] {
    return [...this.#finished.values()];
  }

  #reuse(task: Task): boolean {
    const status = this.#parts.loaded.statuses.get(task.id);
    const handled = isHandled(this.#parts.loaded.state, task, status);
    if (!isFinished(status) && !handled) return false;
    for (const [namespace, head] of this.#parts.loaded.heads.get(task.id) ?? []) this.#heads.set(namespace, head);
    this.#finished.set(task.id, { ...task, writes: status?.writes ?? [] });
    return true;
  }

  async #runOne(task: Task): Promise<void> {
    const { loaded, replay, context } = this.#parts;
    const answers = replay?.rest ?? loaded.statuses.get(task.id)?.answers ?? [];
    const outcome = await runTask(task, answers, context);
    this.#atWork--;
    this.#settle(task, this.#checked(outcome));
    const handler = this.#handlerOf(task);
    if (handler !== undefined) this.#atWork++;
    if (this.#atWork > 0) this.#saveSoon();
    if (handler !== undefined) await this.#runOne(handler);
  }

  /** The task that is due because this one has failed, unless it has finished already. */
  #handlerOf(task: Task): Task | undefined {
    const { state, statuses } = this.#parts.loaded;
    const { failure } = statuses.get(task.id) ?? {};
    if (failure === undefined || !isHandled(state, task, statuses.get(task.id))) return undefined;
    const handler = handlerTask(state, task, failure);
    return this.#reuse(handler) ? undefined : handler;
  }

  /** A failure, a command to the enclosing graph or a question that can't be saved ends the superstep. */
  get #goesOn(): boolean {
    return this.#failure === undefined && this.#command === undefined && this.#question === undefined;
  }

  /** A result that a channel refuses is a failure of its task, not a result. */
  #checked(outcome: TaskOutcome): TaskOutcome {
    if (outcome.kind === "interrupted") {
      const fault = oversize(outcome.value.typed.data.length);
      if (fault === undefined) return outcome;
      return { kind: "failed", failure: new RunFailure(ErrorReason.VALUE_TOO_LARGE, `the question: ${fault}`) };
    }
    if (outcome.kind !== "finished") return outcome;
    const siblings = [...this.#finished.values()].flatMap(({ writes }) => writes);
    const failure = refusalOf(this.#parts.loaded.state, siblings, outcome.writes);
    return failure === undefined ? outcome : { ...outcome, kind: "failed", failure };
  }

  #settle(task: Task, outcome: TaskOutcome): void {
    const { statuses } = this.#parts.loaded;
    const status = statuses.get(task.id) ?? { writes: [], answers: [] };
    statuses.set(task.id, status);
    if ("draft" in outcome && outcome.draft !== undefined) this.#takeOver(outcome.draft);
    if (outcome.kind === "finished") this.#finish(task, status, outcome);
    else if (outcome.kind === "interrupted") this.#interrupt(task, status, outcome);
    else if (outcome.kind === "stopped") this.#stopFor(outcome.status);
    else if (outcome.kind === "command") this.#command ??= outcome.result;
    else this.#fail(task, status, outcome.failure.at({ node: task.node, taskId: task.id }));
  }

  /** What a subgraph left to be saved goes with what this superstep saves. */
  #takeOver({ writes = [], events = [] }: Draft): void {
    this.#unsaved.inner.push(...writes);
    this.#unsaved.events.push(...events);
  }

  /** A question outweighs a pause, as it needs more than going on. */
  #stopFor(status: RunStatus): void {
    if (this.#stopped !== RunStatus.INTERRUPTED) this.#stopped = status;
  }

  #finish(
    task: Task,
    status: TaskStatus,
    { writes, heads, asked, cached = false }: TaskOutcome & { kind: "finished" },
  ): void {
    const { loaded, events, replay } = this.#parts;
    const { graph, step } = loaded.state;
    replay?.take(asked);
    this.#finished.set(task.id, { ...task, writes });
    for (const [namespace, head] of heads ?? []) this.#heads.set(namespace, head);
    // A task all of whose writes are untracked has finished all the same.
    const saved = orNoWrites(writes.flatMap((w) => savedWrite(graph, w) ?? []));
    status.writes = saved;
    this.#add(resultPendingWrites(task.id, task.path, saved));
    const isState = (name: string): boolean => graph.stateChannels.has(name);
    this.#unsaved.events.push(events.taskFinished(task, step + 1, { writes: saved, cached, isState }));
  }

  #interrupt(task: Task, status: TaskStatus, { index, value }: Question): void {
    const { loaded, events, replay } = this.#parts;
    const { state } = loaded;
    this.#stopFor(RunStatus.INTERRUPTED);
    if (replay !== undefined) {
      this.#question = { index: replay.taken + index, value };
      return;
    }
    const createdAt = this.#parts.now();
    status.interrupt = { index, value, createdAt };
    this.#add([controlPendingWrite(task.id, task.path, "__interrupt__", value, { controlIndex: index, createdAt })]);
    const id = interruptId(task.id, state.namespace, index);
    const asked = { id, node: task.node, taskId: task.id, namespace: state.namespace, index, value };
    this.#unsaved.events.push(events.interruptRaised(asked, state.step + 1, createdAt));
  }

  #fail(task: Task, status: TaskStatus, failure: RunFailure): void {
    status.failure = failure;
    if (isHandled(this.#parts.loaded.state, task, status)) {
      this.#finished.set(task.id, { ...task, writes: [] });
      this.#parts.loaded.children.delete(task.id);
    } else this.#failure ??= failure;
    this.#add([controlPendingWrite(task.id, task.path, "__error__", failureCell(failure))]);
    this.#unsaved.events.push(this.#parts.events.taskFailed(task, this.#parts.loaded.state.step + 1, failure));
  }

  #add(writes: PendingWrite[]): void {
    this.#unsaved.writes.push(...writes);
  }

  /** One save at a time; what happens meanwhile goes with the next, or with the superstep's own commit. */
  #saveSoon(): void {
    const { save } = this.#parts;
    if (this.#saving !== undefined || save === undefined) return;
    this.#saving = this.#save(save).then(() => {
      this.#saving = undefined;
      if (this.#atWork > 0 && this.#unsaved.writes.length + this.#unsaved.inner.length > 0) this.#saveSoon();
    });
    // It may fail when the tasks are still at work or when they have all ended: `run` hears of it either way.
    this.#saving.catch(this.#broken.reject);
  }

  async #save(save: (unsaved: Unsaved) => Promise<void>): Promise<void> {
    // Tasks that finish in the same turn go together; when none is left at work, the superstep's commit has it all.
    await new Promise<void>((turn) => setImmediate(turn));
    if (this.#atWork === 0) return;
    const unsaved = this.#unsaved;
    this.#unsaved = nothing();
    await save(unsaved);
  }
}
