/** gRPC's status codes. Each says what the caller can do about it. */
export const Code = {
  /** The call was cancelled, by its `signal` as a rule. */
  Cancelled: 1,
  /** Something went wrong that says no more. */
  Unknown: 2,
  /** The request is wrong; `violations` name the fields. */
  InvalidArgument: 3,
  /** The deadline passed. A run that has begun goes on. */
  DeadlineExceeded: 4,
  /** There is no such thread, checkpoint, graph, node, channel or run. */
  NotFound: 5,
  /** It exists already. */
  AlreadyExists: 6,
  /** The token does not open this space. */
  PermissionDenied: 7,
  /** A limit was reached; `metadata` name it. */
  ResourceExhausted: 8,
  /** The thread is not in a state that allows it: nothing to resume, another framework's checkpoint. */
  FailedPrecondition: 9,
  /** Somebody else was first: the thread is busy, or its head is not the expected one. Read again, then retry. */
  Aborted: 10,
  /** Events that are not there: pruned already, or not reached yet. */
  OutOfRange: 11,
  /** Not built yet, or the server is older than the client. */
  Unimplemented: 12,
  /** A fault of the server, or a response that can't be read. */
  Internal: 13,
  /** The server can't be reached or is stopping. The client has retried what is safe to retry. */
  Unavailable: 14,
  /** Stored bytes can't be read. */
  DataLoss: 15,
  /** No token, or an unknown one. */
  Unauthenticated: 16,
} as const;

/** One of gRPC's status codes. */
export type Code = (typeof Code)[keyof typeof Code];

/** A code's name as gRPC writes it. */
export type CodeName = Uppercase<string>;

const names = new Map<number, CodeName>(
  Object.entries(Code).map(([name, code]) => [code, name.replace(/(?<=[a-z])[A-Z]/g, "_$&").toUpperCase() as CodeName]),
);

/** `NOT_FOUND` for 5; `UNKNOWN` for a number that gRPC doesn't have. */
export function codeName(code: number): CodeName {
  return names.get(code) ?? "UNKNOWN";
}

/** A number from the wire as a code. */
export function toCode(code: number): Code {
  return names.has(code) ? (code as Code) : Code.Unknown;
}
