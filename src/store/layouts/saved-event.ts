import { create } from "@bufbuild/protobuf";
import type { Record } from "../../gen/cairn/store/v1/record_pb.ts";
import type { Checkpoint, PendingTask } from "../../gen/cairn/v1/checkpoint_pb.ts";
import { type CheckpointSaved, CheckpointSavedSchema, type Event } from "../../gen/cairn/v1/event_pb.ts";
import type { Value } from "../../gen/cairn/v1/value_pb.ts";
import type { Rule } from "./left-out.ts";

/** The event that tells of a record's checkpoint says again what the checkpoint says. */
export function savedEvent(bit: number): Rule {
  return {
    bit,
    holds(record) {
      const { checkpoint, events } = record;
      const saved = savedIn(record);
      // Of several, none would be known from the others once they are empty.
      const isOnly = events.filter(({ body }) => body.case === "checkpointSaved").length === 1;
      return checkpoint !== undefined && saved !== undefined && isOnly && tells(saved, checkpoint);
    },
    leaveOut(copy) {
      for (const event of copy.events) {
        if (event.body.case === "checkpointSaved")
          event.body = { case: event.body.case, value: create(CheckpointSavedSchema) };
      }
    },
    restore({ checkpoint, events }) {
      for (const { body } of events) {
        if (checkpoint && body.case === "checkpointSaved") Object.assign(body.value, toldBy(checkpoint));
      }
    },
  };
}

function savedIn({ events }: Record): CheckpointSaved | undefined {
  const found = events.find(({ body }: Event) => body.case === "checkpointSaved");
  return found?.body.case === "checkpointSaved" ? found.body.value : undefined;
}

function toldBy(checkpoint: Checkpoint): Omit<CheckpointSaved, "$typeName" | "$unknown"> {
  return {
    checkpointId: checkpoint.id,
    parentId: checkpoint.parentId ?? "",
    seq: checkpoint.seq,
    step: checkpoint.step ?? 0n,
    source: checkpoint.source ?? "",
    values: Object.fromEntries(Object.entries(checkpoint.channelValues).filter(([name]) => !isControl(name))),
    nextNodes: checkpoint.nextNodes,
    tasks: checkpoint.pendingTasks,
  };
}

/** The engine's own channels, by their names as they are in layout 3. */
function isControl(channel: string): boolean {
  return channel.startsWith("__") || channel.includes(":");
}

function tells(saved: CheckpointSaved, checkpoint: Checkpoint): boolean {
  const told = toldBy(checkpoint);
  return (
    saved.$unknown === undefined &&
    saved.checkpointId === told.checkpointId &&
    saved.parentId === told.parentId &&
    saved.seq === told.seq &&
    saved.step === told.step &&
    saved.source === told.source &&
    sameList(saved.nextNodes, told.nextNodes, (one, other) => one === other) &&
    sameList(saved.tasks, told.tasks, sameTask) &&
    sameList(Object.entries(saved.values), Object.entries(told.values), sameEntry)
  );
}

function sameList<Item>(one: Item[], other: Item[], same: (one: Item, other: Item) => boolean): boolean {
  return one === other || (one.length === other.length && one.every((item, index) => same(item, other[index] as Item)));
}

function sameEntry([name, value]: [string, Value], [otherName, other]: [string, Value]): boolean {
  return name === otherName && sameValue(value, other);
}

function sameTask(one: PendingTask, other: PendingTask): boolean {
  return (
    one.id === other.id &&
    one.node === other.node &&
    sameList(one.triggers, other.triggers, (trigger, otherTrigger) => trigger === otherTrigger) &&
    sameValue(one.stateOverride, other.stateOverride) &&
    one.$unknown === other.$unknown
  );
}

/** Stored values are references. Anything else is taken as different. */
function sameValue(one: Value | undefined, other: Value | undefined): boolean {
  if (one === other) return true;
  const [source, otherSource] = [one?.source, other?.source];
  return source?.case === "ref" && otherSource?.case === "ref" && source.value === otherSource.value;
}
