"""What happens in a thread, by class: `match event: case TaskFinished(node="draft"): …`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from cairn.state import RunFailure, RunStatusName, failure_in, time_in, to_status
from cairn.v1 import event_pb2 as pb
from cairn.v1.value_pb2 import Value


@dataclass(frozen=True, slots=True)
class ValueRef:
    """Stands for a value that was not asked for (`values=False`): its reference, unique in its thread."""

    ref: str


@dataclass(frozen=True, slots=True)
class EphemeralPosition:
    """Where an event that may be lost stands after the durable event before it."""

    epoch: int
    sub_number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EventHead:
    """What every event tells."""

    number: int
    """Increases along the thread, with gaps. Of an ephemeral event, that of the durable event before it."""
    ephemeral: EphemeralPosition | None
    """Set on events that may be lost: tokens, progress."""
    namespace: str
    """Empty for the root graph."""
    run_id: str
    """Empty for changes made without a run."""
    at: datetime | None
    raw: pb.Event = field(repr=False)
    """The message this was made of."""


@dataclass(frozen=True, slots=True)
class ChannelUpdate:
    """A value written to a channel."""

    channel: str
    value: Any
    overwrite: bool
    """It replaces the channel's value, whatever its reducer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunQueued(EventHead):
    """A run waits for its turn; so many are before it."""

    before: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted(EventHead):
    """A run began, or went on after a stop."""

    graph_name: str
    graph_hash: str
    checkpoint_id: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStopped(EventHead):
    """A run stopped."""

    status: RunStatusName
    error: RunFailure | None
    checkpoint_id: str
    next: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskEvent(EventHead):
    """What every event of a task tells."""

    task_id: str
    node: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStarted(TaskEvent):
    """A task began. Ephemeral."""

    step: int
    triggers: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskWaiting(TaskEvent):
    """A task waits: no connected worker serves `handler`."""

    step: int
    handler: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFinished(TaskEvent):
    """A task's result was saved."""

    step: int
    updates: Sequence[ChannelUpdate]


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskFailed(TaskEvent):
    """A task failed for good."""

    step: int
    error: RunFailure | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InterruptRaised(TaskEvent):
    """A task stopped and waits for an answer."""

    step: int
    interrupt_id: str
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class InterruptAnswered(EventHead):
    """Answers were given."""

    interrupt_ids: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSaved(EventHead):
    """A checkpoint became visible."""

    checkpoint_id: str
    parent_id: str
    seq: int
    step: int
    source: str
    values: Mapping[str, Any]
    next: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointsDeleted(EventHead):
    """Checkpoints were deleted."""

    checkpoint_ids: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Custom(TaskEvent):
    """A node told something of its own. Ephemeral."""

    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageToken(TaskEvent):
    """A piece of a message that a node streams. Ephemeral."""

    message_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WritesPut(EventHead):
    """Writes of tasks were put from outside."""

    checkpoint_id: str
    task_ids: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadUpdated(EventHead):
    """The thread's metadata were set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownEvent(EventHead):
    """Something that only a newer client knows; `raw` has it."""


Event: TypeAlias = (
    RunQueued
    | RunStarted
    | RunStopped
    | TaskStarted
    | TaskWaiting
    | TaskFinished
    | TaskFailed
    | InterruptRaised
    | InterruptAnswered
    | CheckpointSaved
    | CheckpointsDeleted
    | Custom
    | MessageToken
    | WritesPut
    | ThreadUpdated
    | UnknownEvent
)
"""Something that happened in a thread."""

Resolve: TypeAlias = Callable[[Value], Any]
"""Gives a value of an event."""


def to_event(raw: pb.Event, resolve: Resolve) -> Event:
    """Makes an event of its message."""
    position = raw.ephemeral
    head: dict[str, Any] = {
        "number": raw.number,
        "ephemeral": EphemeralPosition(position.epoch, position.sub_number) if raw.HasField("ephemeral") else None,
        "namespace": raw.namespace,
        "run_id": raw.run_id,
        "at": time_in(raw, "at"),
        "raw": raw,
    }
    match raw.WhichOneof("body"):
        case (
            "task_started"
            | "task_waiting"
            | "task_finished"
            | "task_failed"
            | "interrupt_raised"
            | "custom"
            | "message_token"
        ):
            return _task_event(raw, head, resolve)
        case "run_queued" | "run_started" | "run_stopped":
            return _run_event(raw, head)
        case "checkpoint_saved" | "checkpoints_deleted" | "interrupt_answered" | "writes_put" | "thread_updated":
            return _thread_event(raw, head, resolve)
        case _:
            return UnknownEvent(**head)


def _run_event(raw: pb.Event, head: dict[str, Any]) -> Event:
    match raw.WhichOneof("body"):
        case "run_queued":
            return RunQueued(**head, before=raw.run_queued.before)
        case "run_started":
            started = raw.run_started
            return RunStarted(
                **head,
                graph_name=started.graph_name,
                graph_hash=started.graph_hash,
                checkpoint_id=started.checkpoint_id,
                epoch=started.epoch,
            )
        case _:
            stopped = raw.run_stopped
            return RunStopped(
                **head,
                status=to_status(stopped.status),
                error=failure_in(stopped),
                checkpoint_id=stopped.checkpoint_id,
                next=tuple(stopped.next_nodes),
            )


def _task_event(raw: pb.Event, head: dict[str, Any], resolve: Resolve) -> Event:
    body: Any = getattr(raw, raw.WhichOneof("body") or "")
    head |= {"task_id": body.task_id, "node": body.node}
    match body:
        case pb.TaskStarted():
            return TaskStarted(**head, step=body.step, triggers=tuple(body.triggers))
        case pb.TaskWaiting():
            return TaskWaiting(**head, step=body.step, handler=body.handler)
        case pb.TaskFinished():
            updates = (ChannelUpdate(made.channel, resolve(made.value), made.overwrite) for made in body.updates)
            return TaskFinished(**head, step=body.step, updates=tuple(updates))
        case pb.TaskFailed():
            return TaskFailed(**head, step=body.step, error=failure_in(body))
        case pb.InterruptRaised():
            asked = body.interrupt
            return InterruptRaised(**head, step=body.step, interrupt_id=asked.id, value=resolve(asked.value))
        case pb.CustomEvent():
            return Custom(**head, value=resolve(body.value))
        case _:
            return MessageToken(**head, message_id=body.message_id, text=body.text)


def _thread_event(raw: pb.Event, head: dict[str, Any], resolve: Resolve) -> Event:
    match raw.WhichOneof("body"):
        case "checkpoint_saved":
            saved = raw.checkpoint_saved
            return CheckpointSaved(
                **head,
                checkpoint_id=saved.checkpoint_id,
                parent_id=saved.parent_id,
                seq=saved.seq,
                step=saved.step,
                source=saved.source,
                values={name: resolve(value) for name, value in saved.values.items()},
                next=tuple(saved.next_nodes),
            )
        case "checkpoints_deleted":
            return CheckpointsDeleted(**head, checkpoint_ids=tuple(raw.checkpoints_deleted.checkpoint_ids))
        case "interrupt_answered":
            return InterruptAnswered(**head, interrupt_ids=tuple(raw.interrupt_answered.interrupt_ids))
        case "writes_put":
            put = raw.writes_put
            return WritesPut(**head, checkpoint_id=put.checkpoint_id, task_ids=tuple(put.task_ids))
        case _:
            return ThreadUpdated(**head)


def values_of(raw: pb.Event) -> Sequence[Value]:
    """Every value that an event refers to."""
    match raw.WhichOneof("body"):
        case "task_finished":
            return [update.value for update in raw.task_finished.updates]
        case "interrupt_raised":
            return [raw.interrupt_raised.interrupt.value]
        case "checkpoint_saved":
            return list(raw.checkpoint_saved.values.values())
        case "custom":
            return [raw.custom.value]
        case _:
            return []
