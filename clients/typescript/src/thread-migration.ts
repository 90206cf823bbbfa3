import {
  type ThreadMigration as Message,
  type MigrateThreadsResponse,
  ThreadMigration_Outcome,
} from "./gen/cairn/v1/graph_service_pb.ts";
import { lowerName } from "./names.ts";

/** How far MigrateThreads is, and what became of a thread that was at another schema_version. */
export interface MigrationProgress {
  /** Threads looked at so far, those of other graphs as well. */
  examined: number;
  /** Undefined: only to tell how far it is. */
  thread: ThreadMigration | undefined;
}

/** What became of a thread, or would become of it. */
export interface ThreadMigration {
  threadId: string;
  /** "busy": a run holds it, and migrates it when it next loads it. "refused": it is as it was. */
  outcome: "migrated" | "busy" | "refused" | "unspecified";
  /** The schema_version that its head was saved under, and the graph's. */
  from: number;
  to: number;
  /** The head that it had. */
  checkpointId: string;
  /** The head that it has now; "" when it was only tried. */
  newCheckpointId: string;
  steps: MigrationStep[];
  /** Why it was refused or is busy: a reason's name, and the same in words. */
  reason: string;
  message: string;
}

/** What one migration changes in one thread's state. */
export interface MigrationStep {
  from: number;
  to: number;
  /** Channels that hold a value: old name to new. */
  renamedChannels: Record<string, string>;
  dropped: string[];
  set: string[];
  /** Nodes that are due: old name to new. */
  renamedNodes: Record<string, string>;
}

export function toMigrationProgress({ examined, thread }: MigrateThreadsResponse): MigrationProgress {
  return { examined: Number(examined), thread: thread && toThreadMigration(thread) };
}

function toThreadMigration(message: Message): ThreadMigration {
  const { threadId, from, to, checkpointId, newCheckpointId, reason } = message;
  return {
    threadId,
    outcome: lowerName(ThreadMigration_Outcome, message.outcome),
    from,
    to,
    checkpointId,
    newCheckpointId,
    steps: message.steps.map((step) => ({
      from: step.from,
      to: step.to,
      renamedChannels: step.renamedChannels,
      dropped: step.droppedChannels,
      set: step.setChannels,
      renamedNodes: step.renamedNodes,
    })),
    reason,
    message: message.message,
  };
}
