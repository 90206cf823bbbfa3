import { create } from "@bufbuild/protobuf";
import { adoptReferences } from "../engine/checkpoint.ts";
import { RunFailure } from "../engine/failure.ts";
import { CairnError, invariant, isRefusal, toCairnError } from "../errors.ts";
import { type CalledRun, CalledRunSchema } from "../gen/cairn/store/v1/record_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { RunStatus } from "../gen/cairn/v1/event_pb.ts";
import { OnBusy, type RunInfo, RunOptionsSchema, type RunOutcome } from "../gen/cairn/v1/run_service_pb.ts";
import type { Committed, Draft, KnownRequest, RequestDraft, ThreadKey, ThreadTail } from "../store/store.ts";
import { threadName } from "../store/thread-name.ts";
import { type Beginning, begin, type RunCall } from "./begin.ts";
import { answeredNow, cancelWaiting, endAtOnce, lineOf, lineUp } from "./calls.ts";
import { leaseState } from "./lease.ts";
import { Live } from "./live.ts";
import { answerOf, decodeOutcome, encodeOutcome, outcomeOf, outcomeOfNothing } from "./outcomes.ts";
import type { RunParts } from "./parts.ts";
import { Run } from "./run.ts";
import type { RunEnd } from "./run-end.ts";
import { readRun } from "./run-info.ts";
import { undoRun } from "./undo.ts";
import { waitForStop } from "./wait.ts";

/** A run that waits, the position of its record, and the run that was going then. */
interface Waiting {
  runId: string;
  n: number;
  behind: string | undefined;
}

/** What is to be done on a thread: begin a run, if anything is due in it, or write something else. */
type Decision = { beginning: Beginning } | { draft: Draft | undefined };

/** The runs of this server. At most one drives a thread. */
export class Runner {
  readonly #parts: RunParts;
  readonly #live = new Map<string, Live>();
  readonly #stopping = new AbortController();

  constructor(parts: RunParts) {
    this.#parts = parts;
  }

  get activeRuns(): number {
    return this.#live.size;
  }

  /** The run that holds a thread, on this server or another; undefined when none does. */
  holderOf(key: ThreadKey, { tail }: Pick<ThreadTail, "tail">): string | undefined {
    const live = this.#live.get(threadName(key));
    if (live !== undefined) return live.runId;
    const { store, serverId, environment } = this.#parts;
    const state = leaseState(tail, { serverId, exclusive: store.exclusive, nowMs: environment.clock.nowMs() });
    // A lease of this server without a run here is one that a failing store kept it from giving back.
    return state === "held" && tail.lease?.holder !== serverId ? tail.lease?.runId : undefined;
  }

  /** Begins a run and waits for its next stop, unless it is for the background. A call that was made before gets the first answer. */
  async run(call: RunCall, signal: AbortSignal): Promise<RunOutcome> {
    const { key } = call;
    let known: KnownRequest | undefined;
    let waits: Waiting | undefined;
    let idle: { beginning: Beginning; thread: ThreadTail } | undefined;
    const begun = await this.#advance(key, async (thread) => {
      idle = undefined;
      waits = undefined;
      known = await this.#repeated(call, thread);
      if (known !== undefined && (await this.#isOver(key, known, thread))) return { draft: undefined };
      if (this.#stopping.signal.aborted) throw serverStopping();
      if (known === undefined && call.onBusy > OnBusy.REJECT && this.#isBusy(key, thread)) {
        const runId = this.#parts.minter.mint();
        const line = lineOf(thread, this.holderOf(key, thread));
        waits = { runId, n: thread.n + 1, behind: line.going };
        return { draft: lineUp(call, runId, line) };
      }
      this.refuseBusy(key, thread);
      const runId = known?.runId ?? this.#parts.minter.mint();
      const beginning = await this.#begin(known === undefined ? call : goOn(call), runId, thread);
      if (beginning.draft !== undefined) return { beginning };
      // A run that was lost with nothing left to do is ended by a record: it is refused where this was not the end.
      if (known?.runId !== undefined) return { draft: endAtOnce(runId, thread, call.request, done) };
      idle = { beginning, thread };
      return { draft: undefined };
    });
    if (idle !== undefined) return outcomeOfNothing(idle.beginning, idle.thread);
    if (known !== undefined && begun === undefined) {
      const outcome = await this.#answerOf(key, known, signal);
      // Its server went away while this call waited: it is taken on, as by a call that comes only now.
      return outcome.status === RunStatus.LOST ? await this.run(call, signal) : outcome;
    }
    if (begun === undefined) {
      invariant(waits !== undefined, "a run that was not refused has begun or waits");
      return await this.#outcomeOfWaiting(call, waits, signal);
    }
    const { live, n } = begun;
    return call.background ? await this.#underWay(key, live.runId, n) : await live.ended.promise;
  }

  /** Waits until a run has stopped. Throws RUN_NOT_FOUND, and what `signal` is aborted with. */
  async wait(key: ThreadKey, runId: string, signal: AbortSignal): Promise<RunInfo> {
    const either = AbortSignal.any([signal, this.#stopping.signal]);
    return await waitForStop(this.#parts, key, either, () => this.readRun(key, runId));
  }

  /** Reads a run. Throws RUN_NOT_FOUND. */
  async readRun(key: ThreadKey, runId: string): Promise<RunInfo> {
    const thread = await this.#parts.store.tail(key);
    const holder = this.holderOf(key, thread);
    const info = await readRun(this.#parts.store, key, runId, (id) => id === holder);
    const waiting = thread.tail.workerTasks.filter(({ epoch }) => epoch === 0n).map(({ handler }) => handler);
    if (runId === holder) info.waitsFor = [...new Set(waiting)].sort();
    return info;
  }

  /** Cancels a run that is going, on this server or another, or waits. */
  async cancel(key: ThreadKey, runId: string, gracefully: boolean, signal: AbortSignal): Promise<void> {
    const live = this.#live.get(threadName(key));
    if (live?.runId === runId) {
      live.cancel(gracefully);
      await live.ended.promise.catch(() => {});
      return;
    }
    let isElsewhere = false;
    await this.#parts.store.update(key, async (thread) => {
      const line = lineOf(thread, this.holderOf(key, thread));
      isElsewhere = line.going === runId;
      if (isElsewhere) return { cancelRun: { runId, gracefully } };
      return [...line.waiting, line.lost].includes(runId) ? cancelWaiting(runId) : undefined;
    });
    // Its server hears of it with the next record that it writes.
    if (isElsewhere) await this.wait(key, runId, signal);
  }

  /** Refuses a thread that a run holds, or waits for. Throws THREAD_BUSY. */
  refuseBusy(key: ThreadKey, thread: ThreadTail): void {
    if (!this.#isBusy(key, thread)) return;
    const runId = this.holderOf(key, thread) ?? thread.tail.calls[0]?.runId ?? "";
    throw new CairnError(ErrorReason.THREAD_BUSY, `thread ${JSON.stringify(key.thread)} is held by run ${runId}`, {
      metadata: { thread_id: key.thread, run_id: runId },
    });
  }

  /** Begins the run that is first in line on a thread, if nobody holds it. One that can't begin has failed. */
  async goOnWith(key: ThreadKey): Promise<void> {
    const { store } = this.#parts;
    for (;;) {
      const thread = await store.tail(key);
      const [first] = thread.tail.calls;
      if (first === undefined || this.#stopping.signal.aborted || this.holderOf(key, thread) !== undefined) return;
      const { call, request } = await store.calledRun(key, Number(first.n));
      if (call.undoRunId !== "" && thread.tail.lease?.runId !== call.runId)
        await undoRun(this.#parts, key, call.undoRunId);
      const begun = await this.#advance(key, (now) => this.#turnOf(key, now, call, request));
      if (begun !== undefined) return;
    }
  }

  /** Lets the runs that are going stop before their next superstep; leaves those that don't in time. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping.abort(serverStopping());
    const live = [...this.#live.values()];
    for (const { run } of live) run?.drain(RunStatus.LOST);
    const all = Promise.allSettled(live.map(({ ended }) => ended.promise));
    const timer = this.#parts.environment.clock.after(graceMs, () => {
      for (const { run } of live) run?.abandon();
    });
    await all;
    timer();
  }

  /** Appends what is decided. A run that begins with it is known to other calls from just before its first record. */
  async #advance(
    key: ThreadKey,
    decide: (thread: ThreadTail) => Promise<Decision>,
  ): Promise<{ live: Live; n: number } | undefined> {
    const name = threadName(key);
    let begun: { beginning: Beginning; live: Live } | undefined;
    const forget = (): void => {
      if (begun === undefined) return;
      if (this.#live.get(name) === begun.live) this.#live.delete(name);
      // Whoever waits for a run that never began must not wait for ever.
      begun.live.ended.reject(new CairnError(ErrorReason.RUN_CANCELLED, "the run could not begin"));
      begun = undefined;
    };
    try {
      const committed = await this.#parts.store.update(key, async (thread) => {
        forget();
        const decision = await decide(thread);
        if ("draft" in decision) return decision.draft;
        const { beginning } = decision;
        if (beginning.draft === undefined) return undefined;
        begun = { beginning, live: new Live(beginning.plan.runId) };
        // Before the commit, so that no other call of this server takes the lease for an abandoned one.
        this.#live.set(name, begun.live);
        return beginning.draft;
      });
      if (begun === undefined || committed === undefined) return undefined;
      const { live, beginning } = begun;
      begun = undefined;
      live.ended.resolve(this.#drive(live, beginning, committed));
      return { live, n: committed.thread.n };
    } finally {
      forget();
    }
  }

  /** Prepares a run. One for the background leaves its call, for whoever goes on with it, and has its answer. */
  async #begin(call: RunCall, runId: string, thread: ThreadTail): Promise<Beginning> {
    if (!call.background) return await begin(this.#parts, call, runId, thread);
    const beginning = await begin(this.#parts, { ...call, request: undefined }, runId, thread);
    const { draft } = beginning;
    if (draft === undefined) return beginning;
    const checkpointId = draft.checkpoint?.id ?? beginning.loaded.state.checkpointId;
    draft.call = create(CalledRunSchema, { runId, options: call.options });
    draft.request = call.request && answeredNow(call.request, runId, RunStatus.RUNNING, checkpointId);
    return beginning;
  }

  /** What becomes of the run whose turn it is: it begins, goes on where its server left it, or ends at once. */
  async #turnOf(
    key: ThreadKey,
    thread: ThreadTail,
    { runId, options = create(RunOptionsSchema), input }: CalledRun,
    request: RequestDraft | undefined,
  ): Promise<Decision> {
    const { tail } = thread;
    if (tail.calls[0]?.runId !== runId || this.holderOf(key, thread) !== undefined) return { draft: undefined };
    const intent = input === undefined ? { kind: "continue" as const } : { kind: "input" as const, input };
    const call: RunCall = { key, intent, options, single: false, request, background: false, onBusy: OnBusy.REJECT };
    const end = (status: RunStatus, failure?: RunFailure) => ({
      draft: endAtOnce(runId, thread, request, { status, failure }),
    });
    const hasBegun = tail.lease?.runId === runId;
    // Its server has not lived to do it.
    if (hasBegun && tail.cancelRunId === runId) return end(RunStatus.CANCELLED);
    try {
      const beginning = await begin(this.#parts, hasBegun ? goOn(call) : call, runId, thread);
      return beginning.draft === undefined ? end(RunStatus.DONE) : { beginning };
    } catch (thrown) {
      if (!isRefusal(thrown)) throw thrown;
      const { reason, message, metadata } = thrown;
      const { node = "", channel = "" } = metadata;
      return end(RunStatus.FAILED, new RunFailure(reason, message, { node, channel }));
    }
  }

  #isBusy(key: ThreadKey, thread: ThreadTail): boolean {
    return this.holderOf(key, thread) !== undefined || thread.tail.calls.length > 0;
  }

  /** Whoever takes over tells the run that is going; whoever waits in the background is answered now. */
  async #outcomeOfWaiting(call: RunCall, waits: Waiting, signal: AbortSignal): Promise<RunOutcome> {
    const { key, onBusy, background } = call;
    const live = this.#live.get(threadName(key));
    if (live !== undefined) live.hasNext = true;
    if (onBusy !== OnBusy.ENQUEUE && live?.runId === waits.behind) live?.cancel(false);
    this.#goOnSoon(key);
    if (background) return await this.#underWay(key, waits.runId, waits.n);
    return await this.#outcomeOfRun(key, waits.runId, signal);
  }

  /** What a call is answered whose run goes on. */
  async #underWay(key: ThreadKey, runId: string, n: number): Promise<RunOutcome> {
    const { status, error } = await this.readRun(key, runId);
    return await decodeOutcome(this.#parts, key, encodeOutcome({ runId, status, error }, ""), n);
  }

  #goOnSoon(key: ThreadKey): void {
    this.goOnWith(key).catch((err: unknown) => {
      this.#parts.log.warn({ thread: key, err }, "the next run in line could not begin yet");
    });
  }

  async #repeated(call: RunCall, { exists }: ThreadTail): Promise<KnownRequest | undefined> {
    if (call.request === undefined || !exists) return undefined;
    const known = await this.#parts.store.findRequest(call.key, call.request.id);
    if (known === undefined || Buffer.from(known.bodyHash).equals(call.request.bodyHash)) return known;
    throw new CairnError(
      ErrorReason.REQUEST_ID_REUSED,
      `request_id ${JSON.stringify(call.request.id)} came with another body before`,
      { metadata: { request_id: call.request.id } },
    );
  }

  /** Whether a repeated call has only to wait or to read; otherwise its run was lost and is taken on. */
  async #isOver(key: ThreadKey, { answer, runId }: KnownRequest, thread: ThreadTail): Promise<boolean> {
    if (answer !== undefined) return true;
    if (runId === undefined) return false;
    if (this.holderOf(key, thread) === runId || thread.tail.calls.some((call) => call.runId === runId)) return true;
    const { status } = await this.readRun(key, runId);
    return status !== RunStatus.LOST;
  }

  async #answerOf(key: ThreadKey, { answer, n, runId = "" }: KnownRequest, signal: AbortSignal): Promise<RunOutcome> {
    if (answer !== undefined) return await decodeOutcome(this.#parts, key, answer, n);
    const live = this.#live.get(threadName(key));
    return live?.runId === runId ? await live.ended.promise : await this.#outcomeOfRun(key, runId, signal);
  }

  async #outcomeOfRun(key: ThreadKey, runId: string, signal: AbortSignal): Promise<RunOutcome> {
    const info = await this.wait(key, runId, signal);
    return await decodeOutcome(this.#parts, key, encodeOutcome(info, info.checkpointId), Number.POSITIVE_INFINITY);
  }

  async #drive(live: Live, { plan, loaded, forks }: Beginning, committed: Committed): Promise<RunOutcome> {
    const checkpoint = committed.record.checkpoint ?? loaded.stored?.checkpoint;
    invariant(checkpoint !== undefined, "a run has a checkpoint to start from");
    if (committed.record.checkpoint !== undefined) adoptReferences(loaded.state, checkpoint);
    const run = new Run(this.#parts, plan, loaded, committed.thread, checkpoint);
    run.forks = forks;
    run.answer = (end) => answerOf(run, end);
    live.begins(run);
    const name = threadName(plan.key);
    try {
      return await this.#toTheEnd(run);
    } catch (thrown) {
      this.#parts.log.warn({ thread: plan.key, runId: plan.runId, err: thrown }, "a run ended without a record");
      throw thrown;
    } finally {
      if (this.#live.get(name) === live) this.#live.delete(name);
      if (live.hasNext || run.thread.tail.calls.length > 0) this.#goOnSoon(plan.key);
    }
  }

  async #toTheEnd(run: Run): Promise<RunOutcome> {
    let end: RunEnd;
    let intact = true;
    try {
      end = await run.drive();
    } catch (thrown) {
      const error = toCairnError(thrown);
      if (!canGiveUp(error)) throw error;
      if (error.reason === ErrorReason.INTERNAL)
        this.#parts.log.error({ err: thrown }, "a run failed by a fault of Cairn's own");
      end = await run.giveUp(new RunFailure(error.reason, error.message, { channel: error.metadata.channel ?? "" }));
      intact = false;
    }
    if (end.status === RunStatus.LOST) throw serverStopping();
    return await outcomeOf(this.#parts, run, end, intact);
  }
}

const done: RunEnd = { status: RunStatus.DONE, failure: undefined };

function serverStopping(): CairnError {
  return new CairnError(ErrorReason.SERVER_STOPPING, "the server is stopping; the run can be continued");
}

/** A repeated call whose run was lost goes on where the thread stands: its input or answers are saved. */
function goOn(call: RunCall): RunCall {
  return { ...call, intent: { kind: "continue" }, options: { ...call.options, checkpointId: "", namespace: "" } };
}

/** Whether the thread can still be told that the run failed. */
function canGiveUp({ reason }: CairnError): boolean {
  return (
    reason !== ErrorReason.STALE_EPOCH && reason !== ErrorReason.STORE_UNAVAILABLE && reason !== ErrorReason.STORE_FULL
  );
}
