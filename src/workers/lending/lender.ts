import { create } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import { toCairnError } from "../../errors.ts";
import { LentWorkerSchema, type Letter, type Want } from "../../gen/cairn/store/v1/letter_pb.ts";
import type { Clock } from "../../system/environment.ts";
import { Assignment } from "../assignment.ts";
import { workerTerms } from "../terms.ts";
import type { WorkerHub } from "../worker-hub.ts";
import type { WorkerSession } from "../worker-session.ts";
import { Lending, type LentTask } from "./lending.ts";

/** Something that a server other than this one looks for. */
export interface OthersWant {
  server: string;
  want: Want;
}

type Write = (to: string, lending: bigint, content: Letter["content"]) => void;
type Hub = Pick<WorkerHub, "leaseMs" | "ownSessions" | "judge">;

/** Workers of this server that work for others: a lending each for a worker and a server that has, or looks for, its work. */
export class Lender {
  readonly #hub: Hub;
  readonly #clock: Clock;
  readonly #write: Write;
  readonly #lendings = new Map<bigint, Lending>();
  /** Tasks of other servers at workers of this one, with the lending by which they go on. */
  readonly #lent = new Map<Assignment, { lending: Lending; endedAtMs?: number }>();
  /** What others look for, as it was last read; less what was offered since. */
  #wants: OthersWant[] = [];
  #last = 0n;
  #aliveAtMs = 0;

  constructor(hub: Hub, clock: Clock, write: Write) {
    this.#hub = hub;
    this.#clock = clock;
    this.#write = write;
  }

  get count(): number {
    return this.#lendings.size;
  }

  /** Takes what other servers look for now, and offers what there is. */
  look(wants: OthersWant[]): void {
    this.#wants = wants;
    this.offer();
  }

  /** Offers workers that have room, or that somebody misses. */
  offer(): void {
    for (const { server, want } of this.#wants) {
      if (want.what.case === "handler") this.#offerHandler(server, want, want.what.value);
      else if (want.what.case === "session") {
        const { workerId, sessionId } = want.what.value;
        const sessions = this.#hub.ownSessions(want.space);
        const session = sessions.find(({ identity }) => identity.workerId === workerId);
        if (session?.identity.sessionId === sessionId) this.#lend(server, session);
      }
    }
  }

  hear(from: string, { lending: number, content }: Letter, answer: (content: Letter["content"]) => void): void {
    const lending = this.#lendings.get(number);
    if (lending?.to !== from) {
      if (content.case === "down") answer({ case: "ended", value: "the lending is not known" });
    } else if (content.case === "spare") {
      // It is offered again when the server is known to want it still.
      this.#wants = this.#wants.filter(({ server }) => server !== from);
      lending.takeBack(content.value);
    } else if (content.case === "ended") this.#forget(number, lending);
    else if (content.case === "down") {
      try {
        lending.usedAtMs = this.#clock.nowMs();
        lending.hear(
          content.value,
          (lent) => this.#take(lending, lent),
          (assignment) => {
            lending.session.forget(assignment);
            this.#lent.delete(assignment);
          },
        );
      } catch (thrown) {
        this.#end(number, lending, toCairnError(thrown).message);
      }
    }
  }

  /** A worker's stream is over: whoever misses it looks for it, wherever it comes back. */
  dropSession(session: WorkerSession): void {
    for (const [number, lending] of this.#lendings) {
      if (lending.session !== session) continue;
      lending.offered = 0;
      this.#end(number, lending, "the worker's stream is over");
    }
    for (const assignment of this.#lent.keys()) {
      if (session.assignmentOf(assignment.lease) !== assignment) continue;
      session.forget(assignment);
      this.#lent.delete(assignment);
    }
  }

  /** Letters of a server are lost: what they said is not known. */
  endAllOf(to: string): void {
    for (const [number, lending] of this.#lendings)
      if (lending.to === to) this.#end(number, lending, "letters are lost");
  }

  /** Says which workers are alive; ends what is of no use any more. */
  lookAfter(): void {
    const nowMs = this.#clock.nowMs();
    const everyMs = this.#hub.leaseMs / workerTerms.heartbeatsPerLease;
    if (nowMs - this.#aliveAtMs < everyMs / 2) return;
    const busy = new Set([...this.#lent.values()].map(({ lending }) => lending));
    for (const [number, lending] of this.#lendings) {
      const isQuiet = nowMs - lending.usedAtMs > workerTerms.lendingQuietMs;
      if (busy.has(lending)) {
        if (lending.session.lastHeardMs > this.#aliveAtMs) lending.tell({ case: "heartbeat", value: {} });
      } else if (isQuiet && !this.#isWanted(lending)) this.#end(number, lending, "it is not needed");
    }
    this.#aliveAtMs = nowMs;
    for (const assignment of this.#lent.keys()) void this.#check(assignment, nowMs);
  }

  #offerHandler(server: string, want: Want, handler: string): void {
    const serving = this.#hub.ownSessions(want.space).filter((session) => session.serves(handler));
    for (const session of serving) {
      const tasks = Math.min(want.tasks, session.credit);
      if (tasks <= 0) continue;
      want.tasks -= tasks;
      this.#lend(server, session).offer(tasks, this.#clock.nowMs());
    }
    // None has room: that there is one tells the other server that it need not give up.
    const [first] = serving;
    const isLent = serving.some((session) => this.#find(server, session));
    if (first !== undefined && !isLent) this.#lend(server, first);
  }

  #find(to: string, session: WorkerSession): Lending | undefined {
    for (const lending of this.#lendings.values()) if (lending.to === to && lending.session === session) return lending;
    return undefined;
  }

  #lend(to: string, session: WorkerSession): Lending {
    const known = this.#find(to, session);
    if (known !== undefined) return known;
    const number = ++this.#last;
    const lending = new Lending(to, session, this.#clock.nowMs(), (content) => this.#write(to, number, content));
    this.#lendings.set(number, lending);
    // It says of no task that it has it: the borrower sends those of its own, as after any new stream.
    const hello = { protocolVersion: workerTerms.protocolVersion, ...session.identity, held: [] };
    this.#write(to, number, { case: "worker", value: create(LentWorkerSchema, { space: session.space, hello }) });
    return lending;
  }

  #take(lending: Lending, { task, lease, input }: LentTask): void {
    const known = lending.session.assignmentOf(lease);
    if (known !== undefined) {
      const lent = this.#lent.get(known);
      // Of a run that this server drives itself, whoever else believes to drive it.
      if (lent === undefined) return;
      lent.lending = lending;
      if (known.hasEnded) void this.#tellOutcome(known);
      return;
    }
    const { handler, kind, node, attempt, runId, namespace, params, deadline } = task;
    const call = {
      space: lending.session.space,
      ...{
        threadId: lease.threadId,
        taskId: lease.taskId,
        handler,
        kind,
        node,
        attempt,
        runId,
        namespace,
        params,
        input,
      },
      deadlineMs: deadline && timestampMs(deadline),
      wait: undefined,
      leases: undefined,
      isBorrowed: true,
      onWaits: () => {},
    };
    const assignment = new Assignment(call, (told) =>
      this.#lent.get(assignment)?.lending.tellProgress(assignment, told),
    );
    assignment.epoch = lease.epoch;
    this.#lent.set(assignment, { lending });
    void this.#tellOutcome(assignment);
    lending.session.assign(assignment);
  }

  async #tellOutcome(assignment: Assignment): Promise<void> {
    const outcome = await assignment.outcome;
    const lent = this.#lent.get(assignment);
    if (lent === undefined) return;
    lent.endedAtMs = this.#clock.nowMs();
    lent.lending.tellOutcome(assignment, outcome);
  }

  /** A result that nobody acknowledges: the server that it is for may be gone, and the thread have gone on without it. */
  async #check(assignment: Assignment, nowMs: number): Promise<void> {
    const lent = this.#lent.get(assignment);
    if (lent === undefined) return;
    const { session } = lent.lending;
    if (session.assignmentOf(assignment.lease) !== assignment) this.#lent.delete(assignment);
    else if (lent.endedAtMs !== undefined && nowMs - lent.endedAtMs > this.#hub.leaseMs) {
      lent.endedAtMs = nowMs;
      if (await this.#hub.judge(session, assignment.lease)) return;
      session.forget(assignment);
      this.#lent.delete(assignment);
    }
  }

  #isWanted({ to, session }: Lending): boolean {
    return this.#wants.some(
      ({ server, want }) =>
        server === to &&
        want.space === session.space &&
        (want.what.case !== "handler" || session.serves(want.what.value)),
    );
  }

  #end(number: bigint, lending: Lending, why: string): void {
    this.#write(lending.to, number, { case: "ended", value: why });
    this.#forget(number, lending);
  }

  /** What was offered is the worker's again. Its tasks stay, for the server that goes on with them. */
  #forget(number: bigint, lending: Lending): void {
    this.#lendings.delete(number);
    lending.takeBack(lending.offered);
  }
}
