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

/**
 * The results, questions, answers and failures that were saved of a superstep's tasks, in new names. Throws
 * MIGRATION_FAILED for a result that waits to be applied to a channel of which a value has been computed already.
 */
export function migrateWrites(
  saved: SavedState,
  migration: CompiledMigration,
  values: NewValues,
  { paths, cellOf }: Tools,
): PendingWrite[] {
  const { renames } = migration;
  return saved.writes.map((write) => {
    if (write.idx >= 0 && !isControl(write.channel)) {
      refuseMissed(saved, migration, values, write);
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

function refuseMissed(
  { checkpoint }: SavedState,
  migration: CompiledMigration,
  { set, drop, read }: NewValues,
  { channel, taskId }: PendingWrite,
): void {
  const isRead = read === "all" ? set.size + drop.size > 0 : read.has(channel);
  if (!isRead && !set.has(migration.renames.channel(channel))) return;
  const node = checkpoint.pendingTasks.find(({ id }) => id === taskId)?.node ?? "";
  const why =
    `node ${JSON.stringify(node)} has finished, and its update of channel ${JSON.stringify(channel)}, which the migration reads or sets, ` +
    "waits for its siblings: let them finish under the graph of before (its hash) first";
  throw migrationFailed(migration, why, { node, channel });
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
