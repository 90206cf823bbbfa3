import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";

/** Where a run failed; what is not known is left out. */
export interface FailurePlace {
  node?: string;
  channel?: string;
  taskId?: string;
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

  constructor(reason: ErrorReason, message: string, at: FailurePlace & { kind?: string } = {}) {
    super(message);
    this.reason = reason;
    this.node = at.node ?? "";
    this.channel = at.channel ?? "";
    this.taskId = at.taskId ?? "";
    this.kind = at.kind ?? "";
  }

  /** The same failure with what was not yet known about its place. */
  at(place: FailurePlace): RunFailure {
    return new RunFailure(this.reason, this.message, {
      node: this.node || (place.node ?? ""),
      channel: this.channel || (place.channel ?? ""),
      taskId: this.taskId || (place.taskId ?? ""),
      kind: this.kind,
    });
  }
}

/** A channel refuses the writes of a superstep. */
export function invalidUpdate(channel: string, message: string): RunFailure {
  return new RunFailure(ErrorReason.INVALID_UPDATE, `channel ${JSON.stringify(channel)}: ${message}`, { channel });
}
