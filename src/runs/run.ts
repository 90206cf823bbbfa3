import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { nullCell } from "../engine/cell.ts";
import { adoptReferences } from "../engine/checkpoint.ts";
import type { RunFailure } from "../engine/failure.ts";
import { controlPendingWrite } from "../engine/task-status.ts";
import { CairnError, toCairnError } from "../errors.ts";
import type { Lease } from "../gen/cairn/store/v1/record_pb.ts";
import type { Checkpoint } from "../gen/cairn/v1/checkpoint_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { EphemeralPositionSchema, type Event, RunStatus } from "../gen/cairn/v1/event_pb.ts";
import { ThreadStatus } from "../gen/cairn/v1/thread_service_pb.ts";
import { limits } from "../limits.ts";
import type { Committed, Draft, ThreadTail } from "../store/store.ts";
import { TaskLeases } from "../workers/task-leases.ts";
import { leftToOthers } from "../workers/worker-hub.ts";
import { EventMaker } from "./event-bodies.ts";
import { GraphLoop, type LoopHost } from "./graph-loop.ts";
import type { Loaded } from "./load.ts";
import type { RunParts } from "./parts.ts";
import { type RunEnd, threadStatusOf } from "./run-end.ts";
import { leaseOf, type RunPlan } from "./run-plan.ts";
import type { Fork } from "./travel.ts";

/**
 * A run that holds a thread's lease until its next stop: the loop of the outermost graph, whose end is committed in one
 * act with giving the lease back. Everything that the run appends goes through here, one record after the other.
 */
export class Run implements LoopHost {
  readonly parts: RunParts;
  readonly plan: RunPlan;
  readonly loaded: Loaded;
  readonly events: EventMaker;
  readonly cancellation: Promise<"cancelled">;
  readonly leases: TaskLeases;
  thread: ThreadTail;
  /** The checkpoint that the thread stands at, as committed. */
  checkpoint: Checkpoint;
  /** Forks and migrations of subgraphs, to be saved before anything runs. */
  forks: readonly Fork[] = [];
  /** Encodes the answer of the call, to be found by a retry. */
  answer: (end: RunEnd) => Uint8Array = () => new Uint8Array();
  drainedAs: RunStatus | undefined;
  abortedAs: RunStatus = RunStatus.LOST;
  readonly #loop: GraphLoop;
  readonly #cancelled = new AbortController();
  /** Why the lease could not be kept: the run is not cancelled then, but ends without a record. */
  #lost: CairnError | undefined;
  /** The end has been decided: what tasks at work still bring comes too late. */
  #over = false;
  #appending: Promise<unknown> = Promise.resolve();
  /** What is appended while the run goes on, and why it could not be. */
  #behind: Promise<void> = Promise.resolve();
  #broken: { thrown: unknown } | undefined;
  /** Ephemeral events told so far. */
  #told = 0n;

  constructor(parts: RunParts, plan: RunPlan, loaded: Loaded, thread: ThreadTail, checkpoint: Checkpoint) {
    this.parts = parts;
    this.plan = plan;
    this.loaded = loaded;
    this.thread = thread;
    this.checkpoint = checkpoint;
    this.events = new EventMaker(plan.runId, loaded.state.namespace);
    this.leases = new TaskLeases(thread.tail, (draft) => this.append(draft));
    this.cancellation = new Promise((done) => {
      this.signal.addEventListener("abort", () => done("cancelled"), { once: true });
    });
    this.#loop = new GraphLoop(this, { ...plan, nested: false, replay: undefined }, loaded);
  }

  get signal(): AbortSignal {
    return this.#cancelled.signal;
  }

  /** Stops as soon as possible, or gracefully before the next superstep; what has been saved stays. */
  cancel(gracefully = false): void {
    if (gracefully) this.drain(RunStatus.CANCELLED);
    else {
      this.abortedAs = RunStatus.CANCELLED;
      this.#cancelled.abort();
    }
  }

  /** Leaves the run, as soon as possible, to whoever goes on with it. */
  abandon(): void {
    this.#cancelled.abort(leftToOthers);
  }

  /** Stops before the next superstep: cancelled, or left to whoever goes on with it. */
  drain(as: RunStatus): void {
    this.drainedAs ??= as;
  }

  /** Runs until the next stop and commits it. Throws when the lease is lost or the store can't be reached. */
  async drive(): Promise<RunEnd> {
    const stopRenewing = this.#renew();
    try {
      for (const fork of this.forks) await this.#saveFork(fork);
      const { draft, ...end } = await this.#loop.drive();
      if (this.#lost !== undefined) throw this.#lost;
      this.#loop.committed(await this.#commitEnd(draft, end));
      return end;
    } finally {
      stopRenewing();
      // Tasks that are still at work, of a run that was cancelled or lost its lease, are told to stop.
      this.#cancelled.abort();
    }
  }

  async #saveFork({ loaded, checkpoint, writes }: Fork): Promise<void> {
    const events = [new EventMaker(this.plan.runId, checkpoint.namespace).checkpointSaved(checkpoint)];
    const { record } = await this.append({ checkpoint, hasFreshId: true, writes, events });
    if (record.checkpoint !== undefined) adoptReferences(loaded.state, record.checkpoint);
  }

  /**
   * Ends a run that can't commit what it has (a value over the limit, a fault of ours): the thread stays at its last
   * checkpoint and the lease is given back. What is in memory is of no use afterwards.
   */
  async giveUp(failure: RunFailure): Promise<RunEnd> {
    const end = { status: RunStatus.FAILED, failure };
    this.#broken = undefined;
    const { request } = this.plan;
    await this.#appendLast({
      events: [this.events.runStopped(end.status, failure, this.checkpoint.id, this.checkpoint.nextNodes)],
      status: ThreadStatus.FAILED,
      lease: this.#lease(""),
      workerTasks: [],
      endedCalls: [this.plan.runId],
      request: request && { ...request, answer: this.answer(end) },
    });
    return end;
  }

  /** Appends a record of a run that goes on. */
  async append(draft: Draft): Promise<Committed> {
    if (this.#over) throw new CairnError(ErrorReason.RUN_CANCELLED, "the run is over");
    return this.#chain(draft);
  }

  appendBehind(draft: Draft, then: (committed: Committed) => void): void {
    this.#behind = this.append(draft).then(then, (thrown: unknown) => {
      // What follows would build on what is not there.
      this.#broken = { thrown };
      throw thrown;
    });
    this.#behind.catch(() => {});
  }

  settled(): Promise<void> {
    return this.#behind;
  }

  /** After the end nothing more is told: it would come behind the event of the stop. */
  tell(event: Event): void {
    if (this.#over) return;
    event.number = this.thread.tail.lastEventNumber;
    event.ephemeral = create(EphemeralPositionSchema, { epoch: this.plan.epoch, subNumber: ++this.#told });
    event.at = timestampFromMs(this.parts.environment.clock.nowMs());
    this.parts.ephemeral.tell(this.plan.key, event);
  }

  /** Commits a draft together with the run's end: the lease is given back in the same act. */
  async #commitEnd(draft: Draft, end: RunEnd): Promise<Committed> {
    const { namespace, checkpointId } = this.loaded.state;
    const stopped = this.events.runStopped(end.status, end.failure, checkpointId, this.#loop.next);
    if (end.pausedAt !== undefined) {
      const { side, nodes } = end.pausedAt;
      // A pause belongs to no task: its path says at which node, its index on which side.
      const mark = controlPendingWrite("", nodes[0] ?? "", "__paused__", nullCell(), {
        controlIndex: side === "before" ? 0 : 1,
      });
      draft.writes = [...(draft.writes ?? []), { namespace, checkpointId, writes: [mark] }];
    }
    const { request } = this.plan;
    return this.#appendLast({
      ...draft,
      events: [...(draft.events ?? []), stopped],
      status: threadStatusOf.get(end.status),
      lease: this.#lease(""),
      // Whoever goes on with a run finds its workers still at work.
      workerTasks: end.status === RunStatus.LOST ? undefined : [],
      // A run that the server gave up has no answer yet: a retry takes it on, or a server does by itself.
      endedCalls: end.status === RunStatus.LOST ? [] : [this.plan.runId],
      request: request && end.status !== RunStatus.LOST ? { ...request, answer: this.answer(end) } : undefined,
    });
  }

  /** Appends the record that gives the lease back. Nothing may follow it: it would take the lease again. */
  async #appendLast(draft: Draft): Promise<Committed> {
    this.#over = true;
    const committed = await this.#chain(draft);
    if (draft.workerTasks !== undefined) this.leases.end();
    return committed;
  }

  /** Appends one record after the other; each one renews the lease. */
  async #chain(draft: Draft): Promise<Committed> {
    const appended = this.#appending.then(async () => {
      if (this.#broken !== undefined) throw this.#broken.thrown;
      const { tasks, settle } = this.leases.tasksFor(draft);
      const lease = draft.lease ?? this.#lease(this.parts.serverId);
      const renewed = { ...draft, lease, workerTasks: draft.workerTasks ?? tasks };
      const committed = await this.parts.store.append(this.plan.key, this.thread, renewed);
      this.thread = committed.thread;
      settle();
      const { cancelRunId, cancelGracefully } = committed.thread.tail;
      if (cancelRunId === this.plan.runId) this.cancel(cancelGracefully);
      const { checkpoint } = committed.record;
      if (checkpoint?.namespace === this.loaded.state.namespace) this.checkpoint = checkpoint;
      return committed;
    });
    // Whoever awaits `appended` sees the failure; a later append must not wait for ever behind it.
    this.#appending = appended.catch(() => {});
    return appended;
  }

  #lease(holder: string): Lease {
    return leaseOf(this.plan, holder, this.parts.environment.clock.nowMs());
  }

  /** Keeps the lease while a superstep takes long. */
  #renew(): () => void {
    const { clock } = this.parts.environment;
    let stopped = false;
    let cancelTimer = (): void => {};
    const arm = (): void => {
      if (stopped) return;
      cancelTimer = clock.after(limits.leaseMs / 3, () => {
        this.append({}).then(arm, (thrown: unknown) => {
          this.#lost ??= toCairnError(thrown);
          this.abandon();
        });
      });
    };
    arm();
    return () => {
      stopped = true;
      cancelTimer();
    };
  }
}
