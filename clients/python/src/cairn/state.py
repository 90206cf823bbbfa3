"""Where a thread stands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Literal, cast

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from cairn.names import lower_name
from cairn.v1 import run_service_pb2 as pb
from cairn.v1.error_pb2 import ErrorReason
from cairn.v1.event_pb2 import RunError, RunStatus
from cairn.values.json import decode_json
from cairn.values.typed import decode, decode_channels

RunStatusName = Literal[
    "unspecified", "running", "done", "interrupted", "paused", "failed", "cancelled", "lost", "queued"
]
"""How a run stands, or why it stopped. "paused": at a static breakpoint, or after the one superstep that `step` runs.
"lost": its server went away. "queued": it waits for its turn."""


@dataclass(frozen=True, slots=True)
class RunFailure:
    """Why a run or a task failed."""

    reason: str
    """The kind of failure: "NODE_FAILED", "RECURSION_LIMIT"."""
    message: str
    """What happened, in words."""
    node: str
    """The node at fault; empty when there is none. So are `channel` and `task_id`."""
    channel: str
    task_id: str
    kind: str
    """What the node's own code calls the error, as "TypeError"; empty for failures of others."""


@dataclass(frozen=True, slots=True)
class Interrupt:
    """A question that waits for an answer."""

    id: str
    """What to answer by, in `by_id`."""
    node: str
    """The node that asks."""
    task_id: str
    namespace: str
    """Of the graph that the node is of; empty for the outermost."""
    value: Any
    """What it asks."""


@dataclass(frozen=True, slots=True)
class TaskState:
    """A task of the next superstep."""

    id: str
    node: str
    path: str
    """Where it stands among its siblings."""
    finished: bool
    """Its result is saved and will be used without running it again."""
    error: RunFailure | None
    """How it failed when it did last; stays when it has finished since."""
    interrupt_ids: Sequence[str]
    """Ids of its open interrupts."""


@dataclass(frozen=True, slots=True)
class ThreadState:
    """The state of a thread at a checkpoint."""

    thread_id: str
    namespace: str
    """Empty for the root graph."""
    checkpoint_id: str
    parent_id: str
    """Empty at the root of the history."""
    step: int
    """The superstep: −1 for the input, then 0, 1, 2…"""
    source: str
    """How the checkpoint came to be: "input", "loop", "update", "fork"."""
    values: Mapping[str, Any]
    """Channel name to value. A channel that holds nothing is not there; one that holds None is."""
    next: Sequence[str]
    """Nodes still to run; empty when the thread is done."""
    tasks: Sequence[TaskState]
    """The tasks of the next superstep, finished ones included."""
    interrupts: Sequence[Interrupt]
    """The open questions."""
    created_at: datetime | None
    run_id: str
    graph_name: str
    graph_hash: str
    metadata: Any
    """The checkpoint's metadata; None when it has none."""
    raw: pb.StateSnapshot = field(repr=False)
    """The message this was made of, with every value's bytes."""


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """Where a thread stands after a run, a step or an answer."""

    run_id: str
    status: RunStatusName
    """Why the run stopped. A failed run is "failed", one that asks is "interrupted": neither is an exception."""
    error: RunFailure | None
    """What went wrong, when it failed."""
    interrupts: Sequence[Interrupt]
    """The open questions; those of `state`."""
    state: ThreadState
    """The state at the thread's head."""
    last_event_number: int
    """Number of the thread's last event: what comes next is `events(after=…)` it."""


def to_outcome(message: pb.RunOutcome) -> RunOutcome:
    """Makes an outcome of its message."""
    state = to_state(message.state)
    return RunOutcome(
        run_id=message.run_id,
        status=to_status(message.status),
        error=failure_in(message),
        interrupts=state.interrupts,
        state=state,
        last_event_number=message.last_event_number,
    )


def to_state(message: pb.StateSnapshot) -> ThreadState:
    """Makes a state of its message."""
    return ThreadState(
        thread_id=message.thread_id,
        namespace=message.namespace,
        checkpoint_id=message.checkpoint_id,
        parent_id=message.parent_id,
        step=message.step,
        source=message.source,
        values=decode_channels(message.values),
        next=tuple(message.next_nodes),
        tasks=tuple(_to_task(task) for task in message.tasks),
        interrupts=tuple(
            Interrupt(found.id, found.node, found.task_id, found.namespace, decode(found.value))
            for found in message.interrupts
        ),
        created_at=time_in(message, "created_at"),
        run_id=message.run_id,
        graph_name=message.graph_name,
        graph_hash=message.graph_hash,
        metadata=to_metadata(message.metadata),
        raw=message,
    )


def _to_task(task: pb.TaskState) -> TaskState:
    return TaskState(task.id, task.node, task.path, task.finished, failure_in(task), tuple(task.interrupt_ids))


def to_status(status: int) -> RunStatusName:
    """A run's status by its name."""
    return cast(RunStatusName, lower_name(RunStatus, status))


def failure_in(message: Message) -> RunFailure | None:
    """The failure that a message tells of in its field `error`."""
    if not message.HasField("error"):
        return None
    error: RunError = getattr(message, "error")  # noqa: B009  Every message that is given has this field.
    reason = lower_name(ErrorReason, error.reason).upper()
    return RunFailure(reason, error.message, error.node, error.channel, error.task_id, error.kind)


def time_in(message: Message, field_name: str) -> datetime | None:
    """A time that a message may tell, in UTC."""
    if not message.HasField(field_name):
        return None
    timestamp: Timestamp = getattr(message, field_name)
    return timestamp.ToDatetime(tzinfo=timezone.utc)


def to_metadata(text: bytes) -> Any:
    """Metadata from their JSON text; None for none."""
    return decode_json(text) if text else None
