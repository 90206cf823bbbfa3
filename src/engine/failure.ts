import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";

/** Where a run failed; what is not known is left out. */
export interface FailurePlace {
  node?: string;
  channel?: string;
  taskId?: string;
}

/** What the node's own code says of it. */
export interface FailureDetails {
  kind?: string;
  nodeStack?: string;
  isFinal?: boolean;
}

/** Why a run fails: what a user did, not a fault of ours. */
export class RunFailure extends Error {
  override readonly name = "RunFailure";
  readonly reason: ErrorReason;
  readonly node: string;
  readonly channel: string;
  readonly taskId: string;
  /** What the node's own code calls the error; "" for failures of others. */
  readonly kind: string;
  /** As the node's language prints it; "" when it gave none. */
  readonly nodeStack: string;
  /** Its node says that another attempt would fail too. */
  readonly isFinal: boolean;

  constructor(reason: ErrorReason, message: string, at: FailurePlace & FailureDetails = {}) {
    super(message);
    this.reason = reason;
    this.node = at.node ?? "";
    this.channel = at.channel ?? "";
    this.taskId = at.taskId ?? "";
    this.kind = at.kind ?? "";
    this.nodeStack = at.nodeStack ?? "";
    this.isFinal = at.isFinal ?? false;
  }

  /** The same failure with what was not yet known about its place. */
  at(place: FailurePlace): RunFailure {
    return new RunFailure(this.reason, this.message, {
      node: this.node || (place.node ?? ""),
      channel: this.channel || (place.channel ?? ""),
      taskId: this.taskId || (place.taskId ?? ""),
      kind: this.kind,
      nodeStack: this.nodeStack,
      isFinal: this.isFinal,
    });
  }
}

/** A channel refuses the writes of a superstep. */
export function invalidUpdate(channel: string, message: string): RunFailure {
  return new RunFailure(ErrorReason.INVALID_UPDATE, `channel ${JSON.stringify(channel)}: ${message}`, { channel });
}
