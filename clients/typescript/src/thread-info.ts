import { create } from "@bufbuild/protobuf";
import { durationMs, timestampDate } from "@bufbuild/protobuf/wkt";
import { type Thread as ThreadMessage, ThreadSchema, ThreadStatus } from "./gen/cairn/v1/thread_service_pb.ts";
import { lowerName } from "./names.ts";
import { toMetadata } from "./state.ts";
import type { PlainValue } from "./values/plain.ts";

/** What a thread is doing. `interrupted`: a question waits for an answer, or a breakpoint was reached. */
export type ThreadStatusName = Lowercase<keyof typeof ThreadStatus>;

/** What the server knows of a thread. */
export interface ThreadInfo {
  id: string;
  status: ThreadStatusName;
  /** The user's metadata. */
  metadata: PlainValue;
  createdAt: Date | undefined;
  updatedAt: Date | undefined;
  /** Graph of its newest checkpoint; empty for a thread that no run has touched. */
  graphName: string;
  /** Its head; empty when there is none. */
  headCheckpointId: string;
  /** The head's superstep. */
  headStep: number;
  /** The run that is going, or the last one. */
  runId: string;
  /** Number of its last event. */
  lastEventNumber: bigint;
  /** How many milliseconds it lives after its last change; undefined: for ever. */
  ttlMs: number | undefined;
}

/** Makes a thread's info of its message. */
export function toThreadInfo(message: ThreadMessage | undefined): ThreadInfo {
  const thread = message ?? create(ThreadSchema);
  return {
    id: thread.id,
    status: lowerName(ThreadStatus, thread.status),
    metadata: toMetadata(thread.metadata) ?? {},
    createdAt: thread.createdAt && timestampDate(thread.createdAt),
    updatedAt: thread.updatedAt && timestampDate(thread.updatedAt),
    graphName: thread.graphName,
    headCheckpointId: thread.headCheckpointId,
    headStep: Number(thread.headStep),
    runId: thread.runId,
    lastEventNumber: thread.lastEventNumber,
    ttlMs: thread.ttl && durationMs(thread.ttl),
  };
}
