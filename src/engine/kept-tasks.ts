import type { Checkpoint } from "../gen/cairn/v1/checkpoint_pb.ts";
import { encodeUtf8 } from "../values/utf8.ts";

/** Key of `extra` in a checkpoint that a migration of the state made. */
const KEPT_TASKS = "kept_tasks";

/**
 * What a migration leaves as it was: the tasks that are due keep their ids and the names under which they called
 * subgraphs, so that results, questions and subgraphs' checkpoints that were saved before are found under them.
 */
export interface KeptTasks {
  /** The checkpoint that the tasks were planned at: the one that their subgraphs know. */
  checkpointId: string;
  /** By their paths. */
  tasks: ReadonlyMap<string, KeptTask>;
}

export interface KeptTask {
  id: string;
  /** Its node's name at first. */
  node: string;
}

/** Under which checkpoint's id the subgraphs of a state's tasks know it. */
export function knownAs({ checkpointId, kept }: { checkpointId: string; kept: KeptTasks | undefined }): string {
  return kept?.checkpointId ?? checkpointId;
}

/** As it is kept in `extra`. */
export function keptTasksEntry({ checkpointId, tasks }: KeptTasks): Checkpoint["extra"] {
  const rows = [...tasks].map(([path, { id, node }]) => [path, id, node]);
  return { [KEPT_TASKS]: encodeUtf8(JSON.stringify([checkpointId, ...rows])) };
}

/** Undefined when there are none, "malformed" for what this engine never writes. */
export function keptTasksOf({ extra }: Pick<Checkpoint, "extra">): KeptTasks | "malformed" | undefined {
  const encoded = Object.hasOwn(extra, KEPT_TASKS) ? extra[KEPT_TASKS] : undefined;
  if (encoded === undefined) return undefined;
  try {
    const [checkpointId, ...rows] = JSON.parse(new TextDecoder().decode(encoded)) as [unknown, ...unknown[]];
    const isText = (value: unknown): value is string => typeof value === "string";
    const isRow = (row: unknown): row is [string, string, string] =>
      Array.isArray(row) && row.length === 3 && row.every(isText);
    if (!isText(checkpointId) || !rows.every(isRow)) return "malformed";
    return { checkpointId, tasks: new Map(rows.map(([path, id, node]) => [path, { id, node }])) };
  } catch {
    return "malformed";
  }
}
