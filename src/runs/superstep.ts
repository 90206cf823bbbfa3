import { RunFailure } from "../engine/failure.ts";
import { orNoWrites, savedWrite } from "../engine/node-result.ts";
import { refusalOf } from "../engine/refusal.ts";
import { oversize } from "../engine/size.ts";
import type { GraphState } from "../engine/state.ts";
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
import type { Event } from "../gen/cairn/v1/event_pb.ts";
import type { EventMaker } from "./event-bodies.ts";
import { runTask, type TaskContext, type TaskOutcome } from "./tasks.ts";

/** Tasks of one superstep that are at work at the same time. */
const concurrencyMax = 64;

/** What has happened in a superstep and is not saved yet. */
export interface Unsaved {
  writes: PendingWrite[];
  events: Event[];
}

export interface SuperstepParts {
  state: GraphState;
  /** What was saved before; kept up to date with what happens. */
  statuses: Map<string, TaskStatus>;
  events: EventMaker;
  context: TaskContext;
  /** ISO 8601 text of now. */
  now(): string;
  /** A task begins. */
  onStart(task: Task): void;
  /** Saves what has happened while other tasks are still at work. */
  save(unsaved: Unsaved): Promise<void>;
}

/** One superstep: runs the tasks that have not finished, saving each result while others are at work. */
export class Superstep {
  readonly #parts: SuperstepParts;
  readonly #tasks: readonly Task[];
  readonly #finished = new Map<string, FinishedTask>();
  #unsaved: Unsaved = { writes: [], events: [] };
  #saving: Promise<void> | undefined;
  /** Rejects when a save fails: the superstep is then of no use. */
  readonly #broken = Promise.withResolvers<never>();
  #atWork = 0;
  #failure: { path: string; failure: RunFailure } | undefined;
  #interrupted = false;

  constructor(tasks: readonly Task[], parts: SuperstepParts) {
    this.#tasks = tasks;
    this.#parts = parts;
  }

  /** Runs what is to be run. Afterwards `unsaved` is what the caller is to commit with its next record. */
  async run(): Promise<void> {
    const due = this.#tasks.filter((task) => !this.#reuse(task));
    const queue = due.values();
    this.#atWork = due.length;
    const lane = async (): Promise<void> => {
      for (const task of queue) {
        // After a failure no further task begins; those at work may finish, and their results stay.
        if (this.#failure === undefined) await this.#runOne(task);
        else this.#atWork--;
      }
    };
    const lanes = Promise.all(Array.from({ length: Math.min(concurrencyMax, due.length) }, lane));
    await Promise.race([lanes, this.#broken.promise]);
    await this.#saving;
  }

  get unsaved(): Unsaved {
    return this.#unsaved;
  }

  /** The failure of the first task, in their order, that failed. */
  get failure(): RunFailure | undefined {
    return this.#failure?.failure;
  }

  /** Some task waits for an answer. */
  get interrupted(): boolean {
    return this.#interrupted;
  }

  get finished(): FinishedTask[] {
    return [...this.#finished.values()];
  }

  #reuse(task: Task): boolean {
    const status = this.#parts.statuses.get(task.id);
    if (!isFinished(status)) return false;
    this.#finished.set(task.id, { ...task, writes: status?.writes ?? [] });
    return true;
  }

  async #runOne(task: Task): Promise<void> {
    const answers = this.#parts.statuses.get(task.id)?.answers ?? [];
    this.#parts.onStart(task);
    const outcome = await runTask(task, answers, this.#parts.context);
    this.#atWork--;
    this.#settle(task, this.#checked(outcome));
    if (this.#atWork > 0) this.#saveSoon();
  }

  /** A result that a channel refuses is a failure of its task, not a result. */
  #checked(outcome: TaskOutcome): TaskOutcome {
    if (outcome.kind === "failed") return outcome;
    if (outcome.kind === "interrupted") {
      const fault = oversize(outcome.value.typed.data.length);
      if (fault === undefined) return outcome;
      return { kind: "failed", failure: new RunFailure(ErrorReason.VALUE_TOO_LARGE, `the question: ${fault}`) };
    }
    const siblings = [...this.#finished.values()].flatMap(({ writes }) => writes);
    const failure = refusalOf(this.#parts.state, siblings, outcome.writes);
    return failure === undefined ? outcome : { kind: "failed", failure };
  }

  #settle(task: Task, outcome: TaskOutcome): void {
    const { state, statuses, events } = this.#parts;
    const status = statuses.get(task.id) ?? { writes: [], answers: [] };
    statuses.set(task.id, status);
    const step = state.step + 1;
    if (outcome.kind === "finished") {
      this.#finished.set(task.id, { ...task, writes: outcome.writes });
      // A task all of whose writes are untracked has finished all the same.
      const saved = orNoWrites(outcome.writes.flatMap((w) => savedWrite(state.graph, w) ?? []));
      status.writes = saved;
      this.#add(resultPendingWrites(task.id, task.path, saved));
      this.#unsaved.events.push(events.taskFinished(task, step, saved, (name) => state.graph.stateChannels.has(name)));
    } else if (outcome.kind === "interrupted") {
      this.#interrupted = true;
      const { index, value } = outcome;
      const createdAt = this.#parts.now();
      status.interrupt = { index, value, createdAt };
      this.#add([controlPendingWrite(task.id, task.path, "__interrupt__", value, { controlIndex: index, createdAt })]);
      const id = interruptId(task.id, state.namespace, index);
      this.#unsaved.events.push(
        events.interruptRaised({ id, node: task.node, taskId: task.id, index, value }, step, createdAt),
      );
    } else this.#fail(task, status, outcome.failure.at({ node: task.node, taskId: task.id }));
  }

  #fail(task: Task, status: TaskStatus, failure: RunFailure): void {
    if (this.#failure === undefined || task.path < this.#failure.path) this.#failure = { path: task.path, failure };
    status.failure = failure;
    this.#add([controlPendingWrite(task.id, task.path, "__error__", failureCell(failure))]);
    this.#unsaved.events.push(this.#parts.events.taskFailed(task, this.#parts.state.step + 1, failure));
  }

  #add(writes: PendingWrite[]): void {
    this.#unsaved.writes.push(...writes);
  }

  /** One save at a time; what happens meanwhile goes with the next, or with the superstep's own commit. */
  #saveSoon(): void {
    if (this.#saving !== undefined) return;
    this.#saving = this.#save().then(() => {
      this.#saving = undefined;
      if (this.#atWork > 0 && this.#unsaved.writes.length > 0) this.#saveSoon();
    });
    // It may fail when the tasks are still at work or when they have all ended: `run` hears of it either way.
    this.#saving.catch(this.#broken.reject);
  }

  async #save(): Promise<void> {
    // Tasks that finish in the same turn go together; when none is left at work, the superstep's commit has it all.
    await new Promise<void>((turn) => setImmediate(turn));
    if (this.#atWork === 0) return;
    const unsaved = this.#unsaved;
    this.#unsaved = { writes: [], events: [] };
    await this.#parts.save(unsaved);
  }
}
