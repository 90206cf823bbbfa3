import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { adoptReferences } from "../engine/checkpoint.ts";
import { RunFailure } from "../engine/failure.ts";
import { CairnError, invariant, toCairnError } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import { RunStatus } from "../gen/cairn/v1/event_pb.ts";
import { type RunOutcome, RunOutcomeSchema } from "../gen/cairn/v1/run_service_pb.ts";
import type { Committed, KnownRequest, ThreadKey, ThreadTail } from "../store/store.ts";
import { threadName } from "../store/thread-name.ts";
import { type Beginning, begin, type RunCall } from "./begin.ts";
import { runError } from "./event-bodies.ts";
import { leaseState } from "./lease.ts";
import { findStored, graphOf, loadState } from "./load.ts";
import { loadChildren } from "./load-children.ts";
import type { RunParts } from "./parts.ts";
import { Run } from "./run.ts";
import type { RunEnd } from "./run-end.ts";
import { stateSnapshot } from "./state-view.ts";

/** A run of this server, from just before its first record until just after its last. */
class Live {
  readonly runId: string;
  readonly ended = Promise.withResolvers<RunOutcome>();
  run: Run | undefined;

  constructor(runId: string) {
    this.runId = runId;
    // A caller that went away leaves nobody to hear of a failure.
    this.ended.promise.catch(() => {});
  }
}

/** The runs of this server. At most one drives a thread. */
export class Runner {
  readonly #parts: RunParts;
  readonly #live = new Map<string, Live>();
  #stopping = false;

  constructor(parts: RunParts) {
    this.#parts = parts;
  }

  get activeRuns(): number {
    return this.#live.size;
  }

  /** The run that is going on a thread of this server, if any. */
  liveRunId(key: ThreadKey): string | undefined {
    return this.#live.get(threadName(key))?.runId;
  }

  /** Begins a run and waits for its next stop. A call that was made before gets the first answer. */
  async run(call: RunCall): Promise<RunOutcome> {
    const name = threadName(call.key);
    let begun: { beginning: Beginning; thread: ThreadTail; live: Live } | undefined;
    let before: KnownRequest | undefined;
    const forget = (): void => {
      if (begun === undefined) return;
      if (this.#live.get(name) === begun.live) this.#live.delete(name);
      // Whoever waits for a run that never began must not wait for ever; of one that did, this changes nothing.
      begun.live.ended.reject(new CairnError(ErrorReason.RUN_CANCELLED, "the run could not begin"));
      begun = undefined;
    };
    try {
      const committed = await this.#parts.store.update(call.key, async (thread) => {
        forget();
        before = await this.#repeated(call, thread);
        if (before !== undefined && this.#isOver(call.key, before)) return undefined;
        this.refuseBusy(call.key, thread);
        if (this.#stopping) throw new CairnError(ErrorReason.SERVER_STOPPING, "the server is stopping");
        const runId = before?.runId ?? this.#parts.minter.mint();
        const beginning = await begin(this.#parts, before === undefined ? call : goOn(call), runId, thread);
        begun = { beginning, thread, live: new Live(runId) };
        // Before the commit, so that no other call of this server takes the lease for an abandoned one.
        if (beginning.draft !== undefined) this.#live.set(name, begun.live);
        return beginning.draft;
      });
      if (begun === undefined && before !== undefined) return await this.#answerOf(call.key, before);
      invariant(begun !== undefined, "a run that was not refused has begun");
      if (committed === undefined) return this.#nothingDue(begun.beginning, begun.thread);
      begun.live.ended.resolve(this.#drive(begun.live, begun.beginning, committed));
      return await begun.live.ended.promise;
    } finally {
      forget();
    }
  }

  /** Cancels a run of this server. False when it is not going here. */
  async cancel(key: ThreadKey, runId: string): Promise<boolean> {
    const live = this.#live.get(threadName(key));
    if (live === undefined || live.runId !== runId) return false;
    live.run?.cancel();
    await live.ended.promise.catch(() => {});
    return true;
  }

  /** Refuses a thread that a run holds. Throws THREAD_BUSY. */
  refuseBusy(key: ThreadKey, { tail }: ThreadTail): void {
    const { store, serverId, environment } = this.#parts;
    const holder = tail.lease?.holder;
    const live = this.#live.has(threadName(key));
    const state = leaseState(tail, { serverId, exclusive: store.exclusive, nowMs: environment.clock.nowMs() });
    // A lease of this server without a run here is one that a failing store kept it from giving back.
    if (!live && (state !== "held" || holder === serverId)) return;
    const runId = this.liveRunId(key) ?? tail.lease?.runId ?? "";
    throw new CairnError(ErrorReason.THREAD_BUSY, `thread ${JSON.stringify(key.thread)} is held by run ${runId}`, {
      metadata: { thread_id: key.thread, run_id: runId },
    });
  }

  /** Lets the runs that are going stop before their next superstep; cancels those that don't in time. */
  async stop(graceMs: number): Promise<void> {
    this.#stopping = true;
    const live = [...this.#live.values()];
    for (const { run } of live) run?.drain();
    const all = Promise.allSettled(live.map(({ ended }) => ended.promise));
    const timer = this.#parts.environment.clock.after(graceMs, () => {
      for (const { run } of live) run?.cancel();
    });
    await all;
    timer();
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
  #isOver(key: ThreadKey, { answer, runId }: KnownRequest): boolean {
    return answer !== undefined || (runId !== undefined && this.liveRunId(key) === runId);
  }

  async #answerOf(key: ThreadKey, { answer, n }: KnownRequest): Promise<RunOutcome> {
    const live = this.#live.get(threadName(key));
    if (answer === undefined && live !== undefined) return live.ended.promise;
    const outcome = fromBinary(RunOutcomeSchema, answer ?? new Uint8Array());
    const [last] = await this.#parts.store.runRecords(key, outcome.runId, n + 1, 1);
    outcome.lastEventNumber = last?.record.events.at(-1)?.number ?? 0n;
    const checkpointId = outcome.state?.checkpointId ?? "";
    const stored = await findStored(this.#parts, key, "", checkpointId, n);
    if (stored === undefined) return outcome;
    const loaded = loadState(await graphOf(this.#parts, key.space, stored.checkpoint), key, "", stored);
    await loadChildren(this.#parts, key, loaded, n);
    outcome.state = stateSnapshot(stored.checkpoint, loaded, true);
    return outcome;
  }

  #nothingDue({ loaded, plan }: Beginning, { tail }: ThreadTail): RunOutcome {
    const checkpoint = loaded.stored?.checkpoint;
    return create(RunOutcomeSchema, {
      runId: plan.runId,
      status: RunStatus.DONE,
      state: checkpoint && stateSnapshot(checkpoint, loaded, true),
      lastEventNumber: tail.lastEventNumber,
    });
  }

  async #drive(live: Live, { plan, loaded }: Beginning, committed: Committed): Promise<RunOutcome> {
    const checkpoint = committed.record.checkpoint ?? loaded.stored?.checkpoint;
    invariant(checkpoint !== undefined, "a run has a checkpoint to start from");
    if (committed.record.checkpoint !== undefined) adoptReferences(loaded.state, checkpoint);
    const run = new Run(this.#parts, plan, loaded, committed.thread, checkpoint);
    run.answer = (end) => encodeAnswer(run, end);
    live.run = run;
    try {
      return await this.#toTheEnd(run);
    } catch (thrown) {
      this.#parts.log.warn({ thread: plan.key, runId: plan.runId, err: thrown }, "a run ended without a record");
      throw thrown;
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
    if (end.status === RunStatus.LOST)
      throw new CairnError(ErrorReason.SERVER_STOPPING, "the server is stopping; the run can be continued");
    const outcome = create(RunOutcomeSchema, ended(run, end));
    outcome.lastEventNumber = run.thread.tail.lastEventNumber;
    outcome.state = intact ? stateSnapshot(run.checkpoint, run.loaded, true) : await this.#reread(run);
    return outcome;
  }

  async #reread({ plan, loaded, checkpoint }: Run): Promise<RunOutcome["state"]> {
    const stored = await findStored(this.#parts, plan.key, "", checkpoint.id);
    if (stored === undefined) return undefined;
    const again = loadState(loaded.state.graph, plan.key, "", stored);
    await loadChildren(this.#parts, plan.key, again);
    return stateSnapshot(stored.checkpoint, again, true);
  }
}

function ended({ plan }: Run, { status, failure }: RunEnd): Pick<RunOutcome, "runId" | "status" | "error"> {
  return { runId: plan.runId, status, error: failure && runError(failure) };
}

/** What a retry is answered from: how the run ended and where. The state is read again from that checkpoint. */
function encodeAnswer(run: Run, end: RunEnd): Uint8Array {
  const outcome = create(RunOutcomeSchema, { ...ended(run, end), state: { checkpointId: endedAt(run, end) } });
  return toBinary(RunOutcomeSchema, outcome);
}

/** The checkpoint that the thread will stand at once the end is committed. */
function endedAt(run: Run, { failure }: RunEnd): string {
  const uncommitted = failure !== undefined && run.loaded.state.checkpointId !== run.checkpoint.id;
  return uncommitted ? run.checkpoint.id : run.loaded.state.checkpointId;
}

/** A repeated call whose run was lost goes on where the thread stands: its input or answers are saved. */
function goOn(call: RunCall): RunCall {
  return { ...call, intent: { kind: "continue" }, options: { ...call.options, checkpointId: "" } };
}

/** Whether the thread can still be told that the run failed. */
function canGiveUp({ reason }: CairnError): boolean {
  return (
    reason !== ErrorReason.STALE_EPOCH && reason !== ErrorReason.STORE_UNAVAILABLE && reason !== ErrorReason.STORE_FULL
  );
}
