import { create } from "@bufbuild/protobuf";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { CairnError, invalidField } from "../errors.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import {
  PayloadSchema,
  type TaskComplete,
  type TaskFail,
  type TaskInterrupt,
  type TaskLease,
  type TaskProgress,
  type WorkerHello,
  type WorkRequest,
} from "../gen/cairn/v1/worker_service_pb.ts";
import type { Clock } from "../system/environment.ts";
import { type Assignment, type LeaseName, leaseKey, type WorkerOutcome } from "./assignment.ts";
import type { Message, Outbox } from "./outbox.ts";
import { PayloadReader } from "./payload-reader.ts";
import { workerTerms } from "./terms.ts";

/** What a worker says of itself; of one that is waited for, as much as its leases tell. */
export type WorkerIdentity = Pick<WorkerHello, "workerId" | "sessionId"> &
  Partial<Pick<WorkerHello, "nodes" | "slots" | "sdk" | "pid">>;

/** What sessions are told by, and ask of, the hub that they belong to. */
export interface SessionHost {
  clock: Clock;
  leaseMs: number;
  /** There is room at a worker that was not there before. */
  onRoom(session: WorkerSession): void;
  /** Its stream is over. */
  onGone(session: WorkerSession): void;
  /** A result came for a lease that no run on this server waits for (yet). */
  onUnknown(session: WorkerSession, lease: TaskLease): void;
}

/**
 * One life of a worker's process: what it serves, has room for and holds. It outlives its stream: as long as it can come
 * back in time it keeps its tasks.
 */
export class WorkerSession {
  readonly space: string;
  identity: WorkerIdentity;
  connectedAtMs = 0;
  lastHeardMs: number;
  /** Tasks it may be given. */
  credit = 0;
  isDraining = false;
  readonly #host: SessionHost;
  #outbox: Outbox | undefined;
  /** Of a worker that another server lends: gives credit back that there are no tasks for. */
  #giveBack: ((tasks: number) => void) | undefined;
  #reader = new PayloadReader();
  /** Tasks given to it and neither settled nor dropped, by lease. */
  readonly #assigned = new Map<string, Assignment>();

  constructor(host: SessionHost, space: string, identity: WorkerIdentity, lastHeardMs: number) {
    this.#host = host;
    this.space = space;
    this.identity = identity;
    this.lastHeardMs = lastHeardMs;
  }

  get isConnected(): boolean {
    return this.#outbox !== undefined;
  }

  /** Another server has lent it. */
  get isLent(): boolean {
    return this.#giveBack !== undefined;
  }

  get tasks(): number {
    return this.#assigned.size;
  }

  /** When others may have its tasks. */
  get expiresAtMs(): number {
    return this.lastHeardMs + this.#host.leaseMs;
  }

  serves(handler: string): boolean {
    return this.isConnected && !this.isDraining && (this.identity.nodes?.includes(handler) ?? false);
  }

  /** Speaks over a new stream; one that it had is ended. `giveBack`: of a worker that another server lends. */
  connect(hello: WorkerHello, outbox: Outbox, giveBack?: (tasks: number) => void): void {
    if (this.#outbox !== undefined) {
      this.#outbox.end(new CairnError(ErrorReason.WORKER_REPLACED, "the worker opened a newer stream"));
      this.#host.onGone(this);
    }
    this.identity = hello;
    this.#outbox = outbox;
    this.#giveBack = giveBack;
    this.#reader = new PayloadReader();
    this.credit = 0;
    this.isDraining = false;
    this.connectedAtMs = this.#host.clock.nowMs();
    this.lastHeardMs = this.connectedAtMs;
    const held = new Map(hello.held.map((lease) => [leaseKey(lease), lease]));
    for (const assignment of this.#assigned.values()) {
      if (!held.delete(assignment.key) && !assignment.hasEnded) this.#sendTask(assignment);
    }
    for (const lease of held.values()) this.#host.onUnknown(this, lease);
  }

  /** Its stream is over. */
  disconnect(outbox: Outbox): void {
    if (this.#outbox !== outbox) return;
    this.#outbox = undefined;
    this.credit = 0;
    this.#host.onGone(this);
  }

  /** Ends its stream with an error, or well. */
  endStream(thrown?: unknown): void {
    this.#outbox?.end(thrown);
  }

  tellDraining(): void {
    const reconnectAfter = durationFromMs(workerTerms.reconnectMs);
    this.#outbox?.send({ case: "draining", value: { reconnectAfter } });
  }

  /** Has room made for tasks that it will be given. */
  reserve(tasks = 1): void {
    this.credit -= tasks;
  }

  /** The tasks came to nothing. */
  unreserve(tasks = 1): void {
    this.#grant(tasks);
  }

  /** The task that it has under a lease. */
  assignmentOf(lease: LeaseName): Assignment | undefined {
    return this.#assigned.get(leaseKey(lease));
  }

  tell(message: Message): void {
    this.#outbox?.send(message);
  }

  /** Has a task no more, as far as this server goes. */
  forget(assignment: Assignment): void {
    if (this.assignmentOf(assignment.lease) === assignment) this.#assigned.delete(assignment.key);
  }

  /** Gives it a task. One that it holds already under this lease is not run again: it tells the result again. */
  assign(assignment: Assignment): void {
    this.#assigned.set(assignment.key, assignment);
    this.#sendTask(assignment);
  }

  /** What became of a task is written, or is of no use to anybody: the worker may forget it. */
  settle(assignment: Assignment): void {
    if (this.#assigned.delete(assignment.key) && assignment.hasEnded) this.ack(assignment.lease);
  }

  /** Nobody waits for the task any more. */
  cancel(assignment: Assignment, reason: string): void {
    if (this.#assigned.delete(assignment.key))
      this.#outbox?.send({ case: "cancel", value: { lease: assignment.lease, reason } });
  }

  ack(lease: LeaseName): void {
    this.#outbox?.ack(lease);
  }

  evict(lease: LeaseName, reason: string): void {
    this.#outbox?.send({ case: "evict", value: { lease, reason } });
  }

  /** Its leases are over: whoever waits for them looks for another worker. */
  lose(): void {
    for (const assignment of this.#assigned.values())
      assignment.end({ kind: "lost", workerId: this.identity.workerId });
    this.#assigned.clear();
  }

  /** Takes a message of a stream, after the Hello. Of one that was replaced nothing counts. Throws INVALID_FIELD. */
  hear({ message, credit }: WorkRequest, outbox: Outbox): void {
    if (outbox !== this.#outbox) return;
    this.lastHeardMs = this.#host.clock.nowMs();
    if (this.#reader.isOpen && message.case !== "chunk") {
      throw invalidField(message.case ?? "message", "comes before the rest of a payload");
    }
    if (message.case === "hello") throw invalidField("hello", "comes once, at the beginning");
    else if (message.case === "chunk") this.#reader.chunk(message.value.data);
    else if (message.case === "drain") this.#drain();
    else if (message.case === "progress") this.#progress(message.value);
    else if (message.case === "complete") this.#complete(message.value);
    else if (message.case === "interrupt") this.#interrupt(message.value);
    else if (message.case === "fail") this.#fail(message.value);
    if (credit > 0) this.#grant(credit);
  }

  #drain(): void {
    this.isDraining = true;
    this.credit = 0;
  }

  #progress({ lease, what }: TaskProgress): void {
    const assignment = this.#find(lease);
    if (assignment === undefined || assignment.hasEnded) return;
    if (what.case === "custom") assignment.hear({ kind: "custom", value: what.value });
    else if (what.case === "token") assignment.hear({ kind: "token", ...what.value });
    else assignment.hear({ kind: "alive" });
  }

  #complete({ lease, result = create(PayloadSchema) }: TaskComplete): void {
    this.#reader.begin(result, "complete.result", (payload) => this.#end(lease, { kind: "result", payload }));
  }

  #interrupt({ lease, index, question = create(PayloadSchema) }: TaskInterrupt): void {
    this.#reader.begin(question, "interrupt.question", (payload) =>
      this.#end(lease, { kind: "interrupted", index, payload }),
    );
  }

  #fail({ lease, kind: name, message, stack: whole, notRetryable }: TaskFail): void {
    const stack = whole.slice(0, workerTerms.stackLengthMax);
    this.#end(lease, { kind: "failed", name, message, stack, retryable: !notRetryable });
  }

  /** Credit beyond its slots is void: after a new stream both sides may count a task differently for a moment. */
  #grant(tasks: number): void {
    if (this.isDraining) return;
    const { slots = 0 } = this.identity;
    const going = [...this.#assigned.values()].filter(({ hasEnded }) => !hasEnded).length;
    this.credit = Math.max(0, Math.min(this.credit + tasks, slots - going));
    this.#host.onRoom(this);
    // Whoever has lent it may have tasks for it.
    if (this.#giveBack !== undefined && this.credit > 0) {
      this.#giveBack(this.credit);
      this.credit = 0;
    }
  }

  #end(lease: TaskLease | undefined, outcome: WorkerOutcome): void {
    if (lease === undefined) return;
    const assignment = this.#find(lease);
    if (assignment === undefined) this.#host.onUnknown(this, lease);
    else {
      if (!assignment.hasEnded) assignment.end(outcome);
      // What is not stored by itself is settled as soon as it is here.
      const { leases, isBorrowed = false } = assignment.call;
      if (leases === undefined && !isBorrowed) this.settle(assignment);
    }
  }

  #find(lease: TaskLease | undefined): Assignment | undefined {
    return lease && this.assignmentOf(lease);
  }

  #sendTask({ call, lease }: Assignment): void {
    const { handler, kind, node, attempt, runId, namespace, deadlineMs, params } = call;
    const deadline = deadlineMs === undefined ? undefined : timestampFromMs(deadlineMs);
    this.#outbox?.sendPayload(call.input, (input) => ({
      case: "task",
      value: { lease, handler, kind, node, attempt, runId, namespace, deadline, params, input },
    }));
  }
}
