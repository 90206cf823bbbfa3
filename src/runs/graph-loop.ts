import { applyWrites } from "../engine/apply.ts";
import { stoppedNodes } from "../engine/breakpoints.ts";
import type { Cell } from "../engine/cell.ts";
import { adoptReferences, toCheckpoint } from "../engine/checkpoint.ts";
import { isHandled, withHandlers } from "../engine/error-handler.ts";
import { RunFailure } from "../engine/failure.ts";
import type { NodeResult } from "../engine/node-result.ts";
import { copyState, readChannels } from "../engine/state.ts";
import { isFinished } from "../engine/task-status.ts";
import { type FinishedTask, missingNodes, prepareTasks, type Task } from "../engine/tasks.ts";
import type { Checkpoint } from "../gen/cairn/v1/checkpoint_pb.ts";
import type { Event } from "../gen/cairn/v1/event_pb.ts";
import { RunStatus } from "../gen/cairn/v1/event_pb.ts";
import { Durability } from "../gen/cairn/v1/run_service_pb.ts";
import { limits } from "../limits.ts";
import type { Committed, Draft } from "../store/store.ts";
import type { TaskLeases } from "../workers/task-leases.ts";
import { EventMaker } from "./event-bodies.ts";
import type { Loaded } from "./load.ts";
import type { RunParts } from "./parts.ts";
import type { Replay } from "./replay.ts";
import { type RunEnd, recursionLimit, sendToNobody, threadConflict, tooManyTasks } from "./run-end.ts";
import { type RunPlan, stampOf } from "./run-plan.ts";
import { callSubgraph } from "./subgraphs.ts";
import { type Question, Superstep, type Unsaved } from "./superstep.ts";

/** What a graph's loop gets from its run, and from that of the enclosing graph. */
export interface LoopHost {
  readonly parts: RunParts;
  readonly plan: RunPlan;
  /** Aborted when the run is to stop as soon as possible. */
  readonly signal: AbortSignal;
  /** Resolves then, also for whoever asks only afterwards. */
  readonly cancellation: Promise<"cancelled">;
  /** What the run ends as when it is to stop before its next superstep. */
  readonly drainedAs: RunStatus | undefined;
  /** What the run ends as when `signal` is aborted. */
  readonly abortedAs: RunStatus;
  /** The leases of its tasks at workers. */
  readonly leases: TaskLeases;
  /** Appends a record of the run. */
  append(draft: Draft): Promise<Committed>;
  /** Appends one while the run goes on. A failure is met by whatever is appended next, and by `settled`. */
  appendBehind(draft: Draft, then: (committed: Committed) => void): void;
  /** Resolves when nothing is appended behind any more. */
  settled(): Promise<void>;
  /** Tells who listens of an ephemeral event. */
  tell(event: Event): void;
}

/** What a graph's loop is to do. */
export interface LoopPlan {
  interruptBefore: readonly string[];
  interruptAfter: readonly string[];
  /** The last superstep it may make. */
  lastStep: number;
  /** Stop after one superstep. */
  single: boolean;
  /** A node of another graph. */
  nested: boolean;
  /** Nothing of it is saved: the answers that it gets. */
  replay: Replay | undefined;
}

/** What a run that is saved when it stops has not saved yet. */
interface HeldBack {
  /** The newest checkpoint. */
  checkpoint: Checkpoint;
  events: Event[];
  /** Of the values in the events. */
  bytes: number;
  /** The newest checkpoint that is saved. */
  parentId: string;
  previousVersions: Map<string, number>;
}

/** With more, a record is written before the run stops. */
const heldEventsMax = 1_000;
const heldBytesMax = 1024 * 1024;

/** How a loop ended, with what is still to be committed. */
export interface LoopEnd extends RunEnd {
  draft: Draft;
  /** It ended by a command to the enclosing graph. */
  command?: NodeResult;
  /** It waits with a question that it can't save. */
  question?: Question;
}

/**
 * Superstep after superstep of one graph until its next stop. Each superstep is one commit, which carries the new
 * checkpoint and the results that were not saved before; the last one is left to whoever called.
 */
export class GraphLoop {
  readonly plan: LoopPlan;
  readonly loaded: Loaded;
  readonly events: EventMaker;
  /** What the graph last had to show: its channels after a superstep that wrote one. Undefined before any. */
  output: Map<string, Cell> | undefined;
  /** Tasks whose subgraphs have been begun by this loop, and not by an earlier call. */
  readonly begun = new Set<string>();
  /** Of a run that is saved when it stops: what is not saved yet. */
  #held: HeldBack | undefined;
  readonly #host: LoopHost;
  #planned: { at: string; tasks: readonly Task[] } | undefined;

  constructor(host: LoopHost, plan: LoopPlan, loaded: Loaded) {
    this.#host = host;
    this.plan = plan;
    this.loaded = loaded;
    this.events = new EventMaker(host.plan.runId, loaded.state.namespace);
  }

  async drive(): Promise<LoopEnd> {
    const stop = this.#stop();
    let end: LoopEnd | undefined = stop && { ...stop, draft: {} };
    while (end === undefined) end = await this.#superstep();
    return end;
  }

  /** Nodes that are still to run. */
  get next(): string[] {
    const { state, statuses } = this.loaded;
    return withHandlers(state, this.#due(), statuses).flatMap((task) => {
      const status = statuses.get(task.id);
      return isFinished(status) || isHandled(state, task, status) ? [] : [task.node];
    });
  }

  /** Takes note of a commit: what is stored is named by reference from now on. */
  committed({ record }: Committed): void {
    if (record.checkpoint !== undefined) adoptReferences(this.loaded.state, record.checkpoint);
  }

  /** Why it stops before its next superstep, if it does. */
  #stop(): RunEnd | undefined {
    const { state } = this.loaded;
    const { lastStep, interruptBefore } = this.plan;
    if (this.#host.signal.aborted) return { status: this.#host.abortedAs, failure: undefined };
    if (state.step + 1 > lastStep) return { status: RunStatus.FAILED, failure: recursionLimit(lastStep) };
    const [missing] = missingNodes(state);
    if (missing !== undefined) return { status: RunStatus.FAILED, failure: sendToNobody(missing) };
    const tasks = this.#due();
    if (tasks.length === 0) return { status: RunStatus.DONE, failure: undefined };
    if (tasks.length > limits.tasksPerSuperstepMax)
      return { status: RunStatus.FAILED, failure: tooManyTasks(tasks.length) };
    const conflict = threadConflict(state.graph, tasks);
    if (conflict !== undefined) return { status: RunStatus.FAILED, failure: conflict };
    const stopped = stoppedNodes(
      state,
      interruptBefore,
      tasks.map(({ node }) => node),
    );
    if (stopped.length > 0) {
      return { status: RunStatus.PAUSED, failure: undefined, pausedAt: { side: "before", nodes: stopped } };
    }
    const { drainedAs } = this.#host;
    return drainedAs === undefined ? undefined : { status: drainedAs, failure: undefined };
  }

  /** The tasks that are due at the checkpoint where the state stands, planned once. */
  #due(): readonly Task[] {
    const { state } = this.loaded;
    if (this.#planned?.at !== state.checkpointId) {
      this.#planned = { at: state.checkpointId, tasks: prepareTasks(state) };
    }
    return this.#planned.tasks;
  }

  /** Makes one superstep. Gives the end when it is the last. */
  async #superstep(): Promise<LoopEnd | undefined> {
    const tasks = this.#due();
    const step = this.#newSuperstep(tasks);
    const ended = await Promise.race([step.run(), this.#host.cancellation]);
    const draft = this.#atStop(step.unsaved);
    if (ended === "cancelled") return { status: this.#host.abortedAs, failure: undefined, draft };
    if (step.failure !== undefined) return { status: RunStatus.FAILED, failure: step.failure, draft };
    if (step.command !== undefined) {
      return { status: RunStatus.DONE, failure: undefined, draft, command: step.command };
    }
    if (step.stopped !== undefined) {
      return { ...this.#stoppedBy(step, step.stopped), draft, question: step.question };
    }
    return this.#advance(step, tasks);
  }

  /**
   * A superstep some of whose tasks wait. Writes to untracked channels that can't be applied together are told now, as
   * LangGraph does in the outermost graph: they are not saved, so nothing would be left of them to be told later.
   */
  #stoppedBy(step: Superstep, status: RunStatus): RunEnd {
    const { state } = this.loaded;
    try {
      if (state.graph.untracked.size > 0 && !this.plan.nested) applyWrites(copyState(state), step.finished);
      return { status, failure: undefined };
    } catch (thrown) {
      if (!(thrown instanceof RunFailure)) throw thrown;
      return { status: RunStatus.FAILED, failure: thrown };
    }
  }

  #newSuperstep(tasks: readonly Task[]): Superstep {
    const host = this.#host;
    const { state } = this.loaded;
    const { modules, workers, environment, nodeCache } = host.parts;
    return new Superstep(tasks, {
      loaded: this.loaded,
      events: this.events,
      replay: this.plan.replay,
      now: () => new Date(environment.clock.nowMs()).toISOString(),
      context: {
        state,
        space: host.plan.key.space,
        threadId: host.plan.key.thread,
        runId: host.plan.runId,
        modules,
        workers,
        leases: this.#savesAtExit ? undefined : host.leases,
        environment,
        cache: nodeCache,
        signal: host.signal,
        hear: (task, told) => host.tell(this.events.told(task, told)),
        onStart: (task, attempt) => this.#tellStarted(task, attempt),
        onWaits: (task, handler, attempt) => this.#tellWaiting(task, handler, attempt),
        callSubgraph: (task, answers) => callSubgraph(host, { outer: this, task, answers }),
      },
      save: this.#savesAtExit ? undefined : async (unsaved) => void (await host.append(this.#draftOf(unsaved))),
    });
  }

  /** Applies a finished superstep. Commits its checkpoint, unless a stop follows: then that is left to the caller. */
  async #advance(step: Superstep, tasks: readonly Task[]): Promise<LoopEnd | undefined> {
    await this.#host.settled();
    const { state, statuses, children } = this.loaded;
    // Of what the tasks wrote against a checkpoint that is not saved, nothing is left to be said.
    const writes = this.#savesAtExit ? [] : this.#draftOf(step.unsaved).writes;
    const { parentId, previousVersions } = this.#held ?? {
      parentId: state.checkpointId,
      previousVersions: new Map(state.versions),
    };
    try {
      applyWrites(state, step.finished);
    } catch (thrown) {
      if (!(thrown instanceof RunFailure)) throw thrown;
      return { status: RunStatus.FAILED, failure: thrown, draft: this.#atStop(step.unsaved) };
    }
    for (const [namespace, checkpointId] of step.heads) state.heads.set(namespace, checkpointId);
    this.#show(step.finished);
    const { checkpoint, tasks: due } = toCheckpoint(state, {
      ...stampOf(this.#host.parts, this.#host.plan),
      parentId: parentId === "" ? undefined : parentId,
      source: "loop",
      ran: tasks.map(({ node }) => node),
      previousVersions,
    });
    this.#planned = { at: checkpoint.id, tasks: due };
    statuses.clear();
    children.clear();
    const events = [...(this.#held?.events ?? []), ...step.unsaved.events];
    const end = this.#stopAfter(tasks) ?? this.#stop() ?? this.#stopSingle();
    const bytes = (this.#held?.bytes ?? 0) + bytesOf(step.finished);
    const holdsBack = this.#savesAtExit && events.length < heldEventsMax && bytes < heldBytesMax;
    if (end === undefined && holdsBack) {
      this.#held = { checkpoint, events, bytes, parentId, previousVersions };
      return undefined;
    }
    this.#held = undefined;
    const saved = this.events.checkpointSaved(checkpoint);
    const draft = { writes, checkpoint, hasFreshId: true, events: [...events, saved] };
    if (end !== undefined) return { ...end, draft };
    await this.#save(draft);
    return undefined;
  }

  /** Nothing is saved before the run stops, or ever. */
  get #savesAtExit(): boolean {
    return this.plan.replay !== undefined || this.#host.plan.durability === Durability.EXIT;
  }

  async #save(draft: Draft): Promise<void> {
    if (this.plan.replay !== undefined) return;
    if (this.#host.plan.durability !== Durability.ASYNC) this.committed(await this.#host.append(draft));
    else this.#host.appendBehind(draft, (committed) => this.committed(committed));
  }

  /** What is to be saved where a superstep stops half-way: first the checkpoint that it starts from, if that is not saved. */
  #atStop(unsaved: Unsaved): Draft {
    const draft = this.#draftOf(unsaved);
    if (this.#held === undefined) return draft;
    const { checkpoint, events } = this.#held;
    const saved = this.events.checkpointSaved(checkpoint);
    return { ...draft, checkpoint, hasFreshId: true, events: [...events, saved, ...(draft.events ?? [])] };
  }

  /** LangGraph's rule for what a graph gives back: its channels after the last superstep that changed one by a write. */
  #show(finished: readonly FinishedTask[]): void {
    if (!this.plan.nested) return;
    const { graph, updated } = this.loaded.state;
    const isState = (channel: string): boolean => graph.stateChannels.has(channel);
    const changed = updated !== undefined && [...updated].some(isState);
    const written = finished.some(({ writes }) => writes.some(({ channel }) => isState(channel)));
    if (changed && written) this.output = readChannels(this.loaded.state);
  }

  /** A breakpoint after one of the nodes that just ran stops, unless nothing is due any more in the outermost graph. */
  #stopAfter(ran: readonly Task[]): RunEnd | undefined {
    const { state } = this.loaded;
    const nodes = stoppedNodes(
      state,
      this.plan.interruptAfter,
      ran.map(({ node }) => node),
    );
    if (nodes.length === 0) return undefined;
    if (this.#due().length === 0 && !this.plan.nested) return { status: RunStatus.DONE, failure: undefined };
    return { status: RunStatus.PAUSED, failure: undefined, pausedAt: { side: "after", nodes } };
  }

  #stopSingle(): RunEnd | undefined {
    return this.plan.single ? { status: RunStatus.PAUSED, failure: undefined } : undefined;
  }

  #draftOf({ writes, events, inner }: Unsaved): Draft {
    const { namespace, checkpointId } = this.loaded.state;
    const own = writes.length === 0 ? [] : [{ namespace, checkpointId, writes }];
    return { writes: [...inner, ...own], events: [...events] };
  }

  #tellStarted({ id, node, triggers }: Task, attempt: number): void {
    const started = { taskId: id, node, triggers, step: BigInt(this.loaded.state.step + 1), attempt };
    this.#host.tell(this.events.make({ case: "taskStarted", value: started }));
  }

  #tellWaiting({ id, node }: Task, handler: string, attempt: number): void {
    if (this.#savesAtExit) return;
    const step = BigInt(this.loaded.state.step + 1);
    const waiting = this.events.make({ case: "taskWaiting", value: { taskId: id, node, step, handler } });
    this.#host.leases.waits({ taskId: id, handler, attempt }, waiting);
  }
}

function bytesOf(finished: readonly FinishedTask[]): number {
  return finished.reduce((sum, { writes }) => writes.reduce((all, { cell }) => all + cell.typed.data.length, sum), 0);
}
