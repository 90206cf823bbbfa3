import { ErrorReason } from "./gen/cairn/v1/error_pb.ts";
import { Code } from "./gen/google/rpc/code_pb.ts";

/** What is wrong with one field: its path in the request (`checkpoint.thread_id`), and what would be right. */
export interface FieldViolation {
  field: string;
  description: string;
}

export interface ErrorDetails {
  /** Every changing part of the message, by name: what a program would want to read. */
  metadata?: Record<string, string>;
  violations?: FieldViolation[];
  cause?: unknown;
  /** Overrides the reason's usual status, for the few reasons that have two. */
  code?: Code;
}

/** The one error of this code base. Its reason decides its gRPC status. */
export class CairnError extends Error {
  override readonly name = "CairnError";
  readonly reason: ErrorReason;
  readonly code: Code;
  readonly metadata: Record<string, string>;
  readonly violations: FieldViolation[];

  constructor(reason: ErrorReason, message: string, details: ErrorDetails = {}) {
    super(message, { cause: details.cause });
    this.reason = reason;
    this.code = details.code ?? statusOf(reason);
    this.metadata = details.metadata ?? {};
    this.violations = details.violations ?? [];
  }

  /** The reason's name as it goes into google.rpc.ErrorInfo: `THREAD_NOT_FOUND`. */
  get reasonName(): string {
    return reasonNames.get(this.reason) ?? "UNSPECIFIED";
  }
}

const reasonNames = new Map<number, string>(Object.entries(ErrorReason).map(([name, number]) => [number, name]));

/** The bounds of error.proto's groups of reasons, each with the status that its comment states. */
const statuses: [from: ErrorReason, to: ErrorReason, status: Code][] = [
  [ErrorReason.INVALID_FIELD, ErrorReason.VALUE_MALFORMED, Code.INVALID_ARGUMENT],
  [ErrorReason.THREAD_NOT_FOUND, ErrorReason.SPACE_NOT_FOUND, Code.NOT_FOUND],
  [ErrorReason.THREAD_EXISTS, ErrorReason.WORKER_EXISTS, Code.ALREADY_EXISTS],
  [ErrorReason.THREAD_BUSY, ErrorReason.WORKER_REPLACED, Code.ABORTED],
  [ErrorReason.EMPTY_INPUT, ErrorReason.NO_WORKER, Code.FAILED_PRECONDITION],
  [ErrorReason.VALUE_TOO_LARGE, ErrorReason.STORE_FULL, Code.RESOURCE_EXHAUSTED],
  [ErrorReason.EVENTS_PRUNED, ErrorReason.EVENTS_AHEAD, Code.OUT_OF_RANGE],
  [ErrorReason.TOKEN_INVALID, ErrorReason.TOKEN_INVALID, Code.UNAUTHENTICATED],
  [ErrorReason.SPACE_DENIED, ErrorReason.SPACE_DENIED, Code.PERMISSION_DENIED],
  [ErrorReason.STORE_UNAVAILABLE, ErrorReason.SERVER_STOPPING, Code.UNAVAILABLE],
  [ErrorReason.CALL_ENDED, ErrorReason.CALL_ENDED, Code.DEADLINE_EXCEEDED],
  [ErrorReason.WORKER_SILENT, ErrorReason.WORKER_SILENT, Code.DEADLINE_EXCEEDED],
  [ErrorReason.NOT_IMPLEMENTED, ErrorReason.NOT_IMPLEMENTED, Code.UNIMPLEMENTED],
  [ErrorReason.DATA_CORRUPT, ErrorReason.DATA_CORRUPT, Code.DATA_LOSS],
];

function statusOf(reason: ErrorReason): Code {
  return statuses.find(([from, to]) => reason >= from && reason <= to)?.[2] ?? Code.INTERNAL;
}

/** Makes a CairnError of anything that was thrown. What is not one already is a fault of ours: INTERNAL. */
export function toCairnError(thrown: unknown): CairnError {
  if (thrown instanceof CairnError) return thrown;
  const message = thrown instanceof Error ? thrown.message : textOf(thrown);
  return new CairnError(ErrorReason.INTERNAL, `internal error: ${message}`, { cause: thrown });
}

/** Some values have no text: an object whose toString is not a function. */
function textOf(thrown: unknown): string {
  try {
    return String(thrown);
  } catch {
    return "something without a text was thrown";
  }
}

/** A field is wrong: INVALID_ARGUMENT with its path. */
export function invalidField(field: string, description: string): CairnError {
  return new CairnError(ErrorReason.INVALID_FIELD, `${field}: ${description}`, {
    metadata: { field },
    violations: [{ field, description }],
  });
}

/** What has been believed about our own code does not hold. Stays on in production. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new CairnError(ErrorReason.INTERNAL, `invariant broken: ${message}`);
}

/** Whether what was asked for is refused, rather than kept from being done by the store or by a fault of ours that passes. */
export function isRefusal(thrown: unknown): thrown is CairnError {
  return thrown instanceof CairnError && !passing.has(thrown.reason);
}

const passing = new Set<ErrorReason>([
  ErrorReason.STORE_UNAVAILABLE,
  ErrorReason.STORE_FULL,
  ErrorReason.SERVER_STOPPING,
  ErrorReason.STALE_EPOCH,
  ErrorReason.INTERNAL,
]);
