import { UsageError } from "../usage-error.ts";

/** What can't be moved in, by name, and why. An error that says both already stays as it is. */
export function unreadable(what: string, why: unknown): UsageError {
  if (why instanceof UsageError) return why;
  return new UsageError(`${what}: ${why instanceof Error ? why.message : String(why)}`);
}

/** How a checkpoint is named to whoever moves in. */
export function checkpointName(threadId: string, checkpointId: string): string {
  return `thread ${JSON.stringify(threadId)}, checkpoint ${JSON.stringify(checkpointId)}`;
}
