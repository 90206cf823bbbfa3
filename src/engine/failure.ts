import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";

/** Why a run fails: what a user did, not a fault of ours. */
export class RunFailure extends Error {
  override readonly name = "RunFailure";
  readonly reason: ErrorReason;
  readonly node: string;
  readonly channel: string;
  readonly taskId: string;

  constructor(reason: ErrorReason, message: string, at: { node?: string; channel?: string; taskId?: string } = {}) {
    super(message);
    this.reason = reason;
    this.node = at.node ?? "";
    this.channel = at.channel ?? "";
    this.taskId = at.taskId ?? "";
  }

  /** The same failure with what was not yet known about its place. */
  at(place: { node?: string; channel?: string; taskId?: string }): RunFailure {
    return new RunFailure(this.reason, this.message, {
      node: this.node || (place.node ?? ""),
      channel: this.channel || (place.channel ?? ""),
      taskId: this.taskId || (place.taskId ?? ""),
    });
  }
}

/** A channel refuses the writes of a superstep. */
export function invalidUpdate(channel: string, message: string): RunFailure {
  return new RunFailure(ErrorReason.INVALID_UPDATE, `channel ${JSON.stringify(channel)}: ${message}`, { channel });
}
