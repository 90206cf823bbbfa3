import { create } from "@bufbuild/protobuf";
import { durationMs } from "@bufbuild/protobuf/wkt";
import type { Logger } from "pino";
import { CairnError } from "../errors.ts";
import { type Want, WantSchema } from "../gen/cairn/store/v1/letter_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { WorkerHello } from "../gen/cairn/v1/worker_service_pb.ts";
import type { Store } from "../store/store.ts";
import type { Environment } from "../system/environment.ts";
import { Assignment, type LeaseName, type WorkerCall, type WorkerOutcome } from "./assignment.ts";
import { Peers } from "./lending/peers.ts";
import type { Outbox } from "./outbox.ts";
import { workerTerms } from "./terms.ts";
import { WorkerSession } from "./worker-session.ts";

export interface HubParts {
  store: Store;
  environment: Environment;
  serverId: string;
  log: Logger;
  /** How long a worker keeps its tasks after the server last heard of it. */
  leaseMs: number;
}

/** Hears which worker has taken a task. */
type TakenBy = (session: WorkerSession) => void;

/** Why a signal ends a task of a run that others go on with: its worker is to keep it. */
export const leftToOthers = Symbol("left to others");

/** The workers of this server, and the tasks that they have or wait for them. */
export class WorkerHub {
  readonly leaseMs: number;
  readonly #parts: HubParts;
  /** By space and worker_id. */
  readonly #sessions = new Map<string, WorkerSession>();
  /** Tasks that wait for a worker, by space and handler, the first to be served first, with what to call then. */
  readonly #waiting = new Map<string, Map<Assignment, TakenBy>>();
  /** Absent: no other server uses the store. */
  readonly #peers: Peers | undefined;
  #isDraining = false;
  #stopLooking = (): void => {};

  constructor(parts: HubParts) {
    this.#parts = parts;
    this.leaseMs = parts.leaseMs;
    const { post } = parts.store;
    if (post !== undefined) this.#peers = new Peers({ ...parts, post, hub: this });
    this.#lookAround();
  }

  /** Runs a call at a worker: at the one that has it from before, or at the next that serves it and has room. */
  async run(call: WorkerCall, hear: Assignment["hear"], signal: AbortSignal): Promise<WorkerOutcome> {
    const assignment = new Assignment(call, hear);
    let session = this.#reclaim(assignment);
    const stop = (): void => {
      this.#forget(assignment);
      const isKept = signal.reason === leftToOthers || this.#isDraining;
      if (!isKept) session?.cancel(assignment, "nobody waits for it any more");
      assignment.end({ kind: "failed", name: "Cancelled", message: "it was cancelled", stack: "", retryable: false });
    };
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    try {
      if (session === undefined && !assignment.hasEnded) {
        session = await this.#whenTaken(assignment);
        if (session !== undefined) await this.#give(assignment, session);
      }
      return await assignment.outcome;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  /** Lets a worker in; `giveBack` is that of one which another server lends. Throws WORKER_EXISTS, LIMIT_REACHED. */
  connect(space: string, hello: WorkerHello, outbox: Outbox, giveBack?: (tasks: number) => void): WorkerSession {
    const name = nameOf(space, hello.workerId);
    let session = this.#sessions.get(name);
    if (session !== undefined && session.identity.sessionId !== hello.sessionId) {
      if (session.isConnected || session.tasks > 0) throw workerExists(hello.workerId);
      session = undefined;
    }
    session ??= this.#newSession(space, hello);
    session.connect(hello, outbox, giveBack);
    if (this.#isDraining) session.tellDraining();
    this.#peers?.wake();
    return session;
  }

  /** The workers of a space that are this server's own, by worker_id. */
  workersOf(space: string): WorkerSession[] {
    return this.#own(space).sort((a, b) => (a.identity.workerId < b.identity.workerId ? -1 : 1));
  }

  /** Those of them that can be lent to other servers. */
  ownSessions(space: string): WorkerSession[] {
    if (this.#isDraining) return [];
    return this.#own(space).filter(({ isConnected }) => isConnected);
  }

  hasOwnWorkers(): boolean {
    for (const { isConnected, isLent } of this.#sessions.values()) if (isConnected && !isLent) return true;
    return false;
  }

  /** What other servers could have for this one's tasks. */
  wants(): Want[] {
    const wants: Want[] = [];
    for (const queue of this.#waiting.values()) {
      const [first] = queue.keys();
      if (first === undefined || this.#isDraining) continue;
      const { space, handler } = first.call;
      const tasks = Math.min(queue.size, workerTerms.wantedTasksMax);
      wants.push(create(WantSchema, { space, what: { case: "handler", value: handler }, tasks }));
    }
    // A server that lent a worker and was killed has not said so: the worker may be at another one since.
    const quietMs = this.#parts.environment.clock.nowMs() - this.leaseMs / 2;
    for (const { space, identity, tasks, isConnected, isLent, lastHeardMs } of this.#sessions.values()) {
      if (tasks === 0 || (isConnected && !(isLent && lastHeardMs < quietMs))) continue;
      const { workerId, sessionId } = identity;
      wants.push(create(WantSchema, { space, what: { case: "session", value: { workerId, sessionId } } }));
    }
    return wants;
  }

  /** What tasks of a space wait for and nobody serves, in order. */
  unservedOf(space: string): string[] {
    const calls = [...this.#waiting.values()].flatMap((queue) => [...queue.keys()].slice(0, 1).map(({ call }) => call));
    const unserved = calls.filter((call) => call.space === space && !this.#isServed(call));
    return unserved.map(({ handler }) => handler).sort();
  }

  /** Gives no more tasks; results are still taken. */
  drain(): void {
    this.#isDraining = true;
    for (const session of this.#sessions.values()) session.tellDraining();
  }

  /** Ends all streams. */
  async close(): Promise<void> {
    this.#stopLooking();
    for (const session of this.#sessions.values()) session.endStream();
    await this.#peers?.close();
  }

  #own(space: string): WorkerSession[] {
    return [...this.#sessions.values()].filter((session) => session.space === space && !session.isLent);
  }

  #newSession(space: string, identity: WorkerSession["identity"]): WorkerSession {
    if (this.#sessions.size >= workerTerms.workersMax) {
      throw new CairnError(ErrorReason.LIMIT_REACHED, `the server has ${workerTerms.workersMax} workers already`, {
        metadata: { limit: "workers", value: `${workerTerms.workersMax + 1}` },
      });
    }
    const { clock } = this.#parts.environment;
    const host = {
      clock,
      leaseMs: this.leaseMs,
      onRoom: () => {
        this.#serveWaiting(space);
        this.#peers?.onRoom();
      },
      onGone: (session: WorkerSession) => this.#peers?.onGone(session),
      onUnknown: (session: WorkerSession, lease: LeaseName) => void this.judge(session, lease),
    };
    const session = new WorkerSession(host, space, identity, clock.nowMs());
    this.#sessions.set(nameOf(space, identity.workerId), session);
    return session;
  }

  /** Goes on with a task that a worker had before this server, or this drive of its run, began. */
  #reclaim(assignment: Assignment): WorkerSession | undefined {
    const { space, taskId, leases } = assignment.call;
    const lease = leases?.takeRecovered(taskId);
    if (leases === undefined || lease === undefined) return undefined;
    const { workerId, sessionId } = lease;
    const known = this.#sessions.get(nameOf(space, workerId));
    if (known !== undefined && known.identity.sessionId !== sessionId) return undefined;
    // Nobody could hear of the worker while its server was away: it has a whole lease from now on.
    const session = known ?? this.#newSession(space, { workerId, sessionId });
    assignment.epoch = lease.epoch;
    leases.keep(
      lease,
      () => session.expiresAtMs,
      () => session.settle(assignment),
    );
    session.assign(assignment);
    if (!session.isConnected) this.#peers?.wake();
    return session;
  }

  async #give(assignment: Assignment, session: WorkerSession): Promise<void> {
    const { leases, taskId, handler, attempt } = assignment.call;
    if (leases !== undefined) {
      const { workerId, sessionId } = session.identity;
      const wanted = { taskId, handler, attempt, workerId, sessionId, expiresAtMs: () => session.expiresAtMs };
      assignment.epoch = await leases.give(wanted, () => session.settle(assignment));
    }
    if (assignment.hasEnded) session.unreserve();
    else session.assign(assignment);
  }

  /** Resolves to the worker that is to have the task; to undefined when it ends before there is one. */
  async #whenTaken(assignment: Assignment): Promise<WorkerSession | undefined> {
    const { space, handler, wait } = assignment.call;
    const free = this.#freeWorker(space, handler);
    if (free !== undefined) {
      free.reserve();
      return free;
    }
    const { clock } = this.#parts.environment;
    const waitMs = wait === undefined ? workerTerms.waitMs : durationMs(wait);
    let takenBy: WorkerSession | undefined;
    const taken = Promise.withResolvers<void>();
    const key = nameOf(space, handler);
    const queue = this.#waiting.get(key) ?? new Map<Assignment, TakenBy>();
    queue.set(assignment, (session) => {
      takenBy = session;
      taken.resolve();
    });
    this.#waiting.set(key, queue);
    this.#peers?.wake();
    let unservedMs = 0;
    let isTold = false;
    const everyMs = Math.min(workerTerms.waitsQuietlyMs, waitMs);
    const look = (): void => {
      unservedMs = this.#isServed(assignment.call) ? 0 : unservedMs + everyMs;
      if (unservedMs >= waitMs) {
        this.#forget(assignment);
        assignment.end({ kind: "unserved", waitedMs: waitMs });
      } else {
        if (unservedMs > 0 && !isTold) assignment.call.onWaits();
        isTold ||= unservedMs > 0;
        stop = clock.after(everyMs, look);
      }
    };
    let stop = clock.after(everyMs, look);
    try {
      await Promise.race([taken.promise, assignment.outcome]);
      return takenBy;
    } finally {
      stop();
      this.#forget(assignment);
    }
  }

  #forget(assignment: Assignment): void {
    const key = nameOf(assignment.call.space, assignment.call.handler);
    const queue = this.#waiting.get(key);
    queue?.delete(assignment);
    if (queue?.size === 0) this.#waiting.delete(key);
  }

  /** Gives waiting tasks to workers that have room. */
  #serveWaiting(space: string): void {
    for (const queue of [...this.#waiting.values()]) {
      for (const [assignment, take] of [...queue]) {
        if (assignment.call.space !== space) break;
        const free = this.#freeWorker(space, assignment.call.handler);
        if (free === undefined) break;
        free.reserve();
        take(free);
        this.#forget(assignment);
      }
    }
  }

  /** Of the workers that serve a handler and have room, the one with the most. */
  #freeWorker(space: string, handler: string): WorkerSession | undefined {
    if (this.#isDraining) return undefined;
    let best: WorkerSession | undefined;
    for (const session of this.#sessions.values()) {
      if (session.space !== space || session.credit <= (best?.credit ?? 0) || !session.serves(handler)) continue;
      best = session;
    }
    return best;
  }

  #isServed({ space, handler }: Pick<WorkerCall, "space" | "handler">): boolean {
    for (const session of this.#sessions.values()) if (session.space === space && session.serves(handler)) return true;
    return false;
  }

  /**
   * A worker holds a lease that no run here waits for. If the thread's tail names it, its run has not been taken on again
   * after a stop: the worker keeps it, and is asked for the result then. False: it is told that it is not its any more.
   */
  async judge(session: WorkerSession, lease: LeaseName): Promise<boolean> {
    const { threadId, taskId, epoch } = lease;
    if (epoch > 0n) {
      const key = { space: session.space, thread: threadId };
      const known = await this.#parts.store.tail(key).catch(() => undefined);
      // A store that does not answer settles nothing: the worker will ask again.
      if (known === undefined) return true;
      const { workerId, sessionId } = session.identity;
      const own = known.tail.workerTasks.find((task) => task.taskId === taskId && task.epoch === epoch);
      if (own?.workerId === workerId && own.sessionId === sessionId) return true;
    }
    session.evict(lease, "its lease is over, or its run has gone on without it");
    return false;
  }

  /** Ends the leases of those that are not heard of. */
  #lookAround(): void {
    const { clock } = this.#parts.environment;
    const everyMs = Math.min(1_000, this.leaseMs / 6);
    this.#stopLooking = clock.after(everyMs, () => {
      const nowMs = clock.nowMs();
      for (const [name, session] of this.#sessions) {
        if (nowMs < session.expiresAtMs) continue;
        session.endStream(new CairnError(ErrorReason.WORKER_SILENT, `nothing came for ${this.leaseMs} ms`));
        this.#sessions.delete(name);
        session.lose();
      }
      this.#lookAround();
    });
  }
}

function nameOf(space: string, name: string): string {
  return JSON.stringify([space, name]);
}

function workerExists(workerId: string): CairnError {
  return new CairnError(
    ErrorReason.WORKER_EXISTS,
    `worker ${JSON.stringify(workerId)} belongs to another session, whose leases are not over`,
    { metadata: { worker_id: workerId } },
  );
}
