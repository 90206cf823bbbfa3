import { type Code, type CodeName, codeName } from "./code.ts";
import type { ErrorReason } from "./gen/cairn/v1/error_pb.ts";

/** Why a call was refused: a name from `ErrorReason`, a newer server's own, or "" when the server gave none. */
export type Reason = Exclude<keyof typeof ErrorReason, "UNSPECIFIED"> | "" | (string & {});

/** What is wrong with one field of a request. */
export interface FieldViolation {
  /** Its path: `checkpoint.thread_id`, `nodes.triage.ask.into`. */
  field: string;
  /** What is wrong, and what would be right. */
  description: string;
}

/** What a `CairnClientError` is made of. */
export interface CairnClientErrorInit {
  code: Code;
  message: string;
  reason?: Reason;
  metadata?: Record<string, string>;
  violations?: FieldViolation[];
  cause?: unknown;
}

/** The one error that this client throws. `toClientError` makes one of anything. */
export class CairnClientError extends Error {
  override readonly name = "CairnClientError";
  /** gRPC's status code. */
  readonly code: Code;
  /** Why, as a name to decide by: `THREAD_BUSY`. "" when the failure is the transport's or the client's own. */
  readonly reason: Reason;
  /** Every changing part of the message, by name: HEAD_MISMATCH names the head, EVENTS_PRUNED the oldest event. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The fields at fault; empty when none is. */
  readonly violations: readonly FieldViolation[];

  constructor({ code, message, reason = "", metadata = {}, violations = [], cause }: CairnClientErrorInit) {
    super(message, { cause });
    this.code = code;
    this.reason = reason;
    this.metadata = metadata;
    this.violations = violations;
  }

  /** The code's name: `ABORTED`. */
  get codeName(): CodeName {
    return codeName(this.code);
  }
}
