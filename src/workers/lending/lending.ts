import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { Letter } from "../../gen/cairn/store/v1/letter_pb.ts";
import {
  PayloadSchema,
  type Task,
  type TaskLease,
  WorkRequestSchema,
  type WorkResponse,
} from "../../gen/cairn/v1/worker_service_pb.ts";
import type { Told } from "../../runs/modules/protocol.ts";
import type { Assignment, WorkerOutcome } from "../assignment.ts";
import { PayloadReader } from "../payload-reader.ts";
import { pieces } from "../pieces.ts";
import type { WorkerSession } from "../worker-session.ts";

type Up = MessageInitShape<typeof WorkRequestSchema>["message"];

/** What one lending is told of tasks; the worker may know a task from before. */
export interface LentTask {
  task: Task;
  lease: TaskLease;
  input: Uint8Array;
}

/** A worker of this server's that works for another one. Here it is spoken for, as if it were connected there. */
export class Lending {
  readonly to: string;
  readonly session: WorkerSession;
  /** Credit that the borrower has and has not used. */
  offered = 0;
  /** When something was last offered, or was of use. */
  usedAtMs: number;
  readonly #write: (content: Letter["content"]) => void;
  readonly #reader = new PayloadReader();
  /** Tasks behind the borrower's Welcome take up credit; those before it are the worker's from before. */
  #isWelcome = false;

  constructor(to: string, session: WorkerSession, nowMs: number, write: (content: Letter["content"]) => void) {
    this.to = to;
    this.session = session;
    this.usedAtMs = nowMs;
    this.#write = write;
  }

  /** Has room made for tasks of the borrower's. */
  offer(tasks: number, nowMs: number): void {
    this.session.reserve(tasks);
    this.offered += tasks;
    this.usedAtMs = nowMs;
    this.tell({ case: "heartbeat", value: {} }, tasks);
  }

  /** So much of what was offered is not needed. */
  takeBack(tasks: number): void {
    const spare = Math.min(tasks, this.offered);
    this.offered -= spare;
    if (spare > 0) this.session.unreserve(spare);
  }

  tell(message: Up, credit = 0): void {
    this.#write({ case: "up", value: create(WorkRequestSchema, { message, credit }) });
  }

  tellProgress({ lease }: Assignment, told: Told): void {
    if (told.kind === "alive") this.tell({ case: "progress", value: { lease } });
    else if (told.kind === "custom") {
      this.tell({ case: "progress", value: { lease, what: { case: "custom", value: told.value } } });
    } else {
      const { messageId, text } = told;
      this.tell({ case: "progress", value: { lease, what: { case: "token", value: { messageId, text } } } });
    }
  }

  tellOutcome({ lease }: Assignment, outcome: WorkerOutcome): void {
    if (outcome.kind === "failed") {
      const { name: kind, message, stack, retryable } = outcome;
      this.tell({ case: "fail", value: { lease, kind, message, stack, notRetryable: !retryable } });
    } else if (outcome.kind === "result") {
      this.#tellPayload(outcome.payload, (result) => ({ case: "complete", value: { lease, result } }));
    } else if (outcome.kind === "interrupted") {
      const { index, payload } = outcome;
      this.#tellPayload(payload, (question) => ({ case: "interrupt", value: { lease, index, question } }));
    }
  }

  /** Takes what the worker is told there. Throws INVALID_FIELD. */
  hear(
    { message, acked }: WorkResponse,
    take: (lent: LentTask) => void,
    forget: (assignment: Assignment) => void,
  ): void {
    const forgetLease = (lease: TaskLease | undefined): void => {
      const assignment = lease && this.session.assignmentOf(lease);
      if (assignment !== undefined) forget(assignment);
    };
    for (const lease of acked) {
      forgetLease(lease);
      this.session.ack(lease);
    }
    if (message.case === "welcome") this.#isWelcome = true;
    else if (message.case === "chunk") this.#reader.chunk(message.value.data);
    else if (message.case === "task") this.#take(message.value, take);
    else if (message.case === "cancel" || message.case === "evict") {
      forgetLease(message.value.lease);
      this.session.tell(message);
    }
  }

  #take(task: Task, take: (lent: LentTask) => void): void {
    const { lease, input = create(PayloadSchema) } = task;
    if (lease === undefined) return;
    if (this.#isWelcome) this.offered = Math.max(0, this.offered - 1);
    this.#reader.begin(input, "task.input", (whole) => take({ task, lease, input: whole }));
  }

  #tellPayload(bytes: Uint8Array, first: (payload: { data: Uint8Array; sizeBytes: bigint }) => Up): void {
    const [data = bytes, ...rest] = pieces(bytes);
    this.tell(first({ data, sizeBytes: BigInt(bytes.length) }));
    for (const piece of rest) this.tell({ case: "chunk", value: { data: piece } });
  }
}
