import { durationFromMs, timestampFromDate } from "@bufbuild/protobuf/wkt";
import type { Services } from "./client.ts";
import { Code } from "./code.ts";
import { CairnClientError } from "./error.ts";
import type { ThreadEvent } from "./event.ts";
import { type EventOptions, followEvents } from "./event-stream.ts";
import { pages } from "./pages.ts";
import { type RunInfo, toRunInfo } from "./run-info.ts";
import { metadataBytes, type RunOptions, toInput, toOnBusy, toRunOptions } from "./run-options.ts";
import type { CallOptions } from "./service-calls.ts";
import { type RunOutcome, type ThreadState, toOutcome, toState } from "./state.ts";
import { type ThreadInfo, toThreadInfo } from "./thread-info.ts";
import type { Transport } from "./transport.ts";
import { type Encoding, encodeAt } from "./values/typed-value.ts";

/** Answers to several interrupts by their ids. Made by `byId`. */
export class AnswersById {
  /** Interrupt id to answer. */
  readonly answers: Record<string, unknown>;

  constructor(answers: Record<string, unknown>) {
    this.answers = answers;
  }
}

/** Names the interrupts that answers are for: `thread.resume(byId({ [interrupt.id]: "yes" }))`. */
export function byId(answers: Record<string, unknown>): AnswersById {
  return new AnswersById(answers);
}

/** Where an update of the state goes, and as whom. */
export interface UpdateOptions extends CallOptions {
  /** The node to write as: what follows it runs next. Default: the one that wrote last. */
  asNode?: string;
  /** The checkpoint to update. Default: the head. An older one makes a fork. */
  checkpointId?: string;
  /** The graph's name. Default: the one the thread last ran. */
  graph?: string;
  /** The subgraph whose state to update. Default: the outermost graph's. */
  namespace?: string;
  /** Refuse the update (ABORTED, HEAD_MISMATCH) unless this is the head's id. */
  expectedHead?: string;
  /**
   * Forks a checkpoint that another framework has written into `graph`: which of its channels each channel of the graph
   * begins with. What of it had no place stands in the new checkpoint's metadata.
   */
  channelMapping?: Record<string, string>;
  /** How values are encoded. Default `msgpack`. */
  encoding?: Encoding;
  /** Makes a retry return the first answer for 24 hours. Default: a new UUID for each call. */
  requestId?: string;
}

/** What to write to the state, as which node. */
export interface NodeUpdate {
  values?: Record<string, unknown>;
  /** Default: the node that wrote last. */
  asNode?: string;
}

/** How to apply several supersteps of updates. */
export type BulkUpdateOptions = CallOptions & Pick<UpdateOptions, "graph" | "encoding" | "requestId">;

/** Which state to read. */
export interface StateOptions extends CallOptions {
  /** The checkpoint. Default: the head. */
  checkpointId?: string;
  /** The namespace. Default: the root graph's. */
  namespace?: string;
}

/** Which checkpoints a prune leaves. */
export interface PruneOptions extends CallOptions {
  /** So many of each namespace, newest first. At least 1. */
  keep: number;
  /** Those put since then as well. Default: any may go. */
  olderThan?: Date;
  /** Makes a retry return the first answer for 24 hours. Default: a new UUID for each call. */
  requestId?: string;
}

/** What a thread needs of its client. */
export interface ThreadContext {
  services: Services;
  transport: Transport;
}

/**
 * One thread of work. Calls that drive it throw ABORTED (THREAD_BUSY) while another run holds it, NOT_FOUND for a
 * graph, checkpoint, node or channel that isn't there, and FAILED_PRECONDITION when its state does not allow them.
 */
export class Thread {
  readonly id: string;
  readonly #context: ThreadContext;

  constructor(id: string, context: ThreadContext) {
    this.id = id;
    this.#context = context;
  }

  /**
   * Runs until the next stop: done, a question, a breakpoint or a failure. With an input begins a new turn;
   * without goes on where the thread stands. A failure or a question is an outcome, not an exception. With `background`
   * returns at once, `running` or `queued`; `waitForRun` and the events tell how it goes on.
   */
  async run(input?: Record<string, unknown>, options: RunOptions = {}): Promise<RunOutcome> {
    const { encoding, requestId, background } = options;
    const { outcome } = await this.#runs.run(
      {
        threadId: this.id,
        input: toInput(input, encoding),
        options: toRunOptions(options),
        onBusy: toOnBusy(options.onBusy),
        background,
        requestId,
      },
      options,
    );
    return toOutcome(outcome);
  }

  /** Runs one superstep, after applying the input if there is one. `done` when nothing was due, else `paused`. */
  async step(input?: Record<string, unknown>, options: RunOptions = {}): Promise<RunOutcome> {
    const { encoding, requestId } = options;
    const request = { threadId: this.id, input: toInput(input, encoding), options: toRunOptions(options), requestId };
    return toOutcome((await this.#runs.runStep(request, options)).outcome);
  }

  /**
   * Answers the only open question with any value, or several with `byId({ id: answer })`, and runs until the next
   * stop. Throws FAILED_PRECONDITION: NOTHING_TO_RESUME, INTERRUPT_NOT_FOUND, AMBIGUOUS_RESUME (several are open).
   */
  async resume(answer: unknown, options: RunOptions = {}): Promise<RunOutcome> {
    const { encoding, requestId, background } = options;
    const request = { threadId: this.id, options: toRunOptions(options), requestId, background };
    const wire =
      answer instanceof AnswersById
        ? { case: "answers" as const, value: { byId: encodeAnswers(answer.answers, encoding) } }
        : { case: "value" as const, value: encodeAt(["answer"], answer, encoding) };
    return toOutcome((await this.#runs.resume({ ...request, answer: wire }, options)).outcome);
  }

  /** Writes to the state as a node would have, and saves a checkpoint. Returns the state as it is now. */
  async updateState(values: Record<string, unknown> | undefined, options: UpdateOptions = {}): Promise<ThreadState> {
    const { asNode, checkpointId, graph, namespace, expectedHead, channelMapping, encoding, requestId } = options;
    const input = toInput(values, encoding);
    const request = {
      threadId: this.id,
      values: input,
      asNode,
      checkpointId,
      graphName: graph,
      namespace,
      expectedHead,
      channelMapping,
      requestId,
    };
    return toState((await this.#runs.updateState(request, options)).state);
  }

  /**
   * Applies several supersteps of updates, each of which saves a checkpoint. When another writer comes in between, what
   * was applied before stays, and this throws ABORTED (HEAD_MISMATCH). Returns the state as it is now.
   */
  async bulkUpdateState(supersteps: NodeUpdate[][], options: BulkUpdateOptions = {}): Promise<ThreadState> {
    const { graph, encoding, requestId } = options;
    const request = {
      threadId: this.id,
      supersteps: supersteps.map((updates) => ({
        updates: updates.map(({ values, asNode }) => ({ values: toInput(values, encoding), asNode })),
      })),
      graphName: graph,
      requestId,
    };
    return toState((await this.#runs.bulkUpdateState(request, options)).state);
  }

  /**
   * Makes a checkpoint of the past the starting point of what comes next, changed by `values` if given. The new
   * checkpoint is the head; everything that came after the old one stays in the history. `run()` goes on from it.
   */
  fork(
    checkpointId: string,
    values?: Record<string, unknown>,
    options: Omit<UpdateOptions, "checkpointId"> = {},
  ): Promise<ThreadState> {
    return this.updateState(values, { ...options, checkpointId });
  }

  /** Reads the state at the head or at a checkpoint. Throws NOT_FOUND. */
  async state(options: StateOptions = {}): Promise<ThreadState> {
    const { checkpointId, namespace } = options;
    return toState((await this.#runs.getState({ threadId: this.id, checkpointId, namespace }, options)).state);
  }

  /** The states of the thread's checkpoints, newest first; pages are fetched as the loop needs them. */
  history(options: StateOptions & { pageSize?: number } = {}): AsyncGenerator<ThreadState> {
    const { namespace, pageSize } = options;
    return pages(async (pageToken) => {
      const request = { threadId: this.id, namespace, pageSize, pageToken };
      const { states, nextPageToken } = await this.#runs.getStateHistory(request, options);
      return { items: states.map(toState), nextPageToken };
    });
  }

  /**
   * The thread's events, in order, each once, for `for await`. A broken connection is resumed where it broke. Ends
   * by itself only when told to (`untilNow`, `untilRunStops`, `untilStop`). Throws NOT_FOUND for a thread that does
   * not exist and OUT_OF_RANGE for an `after` that is pruned (EVENTS_PRUNED) or not reached yet (EVENTS_AHEAD).
   */
  events(options: EventOptions = {}): AsyncGenerator<ThreadEvent> {
    return followEvents(this.id, options, this.#context);
  }

  /** Reads what the server knows of a run. Throws NOT_FOUND (RUN_NOT_FOUND). */
  async runInfo(runId: string, options: CallOptions = {}): Promise<RunInfo> {
    return toRunInfo((await this.#runs.getRun({ threadId: this.id, runId }, options)).run);
  }

  /** Waits until a run has stopped, as long as runs may take. A lost connection is taken up again. Throws NOT_FOUND. */
  async waitForRun(runId: string, options: CallOptions = {}): Promise<RunInfo> {
    const deadlineMs = options.deadlineMs ?? this.#context.transport.deadlines.runMs;
    const { run } = await this.#runs.getRun({ threadId: this.id, runId, wait: true }, { ...options, deadlineMs });
    return toRunInfo(run);
  }

  /** The thread's runs, newest first; pages are fetched as the loop needs them. */
  runs(options: CallOptions & { pageSize?: number } = {}): AsyncGenerator<RunInfo> {
    const { pageSize } = options;
    return pages(async (pageToken) => {
      const { runs, nextPageToken } = await this.#runs.listRuns({ threadId: this.id, pageSize, pageToken }, options);
      return { items: runs.map(toRunInfo), nextPageToken };
    });
  }

  /**
   * Cancels a run that is going or waits for its turn. Returns how it stands: one that had stopped stays as it was.
   * `graceful`: the superstep that is going ends first.
   */
  async cancel(runId: string, options: CallOptions & { graceful?: boolean } = {}): Promise<RunInfo> {
    const { graceful } = options;
    return toRunInfo((await this.#runs.cancelRun({ threadId: this.id, runId, graceful }, options)).run);
  }

  /** Reads what the server knows of the thread. Throws NOT_FOUND. */
  async info(options: CallOptions = {}): Promise<ThreadInfo> {
    const { thread } = await this.#context.services.threads.getThread({ threadId: this.id }, options);
    return toThreadInfo(thread);
  }

  /** Creates the thread if there is none. Returns whether it was created. Metadata of an existing one stay. */
  async ensure(metadata?: Record<string, unknown>, options: CallOptions = {}): Promise<boolean> {
    try {
      const bytes = metadata && metadataBytes(metadata);
      await this.#context.services.threads.createThread({ threadId: this.id, metadata: bytes }, options);
      return true;
    } catch (error) {
      if (error instanceof CairnClientError && error.code === Code.AlreadyExists) return false;
      throw error;
    }
  }

  /**
   * Copies the thread, as it is now, with its whole history to a new one that shares nothing with it, and returns that.
   * Without an id the server makes one. Throws NOT_FOUND, ALREADY_EXISTS (THREAD_EXISTS).
   */
  async copy(newId?: string, options: CallOptions & { requestId?: string } = {}): Promise<Thread> {
    const request = { threadId: this.id, newThreadId: newId, requestId: options.requestId };
    const { thread } = await this.#context.services.threads.copyThread(request, options);
    return new Thread(toThreadInfo(thread).id, this.#context);
  }

  /**
   * Removes old checkpoints, and the events up to the last of them; what those that stay need stays. Returns how many
   * were removed. Throws NOT_FOUND, ABORTED (THREAD_BUSY).
   */
  async prune(options: PruneOptions): Promise<number> {
    const { keep, olderThan, requestId } = options;
    const request = {
      threadIds: [this.id],
      keep,
      olderThan: olderThan && timestampFromDate(olderThan),
      requestId,
    };
    return Number((await this.#context.services.threads.pruneThreads(request, options)).prunedCheckpoints);
  }

  /**
   * Says how many milliseconds the thread lives after its last change, of which this is one; undefined: for ever. Once
   * they are over it is deleted, unless a run is going. Throws NOT_FOUND.
   */
  async setTtl(ttlMs: number | undefined, options: CallOptions & { requestId?: string } = {}): Promise<ThreadInfo> {
    const request = { threadId: this.id, ttl: durationFromMs(ttlMs ?? 0), requestId: options.requestId };
    return toThreadInfo((await this.#context.services.threads.updateThread(request, options)).thread);
  }

  /** Deletes the thread with everything in it; ends a run that is going. Returns whether there was one. */
  async delete(options: CallOptions = {}): Promise<boolean> {
    return (await this.#context.services.threads.deleteThread({ threadId: this.id }, options)).existed;
  }

  get #runs() {
    return this.#context.services.runs;
  }
}

function encodeAnswers(answers: Record<string, unknown>, encoding?: Encoding) {
  const entries = Object.entries(answers).map(
    ([id, answer]) => [id, encodeAt(["answers", id], answer, encoding)] as const,
  );
  return Object.fromEntries(entries);
}
