import { create } from "@bufbuild/protobuf";
import type { Breakpoints } from "../engine/breakpoints.ts";
import type { CheckpointContext } from "../engine/checkpoint.ts";
import type { GraphState } from "../engine/state.ts";
import { type Lease, LeaseSchema } from "../gen/cairn/store/v1/record_pb.ts";
import type { Durability } from "../gen/cairn/v1/run_service_pb.ts";
import { limits } from "../limits.ts";
import type { ThreadKey } from "../store/store.ts";
import type { RunParts } from "./parts.ts";

/** What a run is to do. */
export interface RunPlan {
  key: ThreadKey;
  runId: string;
  epoch: bigint;
  /** Supersteps that each graph may make. */
  supersteps: number;
  /** The last superstep that the outermost graph may make. */
  lastStep: number;
  interruptBefore: Breakpoints;
  interruptAfter: Breakpoints;
  /** Stop after one superstep. */
  single: boolean;
  durability: Durability;
  metadata: Uint8Array;
  request: { id: string; bodyHash: Uint8Array } | undefined;
}

/** LangGraph's count: the input's own superstep is not counted, the entry's is. */
export function lastStepOf({ step }: Pick<GraphState, "step">, supersteps: number): number {
  return step + 1 + supersteps + 1;
}

/** What every checkpoint that a run makes now has in common. */
export function stampOf(
  { minter, environment }: Pick<RunParts, "minter" | "environment">,
  { key, runId, metadata }: RunPlan,
): Pick<CheckpointContext, "id" | "threadId" | "runId" | "nowMs" | "metadata"> {
  return { id: minter.mint(), threadId: key.thread, runId, nowMs: environment.clock.nowMs(), metadata };
}

/** The lease as a record of the run leaves it; without a holder it is given back. */
export function leaseOf({ epoch, runId }: Pick<RunPlan, "epoch" | "runId">, holder: string, nowMs: number): Lease {
  return create(LeaseSchema, { epoch, runId, holder, expiresAtMs: BigInt(nowMs + limits.leaseMs) });
}
