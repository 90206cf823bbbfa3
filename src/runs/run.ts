import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { applyWrites } from "../engine/apply.ts";
import { stoppedNodes } from "../engine/breakpoints.ts";
import { nullCell } from "../engine/cell.ts";
import { adoptReferences, toCheckpoint } from "../engine/checkpoint.ts";
import { RunFailure } from "../engine/failure.ts";
import { copyState } from "../engine/state.ts";
import { controlPendingWrite, isFinished } from "../engine/task-status.ts";
import { missingNodes, prepareTasks, type Task } from "../engine/tasks.ts";
import { CairnError, toCairnError } from "../errors.ts";
import type { Lease } from "../gen/cairn/store/v1/record_pb.ts";
import type { Checkpoint } from "../gen/cairn/v1/checkpoint_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { EphemeralPositionSchema, type Event, RunStatus } from "../gen/cairn/v1/event_pb.ts";
import { ThreadStatus } from "../gen/cairn/v1/thread_service_pb.ts";
import { limits } from "../limits.ts";
import type { Committed, Draft, ThreadTail } from "../store/store.ts";
import { EventMaker } from "./event-bodies.ts";
import type { Loaded } from "./load.ts";
import type { RunParts } from "./parts.ts";
import { type RunEnd, recursionLimit, sendToNobody, threadStatusOf, tooManyTasks } from "./run-end.ts";
import { leaseOf, type RunPlan } from "./run-plan.ts";
import { Superstep, type Unsaved } from "./superstep.ts";

/**
 * A run that holds a thread's lease: superstep after superstep until the next stop. Each superstep is one commit,
 * which carries the new checkpoint, the results that were not saved before, and the stop when there is one.
 */
export class Run {
  readonly plan: RunPlan;
  readonly loaded: Loaded;
  readonly events: EventMaker;
  thread: ThreadTail;
  /** The checkpoint that the thread stands at, as committed. */
  checkpoint: Checkpoint;
  /** Encodes the answer of the call, to be found by a retry. */
  answer: (end: RunEnd) => Uint8Array = () => new Uint8Array();
  readonly #parts: RunParts;
  readonly #cancelled = new AbortController();
  /** Resolves when the run is cancelled, also for whoever asks only afterwards. */
  readonly #cancellation: Promise<"cancelled">;
  #draining = false;
  /** Why the lease could not be kept: the run is not cancelled then, but ends without a record. */
  #lost: CairnError | undefined;
  /** The end has been decided: what tasks at work still bring comes too late. */
  #over = false;
  #appending: Promise<unknown> = Promise.resolve();
  /** Ephemeral events told so far. */
  #told = 0n;
  #planned: { at: string; tasks: readonly Task[] } | undefined;

  constructor(parts: RunParts, plan: RunPlan, loaded: Loaded, thread: ThreadTail, checkpoint: Checkpoint) {
    this.#parts = parts;
    this.plan = plan;
    this.loaded = loaded;
    this.thread = thread;
    this.checkpoint = checkpoint;
    this.events = new EventMaker(plan.runId, loaded.state.namespace);
    const { signal } = this.#cancelled;
    this.#cancellation = new Promise((done) => {
      signal.addEventListener("abort", () => done("cancelled"), { once: true });
    });
  }

  /** Stops as soon as possible; what has been saved stays. */
  cancel(): void {
    this.#cancelled.abort();
  }

  /** Stops before the next superstep. */
  drain(): void {
    this.#draining = true;
  }

  /** Runs until the next stop and commits it. Throws when the lease is lost or the store can't be reached. */
  async drive(): Promise<RunEnd> {
    let end = this.#stop();
    if (end !== undefined) {
      await this.#commit({}, end);
      return end;
    }
    const stopRenewing = this.#renew();
    try {
      while (end === undefined) end = await this.#superstep();
      return end;
    } finally {
      stopRenewing();
      // Tasks that are still at work, of a run that was cancelled or lost its lease, are told to stop.
      this.#cancelled.abort();
    }
  }

  /**
   * Ends a run that can't commit what it has (a value over the limit, a fault of ours): the thread stays at its last
   * checkpoint and the lease is given back. What is in memory is of no use afterwards.
   */
  async giveUp(failure: RunFailure): Promise<RunEnd> {
    const end = { status: RunStatus.FAILED, failure };
    const { request } = this.plan;
    await this.#appendLast({
      events: [this.events.runStopped(end.status, failure, this.checkpoint.id, this.checkpoint.nextNodes)],
      status: ThreadStatus.FAILED,
      lease: this.#lease(""),
      request: request && { ...request, answer: this.answer(end) },
    });
    return end;
  }

  /** Why the run stops before its next superstep, if it does. */
  #stop(): RunEnd | undefined {
    const { state } = this.loaded;
    const { lastStep, interruptBefore } = this.plan;
    if (this.#cancelled.signal.aborted) return { status: RunStatus.CANCELLED, failure: undefined };
    if (state.step + 1 > lastStep) return { status: RunStatus.FAILED, failure: recursionLimit(lastStep) };
    const [missing] = missingNodes(state);
    if (missing !== undefined) return { status: RunStatus.FAILED, failure: sendToNobody(missing) };
    const tasks = this.#due();
    if (tasks.length === 0) return { status: RunStatus.DONE, failure: undefined };
    if (tasks.length > limits.tasksPerSuperstepMax)
      return { status: RunStatus.FAILED, failure: tooManyTasks(tasks.length) };
    const stopped = stoppedNodes(
      state,
      interruptBefore,
      tasks.map(({ node }) => node),
    );
    if (stopped.length > 0) {
      return { status: RunStatus.PAUSED, failure: undefined, pausedAt: { side: "before", nodes: stopped } };
    }
    return this.#draining ? { status: RunStatus.LOST, failure: undefined } : undefined;
  }

  /** The tasks that are due at the checkpoint where the state stands, planned once. */
  #due(): readonly Task[] {
    const { state } = this.loaded;
    if (this.#planned?.at !== state.checkpointId) {
      this.#planned = { at: state.checkpointId, tasks: prepareTasks(state) };
    }
    return this.#planned.tasks;
  }

  /** Makes one superstep. Gives the run's end when it is the last. */
  async #superstep(): Promise<RunEnd | undefined> {
    const tasks = this.#due();
    const step = this.#newSuperstep(tasks);
    const ended = await Promise.race([step.run(), this.#cancellation]);
    if (this.#lost !== undefined) throw this.#lost;
    if (ended === "cancelled") return this.#end({ status: RunStatus.CANCELLED, failure: undefined }, step.unsaved);
    if (step.failure !== undefined) return this.#end({ status: RunStatus.FAILED, failure: step.failure }, step.unsaved);
    if (step.interrupted) return this.#end(this.#interrupted(step), step.unsaved);
    return this.#advance(step, tasks);
  }

  /**
   * A superstep that waits for answers. Writes to untracked channels that can't be applied together are told now, as
   * LangGraph does: they are not saved, so nothing would be left of them to be told later.
   */
  #interrupted(step: Superstep): RunEnd {
    const { state } = this.loaded;
    try {
      if (state.graph.untracked.size > 0) applyWrites(copyState(state), step.finished);
      return { status: RunStatus.INTERRUPTED, failure: undefined };
    } catch (thrown) {
      if (!(thrown instanceof RunFailure)) throw thrown;
      return { status: RunStatus.FAILED, failure: thrown };
    }
  }

  #newSuperstep(tasks: readonly Task[]): Superstep {
    const { state, statuses } = this.loaded;
    return new Superstep(tasks, {
      state,
      statuses,
      events: this.events,
      context: {
        state,
        threadId: this.plan.key.thread,
        runId: this.plan.runId,
        modules: this.#parts.modules,
        signal: this.#cancelled.signal,
        hear: (task, told) => this.#tell(this.events.told(task, told)),
      },
      now: () => this.#isoNow(),
      onStart: (task) => this.#tellStarted(task),
      save: async (unsaved) => {
        await this.#append(this.#draftOf(unsaved));
      },
    });
  }

  /** Applies a finished superstep and commits its checkpoint, with the stop that follows it if there is one. */
  async #advance(step: Superstep, tasks: readonly Task[]): Promise<RunEnd | undefined> {
    const { state, statuses } = this.loaded;
    const parentId = state.checkpointId;
    const previousVersions = new Map(state.versions);
    try {
      applyWrites(state, step.finished);
    } catch (thrown) {
      if (!(thrown instanceof RunFailure)) throw thrown;
      return this.#end({ status: RunStatus.FAILED, failure: thrown }, step.unsaved);
    }
    const draft = this.#draftOf(step.unsaved, parentId);
    const nowMs = this.#parts.environment.clock.nowMs();
    const { checkpoint, tasks: due } = toCheckpoint(state, {
      id: this.#parts.minter.mint(),
      threadId: this.plan.key.thread,
      parentId: parentId === "" ? undefined : parentId,
      source: "loop",
      runId: this.plan.runId,
      nowMs,
      createdAt: new Date(nowMs).toISOString(),
      metadata: this.plan.metadata,
      ran: tasks.map(({ node }) => node),
      previousVersions,
    });
    this.#planned = { at: checkpoint.id, tasks: due };
    statuses.clear();
    draft.checkpoint = checkpoint;
    draft.hasFreshId = true;
    draft.events?.push(this.events.checkpointSaved(checkpoint));
    const end = this.#stopAfter(tasks) ?? this.#stop() ?? this.#stopSingle();
    const committed = end === undefined ? await this.#append(draft) : await this.#commit(draft, end);
    if (committed.record.checkpoint !== undefined) {
      this.checkpoint = committed.record.checkpoint;
      adoptReferences(state, this.checkpoint);
    }
    return end;
  }

  /** A breakpoint after one of the nodes that just ran stops the run, unless nothing is due any more. */
  #stopAfter(ran: readonly Task[]): RunEnd | undefined {
    const { state } = this.loaded;
    const nodes = stoppedNodes(
      state,
      this.plan.interruptAfter,
      ran.map(({ node }) => node),
    );
    if (nodes.length === 0) return undefined;
    if (this.#due().length === 0) return { status: RunStatus.DONE, failure: undefined };
    return { status: RunStatus.PAUSED, failure: undefined, pausedAt: { side: "after", nodes } };
  }

  #stopSingle(): RunEnd | undefined {
    return this.plan.single ? { status: RunStatus.PAUSED, failure: undefined } : undefined;
  }

  async #end(end: RunEnd, unsaved: Unsaved): Promise<RunEnd> {
    await this.#commit(this.#draftOf(unsaved), end);
    return end;
  }

  /** Commits a draft together with the run's end: the lease is given back in the same act. */
  async #commit(draft: Draft, end: RunEnd): Promise<Committed> {
    const { state, statuses } = this.loaded;
    const next = this.#due().filter(({ id }) => !isFinished(statuses.get(id)));
    const stopped = this.events.runStopped(
      end.status,
      end.failure,
      state.checkpointId,
      next.map(({ node }) => node),
    );
    if (end.pausedAt !== undefined) {
      const { side, nodes } = end.pausedAt;
      // A pause belongs to no task: its path says at which node, its index on which side.
      const mark = controlPendingWrite("", nodes[0] ?? "", "__paused__", nullCell(), {
        controlIndex: side === "before" ? 0 : 1,
      });
      draft.writes = [
        ...(draft.writes ?? []),
        { namespace: state.namespace, checkpointId: state.checkpointId, writes: [mark] },
      ];
    }
    const { request } = this.plan;
    return this.#appendLast({
      ...draft,
      events: [...(draft.events ?? []), stopped],
      status: threadStatusOf.get(end.status),
      lease: this.#lease(""),
      // A run that the server gave up has no answer yet: a retry takes it on.
      request: request && end.status !== RunStatus.LOST ? { ...request, answer: this.answer(end) } : undefined,
    });
  }

  #draftOf({ writes, events }: Unsaved, checkpointId = this.loaded.state.checkpointId): Draft {
    const namespace = this.loaded.state.namespace;
    return { writes: writes.length === 0 ? [] : [{ namespace, checkpointId, writes }], events: [...events] };
  }

  /** Appends the record that gives the lease back. Nothing may follow it: it would take the lease again. */
  async #appendLast(draft: Draft): Promise<Committed> {
    this.#over = true;
    return this.#chain(draft);
  }

  /** Appends a record of a run that goes on. */
  async #append(draft: Draft): Promise<Committed> {
    if (this.#over) throw new CairnError(ErrorReason.RUN_CANCELLED, "the run is over");
    return this.#chain(draft);
  }

  /** Appends one record after the other; each one renews the lease. */
  async #chain(draft: Draft): Promise<Committed> {
    const appended = this.#appending.then(async () => {
      const renewed = { ...draft, lease: draft.lease ?? this.#lease(this.#parts.serverId) };
      const committed = await this.#parts.store.append(this.plan.key, this.thread, renewed);
      this.thread = committed.thread;
      return committed;
    });
    // Whoever awaits `appended` sees the failure; a later append must not wait for ever behind it.
    this.#appending = appended.catch(() => {});
    return appended;
  }

  #lease(holder: string): Lease {
    return leaseOf(this.plan, holder, this.#parts.environment.clock.nowMs());
  }

  /** Keeps the lease while a superstep takes long. */
  #renew(): () => void {
    const { clock } = this.#parts.environment;
    let stopped = false;
    let cancelTimer = (): void => {};
    const arm = (): void => {
      if (stopped) return;
      cancelTimer = clock.after(limits.leaseMs / 3, () => {
        this.#append({}).then(arm, (thrown: unknown) => {
          this.#lost ??= toCairnError(thrown);
          this.cancel();
        });
      });
    };
    arm();
    return () => {
      stopped = true;
      cancelTimer();
    };
  }

  #tellStarted(task: Task): void {
    const { state } = this.loaded;
    const { id, node, triggers } = task;
    const started = { taskId: id, node, triggers, step: BigInt(state.step + 1) };
    this.#tell(this.events.make({ case: "taskStarted", value: started }));
  }

  /** Tells an event that is not kept. After the end nothing more is told: it would come behind the event of the stop. */
  #tell(event: Event): void {
    if (this.#over) return;
    event.number = this.thread.tail.lastEventNumber;
    event.ephemeral = create(EphemeralPositionSchema, { epoch: this.plan.epoch, subNumber: ++this.#told });
    event.at = timestampFromMs(this.#parts.environment.clock.nowMs());
    this.#parts.ephemeral.tell(this.plan.key, event);
  }

  #isoNow(): string {
    return new Date(this.#parts.environment.clock.nowMs()).toISOString();
  }
}
