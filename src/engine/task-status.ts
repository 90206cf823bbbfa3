import { create } from "@bufbuild/protobuf";
import { type PendingWrite, PendingWriteSchema } from "../gen/cairn/v1/checkpoint_pb.ts";
import { ErrorReason } from "../gen/cairn/v1/error_pb.ts";
import type { Value } from "../gen/cairn/v1/value_pb.ts";
import { emptyMap, isPlainMap, type Plain } from "../values/value.ts";
import { Cell } from "./cell.ts";
import { RunFailure } from "./failure.ts";
import { controlWrites, SENDS } from "./names.ts";
import { SEND_TYPE, sendFromCell, type Write } from "./write.ts";

/** What the saved writes of one superstep say of one of its tasks. */
export interface TaskStatus {
  /** Its result, in order. A task has finished exactly when there is one. */
  writes: Write[];
  /** The question it asked last. */
  interrupt?: { index: number; value: Cell; createdAt: string };
  /** The answers it has been given, in the order of its questions. */
  answers: Plain[];
  failure?: RunFailure;
}

/** Gives the cell for a stored value. */
export type CellSource = (value: Value) => Cell;

export function isFinished(status: TaskStatus | undefined): boolean {
  return status !== undefined && status.writes.length > 0;
}

/**
 * The question that still waits, of a task that has not finished: it has no answer, or its task has failed since and
 * no other node handles that. Then another answer may take the place of the one that was given.
 */
export function openInterrupt(status: TaskStatus | undefined, handled: boolean): TaskStatus["interrupt"] {
  if (status?.interrupt === undefined || isFinished(status) || handled) return undefined;
  const isOpen = status.interrupt.index >= status.answers.length || status.failure !== undefined;
  return isOpen ? status.interrupt : undefined;
}

/** Reads the pending writes of a checkpoint, which are sorted and merged, by task. */
export function readStatuses(pending: readonly PendingWrite[], cellOf: CellSource): Map<string, TaskStatus> {
  const statuses = new Map<string, TaskStatus>();
  for (const item of pending) {
    const status = statuses.get(item.taskId) ?? { writes: [], answers: [] };
    statuses.set(item.taskId, status);
    if (item.value === undefined) continue;
    const cell = cellOf(item.value);
    if (item.idx >= 0) status.writes.push(outputWrite(item, cell));
    else if (item.idx === controlWrites.__interrupt__) {
      status.interrupt = { index: Number(item.controlIndex ?? 0n), value: cell, createdAt: item.createdAt ?? "" };
    } else if (item.idx === controlWrites.__resume__) {
      status.answers = Array.isArray(cell.value) ? cell.value : [];
    } else if (item.idx === controlWrites.__error__) status.failure = failureFromPlain(cell.value);
  }
  return statuses;
}

function outputWrite(item: PendingWrite, cell: Cell): Write {
  const isSend = item.channel === SENDS && cell.typed.type === SEND_TYPE;
  const base = { channel: item.channel, cell, overwrite: item.mode === "overwrite" };
  return isSend ? { ...base, send: sendFromCell(cell) } : base;
}

/** A task's result as pending writes. */
export function resultPendingWrites(taskId: string, taskPath: string, writes: readonly Write[]): PendingWrite[] {
  return writes.map(({ channel, cell, overwrite }, idx) =>
    create(PendingWriteSchema, {
      taskId,
      taskPath,
      idx,
      channel,
      value: cell.toValue(),
      mode: overwrite ? "overwrite" : "",
    }),
  );
}

/** A question, the answers so far, or a failure as a pending write. */
export function controlPendingWrite(
  taskId: string,
  taskPath: string,
  channel: keyof typeof controlWrites,
  cell: Cell,
  more: { controlIndex?: number; createdAt?: string } = {},
): PendingWrite {
  return create(PendingWriteSchema, {
    taskId,
    taskPath,
    idx: controlWrites[channel],
    channel,
    value: cell.toValue(),
    controlIndex: more.controlIndex === undefined ? undefined : BigInt(more.controlIndex),
    createdAt: more.createdAt,
  });
}

export function failureCell(failure: RunFailure): Cell {
  const value = emptyMap();
  Object.assign(value, {
    reason: failure.reason,
    message: failure.message,
    node: failure.node,
    channel: failure.channel,
    task_id: failure.taskId,
    kind: failure.kind,
  });
  return Cell.of(value);
}

function failureFromPlain(value: Plain): RunFailure | undefined {
  if (!isPlainMap(value)) return undefined;
  const text = (key: string): string => (typeof value[key] === "string" ? value[key] : "");
  const known = typeof value.reason === "number" && value.reason in ErrorReason;
  const reason = known ? (value.reason as ErrorReason) : ErrorReason.NODE_FAILED;
  return new RunFailure(reason, text("message"), {
    node: text("node"),
    channel: text("channel"),
    taskId: text("task_id"),
    kind: text("kind"),
  });
}
