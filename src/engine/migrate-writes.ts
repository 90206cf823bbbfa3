import type { CairnError } from "../errors.ts";
import type { PendingWrite } from "../gen/cairn/v1/checkpoint_pb.ts";
import type { Value } from "../gen/cairn/v1/value_pb.ts";
import { isPlainMap } from "../values/value.ts";
import { Cell, nullCell } from "./cell.ts";
import type { NewValues, SavedState } from "./migrate.ts";
import { type CompiledMigration, migrationFailed } from "./migrations.ts";
import { controlWrites, isControl, NO_WRITES, SENDS } from "./names.ts";
import { isBarrier, type Renames } from "./renames.ts";
import type { CellSource } from "./task-status.ts";
import { SEND_TYPE, sendFromCell, sendWrite } from "./write.ts";

interface Tools {
  /** New paths of tasks by their old ones. */
  paths: ReadonlyMap<string, string>;
  cellOf: CellSource;
}

/** The results, questions, answers and failures that were saved of a superstep's tasks, in new names. */
export function migrateWrites(
  { writes }: SavedState,
  { renames }: CompiledMigration,
  values: NewValues,
  { paths, cellOf }: Tools,
): PendingWrite[] {
  return writes.map((write) => {
    if (write.idx >= 0 && !isControl(write.channel)) {
      // Its task has finished all the same.
      if (values.drop.has(write.channel))
        return { ...write, channel: NO_WRITES, mode: "", value: nullCell().toValue() };
    }
    return {
      ...write,
      taskPath: pathAfter(write, renames, paths),
      channel: renames.channel(write.channel),
      value: write.value && valueAfter(write, write.value, renames, cellOf),
    };
  });
}

/**
 * MIGRATION_FAILED when a result that waits to be applied has not been seen by what computed new values; undefined when
 * there is none.
 */
export function missedResult(
  { checkpoint, writes }: SavedState,
  migration: CompiledMigration,
  { set, drop, read }: NewValues,
): CairnError | undefined {
  const isMissed = ({ idx, channel }: PendingWrite): boolean => {
    if (idx < 0 || isControl(channel)) return false;
    const isRead = read === "all" ? set.size + drop.size > 0 : read.has(channel);
    return isRead || set.has(migration.renames.channel(channel));
  };
  const missed = writes.find(isMissed);
  if (missed === undefined) return undefined;
  const { channel, taskId } = missed;
  const node = checkpoint.pendingTasks.find(({ id }) => id === taskId)?.node ?? "";
  const why =
    `node ${JSON.stringify(node)} has finished, and its update of channel ${JSON.stringify(channel)}, which the migration reads or sets, ` +
    "waits for its siblings: let them finish under the graph of before (its hash) first";
  return migrationFailed(migration, why, { node, channel });
}

function pathAfter({ idx, taskPath }: PendingWrite, renames: Renames, paths: Tools["paths"]): string {
  if (idx === controlWrites.__paused__) return renames.node(taskPath);
  const known = paths.get(taskPath);
  if (known !== undefined) return known;
  const [, failed, handler = ""] = /^(.*)(, handler)$/s.exec(taskPath) ?? [];
  const after = failed === undefined ? undefined : paths.get(failed);
  return after === undefined ? taskPath : `${after}${handler}`;
}

/** The values that hold nodes' names. */
function valueAfter({ idx, channel }: PendingWrite, value: Value, renames: Renames, cellOf: CellSource): Value {
  if (idx === controlWrites.__error__) return failureAfter(cellOf(value), renames).toValue();
  if (idx < 0 || renames.nodes.size === 0) return value;
  const cell = cellOf(value);
  if (isBarrier(channel) && typeof cell.value === "string") return Cell.of(renames.node(cell.value)).toValue();
  if (channel !== SENDS || cell.typed.type !== SEND_TYPE) return value;
  const { node, sourceNode, ...send } = sendFromCell(cell);
  const renamed = { ...send, node: renames.node(node), sourceNode: sourceNode && renames.node(sourceNode) };
  return sendWrite(renamed).cell.toValue();
}

function failureAfter(cell: Cell, renames: Renames): Cell {
  const { value } = cell;
  if (!isPlainMap(value)) return cell;
  const { node, channel } = value;
  const names = {
    ...(typeof node === "string" && { node: renames.node(node) }),
    ...(typeof channel === "string" && { channel: renames.channel(channel) }),
  };
  return Cell.of(Object.assign(Object.create(null), value, names));
}
