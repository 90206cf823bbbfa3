import type { JsonObject } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import type { TaskKind, TaskLease } from "../gen/cairn/v1/worker_service_pb.ts";
import type { Told } from "../runs/modules/protocol.ts";
import type { TaskLeases } from "./task-leases.ts";

/** One call of a worker's code. */
export interface WorkerCall {
  space: string;
  threadId: string;
  runId: string;
  namespace: string;
  /** The engine's id of the task; of what is not saved by itself, one made for this call. */
  taskId: string;
  node: string;
  /** The name that a worker has to serve. */
  handler: string;
  kind: TaskKind;
  attempt: number;
  params: JsonObject | undefined;
  /** An encoded NodeInput. */
  input: Uint8Array;
  deadlineMs: number | undefined;
  /** How long to wait for a worker; absent: the server's default. */
  wait: Duration | undefined;
  /** Where the run keeps leases; absent: what is not saved needs none. */
  leases: TaskLeases | undefined;
  /** The run is another server's, which settles the task. */
  isBorrowed?: boolean;
  /** It waits for a worker, and has for a moment. */
  onWaits(): void;
}

/** How a call of a worker's code ended. Payloads are encoded as the worker sent them. */
export type WorkerOutcome =
  | { kind: "result"; payload: Uint8Array }
  | { kind: "interrupted"; index: number; payload: Uint8Array }
  | { kind: "failed"; name: string; message: string; stack: string; retryable: boolean }
  | { kind: "lost"; workerId: string }
  | { kind: "unserved"; waitedMs: number };

/** Names one lease of a space. */
export type LeaseName = Pick<TaskLease, "threadId" | "taskId" | "epoch">;

type Hear = (told: Told) => void;

/** A call on its way: it waits for a worker, is at work at one, or has its outcome and waits to be settled. */
export class Assignment {
  readonly call: WorkerCall;
  readonly hear: Hear;
  /** Of the lease under which it is at work; 0: of none that is stored. */
  epoch = 0n;
  /** The outcome is here. */
  hasEnded = false;
  readonly outcome: Promise<WorkerOutcome>;
  readonly #settle: (outcome: WorkerOutcome) => void;

  constructor(call: WorkerCall, hear: Hear) {
    this.call = call;
    this.hear = hear;
    const { promise, resolve } = Promise.withResolvers<WorkerOutcome>();
    this.outcome = promise;
    this.#settle = resolve;
  }

  /** Names its lease among all of its space. */
  get key(): string {
    return leaseKey(this.lease);
  }

  get lease(): LeaseName {
    return { threadId: this.call.threadId, taskId: this.call.taskId, epoch: this.epoch };
  }

  /** Ends it; what comes later changes nothing. */
  end(outcome: WorkerOutcome): void {
    this.hasEnded = true;
    this.#settle(outcome);
  }
}

export function leaseKey({ threadId, taskId, epoch }: LeaseName): string {
  return JSON.stringify([threadId, taskId, String(epoch)]);
}
