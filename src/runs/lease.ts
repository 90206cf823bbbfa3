import type { Tail } from "../gen/cairn/store/v1/record_pb.ts";

/** Who asks. */
export interface LeaseView {
  /** This server. */
  serverId: string;
  /** No other process can write to the store. */
  exclusive: boolean;
  nowMs: number;
}

/**
 * How a thread's lease stands:
 * - "free": nobody has taken it, or it was released;
 * - "held": a run holds it, and nobody else may advance the thread;
 * - "void": a run held it and is gone: its time is over, or its server was another one of a store that only this
 *   server can write to, so that it must have ended.
 */
export function leaseState(
  { lease }: Pick<Tail, "lease">,
  { serverId, exclusive, nowMs }: LeaseView,
): "free" | "held" | "void" {
  if (lease === undefined || lease.holder === "") return "free";
  if (exclusive && lease.holder !== serverId) return "void";
  return nowMs < Number(lease.expiresAtMs) ? "held" : "void";
}
