"""What the server knows of threads, runs and graphs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from google.protobuf.duration_pb2 import Duration

from cairn.names import lower_name
from cairn.state import RunFailure, RunStatusName, failure_in, time_in, to_metadata, to_status
from cairn.v1 import graph_service_pb2 as graph_pb
from cairn.v1 import run_service_pb2 as run_pb
from cairn.v1 import thread_service_pb2 as thread_pb
from cairn.v1.graph_pb2 import GraphSpec

ThreadStatusName = Literal["unspecified", "idle", "busy", "interrupted", "failed"]
"""What a thread is doing. "interrupted": a question waits for an answer, or a breakpoint was reached."""


@dataclass(frozen=True, slots=True)
class ThreadInfo:
    """What the server knows of a thread."""

    id: str
    status: ThreadStatusName
    metadata: Any
    """The user's metadata, a dict; empty when none were given."""
    created_at: datetime | None
    updated_at: datetime | None
    graph_name: str
    """Graph of its newest checkpoint; empty for a thread that no run has touched."""
    head_checkpoint_id: str
    """Its head; empty when there is none."""
    head_step: int
    """The head's superstep."""
    run_id: str
    """The run that is going, or the last one."""
    last_event_number: int
    ttl: timedelta | None
    """How long it lives after its last change; None: for ever."""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What the server knows of a run."""

    run_id: str
    thread_id: str
    graph_name: str
    """Its graph; empty while it waits for its turn."""
    graph_hash: str
    status: RunStatusName
    """How it stands: "queued", "running", or why it stopped."""
    error: RunFailure | None
    """Why it failed."""
    started_at: datetime | None
    stopped_at: datetime | None
    checkpoint_id: str
    """The head that it left."""


@dataclass(frozen=True, slots=True)
class GraphInfo:
    """A graph as it is registered."""

    name: str
    hash: str
    """SHA-256 of its canonical form, in hexadecimal."""
    revision: int
    """Which registration under this name it is, from 1."""
    registered_at: datetime | None
    description: str
    spec: GraphSpec | None = field(repr=False)
    """The graph; None in lists."""


@dataclass(frozen=True, slots=True)
class MigrationStep:
    """What one migration changes in one thread's state."""

    from_version: int
    to_version: int
    renamed_channels: Mapping[str, str]
    """Channels that hold a value: old name to new."""
    dropped: Sequence[str]
    set: Sequence[str]
    renamed_nodes: Mapping[str, str]
    """Nodes that are due: old name to new."""


@dataclass(frozen=True, slots=True)
class ThreadMigration:
    """What became of a thread that was at another schema_version, or would become of it."""

    thread_id: str
    outcome: Literal["migrated", "busy", "refused", "unspecified"]
    """"busy": a run holds it, and migrates it when it next loads it. "refused": it is as it was."""
    from_version: int
    """The schema_version that its head was saved under."""
    to_version: int
    """The graph's."""
    checkpoint_id: str
    """The head that it had."""
    new_checkpoint_id: str
    """The head that it has now; empty when it was only tried."""
    steps: Sequence[MigrationStep]
    reason: str
    """Why it was refused or is busy: a reason's name, and in `message` the same in words."""
    message: str


@dataclass(frozen=True, slots=True)
class MigrationProgress:
    """How far a migration of a graph's threads is."""

    examined: int
    """Threads looked at so far, those of other graphs as well."""
    thread: ThreadMigration | None
    """None: only to tell how far it is."""


def to_thread_info(message: thread_pb.Thread) -> ThreadInfo:
    """Makes a thread's info of its message."""
    return ThreadInfo(
        id=message.id,
        status=cast(ThreadStatusName, lower_name(thread_pb.ThreadStatus, message.status)),
        metadata=to_metadata(message.metadata) or {},
        created_at=time_in(message, "created_at"),
        updated_at=time_in(message, "updated_at"),
        graph_name=message.graph_name,
        head_checkpoint_id=message.head_checkpoint_id,
        head_step=message.head_step,
        run_id=message.run_id,
        last_event_number=message.last_event_number,
        ttl=message.ttl.ToTimedelta() if message.HasField("ttl") else None,
    )


def to_duration(time: timedelta | float | None) -> Duration | None:
    """A time, or its seconds, for the wire; None stays None."""
    if time is None:
        return None
    duration = Duration()
    duration.FromTimedelta(time if isinstance(time, timedelta) else timedelta(seconds=time))
    return duration


def to_run_info(message: run_pb.RunInfo) -> RunInfo:
    """Makes a run's info of its message."""
    return RunInfo(
        run_id=message.run_id,
        thread_id=message.thread_id,
        graph_name=message.graph_name,
        graph_hash=message.graph_hash,
        status=to_status(message.status),
        error=failure_in(message),
        started_at=time_in(message, "started_at"),
        stopped_at=time_in(message, "stopped_at"),
        checkpoint_id=message.checkpoint_id,
    )


def to_graph_info(message: graph_pb.RegisteredGraph) -> GraphInfo:
    """Makes a graph's info of its message."""
    return GraphInfo(
        name=message.name,
        hash=message.hash,
        revision=message.revision,
        registered_at=time_in(message, "registered_at"),
        description=message.description,
        spec=message.spec if message.HasField("spec") else None,
    )


def to_migration_progress(message: graph_pb.MigrateThreadsResponse) -> MigrationProgress:
    """Makes a migration's progress of its message."""
    thread = _to_thread_migration(message.thread) if message.HasField("thread") else None
    return MigrationProgress(message.examined, thread)


def _to_thread_migration(message: graph_pb.ThreadMigration) -> ThreadMigration:
    outcome = lower_name(graph_pb.ThreadMigration.Outcome, message.outcome)
    return ThreadMigration(
        thread_id=message.thread_id,
        outcome=cast(Literal["migrated", "busy", "refused", "unspecified"], outcome),
        from_version=getattr(message, "from"),
        to_version=message.to,
        checkpoint_id=message.checkpoint_id,
        new_checkpoint_id=message.new_checkpoint_id,
        steps=tuple(
            MigrationStep(
                from_version=getattr(step, "from"),
                to_version=step.to,
                renamed_channels=dict(step.renamed_channels),
                dropped=tuple(step.dropped_channels),
                set=tuple(step.set_channels),
                renamed_nodes=dict(step.renamed_nodes),
            )
            for step in message.steps
        ),
        reason=message.reason,
        message=message.message,
    )
