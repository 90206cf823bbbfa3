import { create } from "@bufbuild/protobuf";
import { type Tail, type WorkerTask, WorkerTaskSchema } from "../gen/cairn/store/v1/record_pb.ts";
import type { Event } from "../gen/cairn/v1/event_pb.ts";
import type { Draft } from "../store/store.ts";

/** A lease that a worker is to have. */
export interface Wanted {
  taskId: string;
  handler: string;
  attempt: number;
  workerId: string;
  sessionId: string;
  /** When it is over, as far as is known now. */
  expiresAtMs(): number;
}

interface Held {
  task: WorkerTask;
  expiresAtMs: () => number;
  /** The record is written that holds what became of the task, or that gives it to another worker. */
  onSettled: () => void;
}

/**
 * The leases of a run's tasks, kept in the thread's tail: each record that the run appends says which there are, so that
 * whoever goes on with the run after a kill knows who may still be at work. A task's lease ends with the record that holds
 * its writes.
 */
export class TaskLeases {
  readonly #held = new Map<string, Held>();
  /** Those that an earlier drive of the run left. */
  readonly #recovered = new Map<string, WorkerTask>();
  readonly #append: (draft: Draft) => Promise<unknown>;
  /** To be told with the next record. */
  #events: Event[] = [];
  #lastEpoch: bigint;
  #batch: Promise<void> | undefined;
  #writing: Promise<void> = Promise.resolve();

  /** `append`: writes a record, which takes `tasksFor` as it goes. */
  constructor(tail: Tail, append: (draft: Draft) => Promise<unknown>) {
    this.#append = append;
    this.#lastEpoch = tail.lastTaskEpoch;
    for (const task of tail.workerTasks) if (task.epoch > 0n) this.#recovered.set(task.taskId, task);
  }

  /** The lease that a worker had of a task when the run was last driven. Once: whoever asks sees to it. */
  takeRecovered(taskId: string): WorkerTask | undefined {
    const task = this.#recovered.get(taskId);
    this.#recovered.delete(taskId);
    return task;
  }

  /** Which attempt of a task was under way when the run was last driven. */
  recoveredAttempt(taskId: string): number | undefined {
    return this.#recovered.get(taskId)?.attempt;
  }

  /** Goes on with a recovered lease. */
  keep(task: WorkerTask, expiresAtMs: () => number, onSettled: () => void): void {
    this.#held.set(task.taskId, { task, expiresAtMs, onSettled });
  }

  /** Gives a lease, durably: resolves to its epoch once it is written. A lease that the task had is over then. */
  async give(wanted: Wanted, onSettled: () => void): Promise<bigint> {
    const { taskId, handler, attempt, workerId, sessionId, expiresAtMs } = wanted;
    const epoch = ++this.#lastEpoch;
    const task = create(WorkerTaskSchema, { taskId, epoch, handler, attempt, workerId, sessionId });
    const before = this.#held.get(taskId);
    this.#held.set(taskId, { task, expiresAtMs, onSettled });
    await this.#write();
    before?.onSettled();
    return epoch;
  }

  /** Notes that a task waits for a worker, and tells the event. */
  waits(waiting: Pick<WorkerTask, "taskId" | "handler" | "attempt">, event: Event): void {
    const before = this.#held.get(waiting.taskId);
    const task = create(WorkerTaskSchema, waiting);
    this.#held.set(waiting.taskId, { task, expiresAtMs: () => 0, onSettled: () => {} });
    this.#events.push(event);
    // A record that can't be written ends the run, which hears of it by its own means.
    this.#write().then(before?.onSettled, () => {});
  }

  /** What the record of a draft is to say of tasks; `settle` is to be called when it is written. */
  tasksFor({ writes = [] }: Draft): { tasks: WorkerTask[]; settle: () => void } {
    const written = new Set(writes.flatMap((group) => group.writes.map(({ taskId }) => taskId)));
    const done = [...this.#held.values()].filter(({ task }) => written.has(task.taskId));
    for (const taskId of written) this.#recovered.delete(taskId);
    const going = [...this.#held.values()].filter(({ task }) => !written.has(task.taskId));
    const tasks = going.map(({ task, expiresAtMs }) => ({ ...task, expiresAtMs: BigInt(expiresAtMs()) }));
    const settle = (): void => {
      for (const held of done) {
        if (this.#held.get(held.task.taskId) === held) this.#held.delete(held.task.taskId);
        held.onSettled();
      }
    };
    return { tasks: [...this.#recovered.values(), ...tasks], settle };
  }

  /** The run has ended, and with it what workers have not brought. */
  end(): void {
    for (const { onSettled } of this.#held.values()) onSettled();
    this.#held.clear();
  }

  /** Leases that are given while a record is being written go together into the next one. */
  async #write(): Promise<void> {
    this.#batch ??= this.#writing.then(async () => {
      this.#batch = undefined;
      await this.#append({ events: this.#events.splice(0) });
    });
    this.#writing = this.#batch.catch(() => {});
    await this.#batch;
  }
}
