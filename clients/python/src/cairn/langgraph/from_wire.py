"""LangGraph's checkpoints and writes as they come over the wire."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast

from langgraph.checkpoint.base import Checkpoint as LangGraphCheckpoint
from langgraph.checkpoint.base import CheckpointMetadata, CheckpointTuple, DeltaChannelHistory
from langgraph.checkpoint.serde.base import SerializerProtocol

from cairn.checkpoints.read_checkpoint import ReadCheckpoint
from cairn.langgraph.places import Place
from cairn.langgraph.versions import from_version_map
from cairn.v1.checkpoint_pb2 import Checkpoint, PendingWrite
from cairn.v1.checkpoint_service_pb2 import ChannelHistory
from cairn.v1.value_pb2 import TypedValue, Value

TASKS = "__pregel_tasks"
"""The channel of Sends."""
_TASKS_IN_CHANNEL = 4
"""The version of the checkpoint from which on Sends are in a channel; before, they were among the parent's writes."""


def to_tuple(serde: SerializerProtocol, read: ReadCheckpoint, parent: ReadCheckpoint | None = None) -> CheckpointTuple:
    """What LangGraph reads. `parent` is needed where `needs_parent` says so."""
    message = read.checkpoint
    place = Place(message.thread_id, message.namespace, message.id)
    checkpoint = _to_checkpoint(serde, message, read.values)
    if parent is not None:
        _add_sends(serde, checkpoint, parent)
    return CheckpointTuple(
        config=place.config,
        checkpoint=checkpoint,
        metadata=cast(CheckpointMetadata, json.loads(message.metadata or b"{}")),
        parent_config=place.at(message.parent_id).config if message.HasField("parent_id") else None,
        pending_writes=to_pending_writes(serde, read.writes, read.values),
    )


def needs_parent(read: ReadCheckpoint) -> str | None:
    """The parent of a checkpoint so old that its Sends are among the parent's writes."""
    message = read.checkpoint
    is_old = message.format_version < _TASKS_IN_CHANNEL and TASKS not in message.channel_values
    return message.parent_id if is_old and message.HasField("parent_id") and not message.parent_pruned else None


def to_pending_writes(
    serde: SerializerProtocol, writes: Iterable[PendingWrite], values: Mapping[str, TypedValue]
) -> list[tuple[str, str, Any]]:
    """Writes as (task id, channel, value), in the order given."""
    return [
        (write.task_id, write.channel, _loaded(serde, values, write.value, f"a write to {write.channel!r}"))
        for write in writes
    ]


def to_delta_history(
    serde: SerializerProtocol, channel: str, history: ChannelHistory, values: Mapping[str, TypedValue]
) -> DeltaChannelHistory:
    """What a delta channel is rebuilt from."""
    found = DeltaChannelHistory(writes=to_pending_writes(serde, history.writes, values))
    if history.HasField("seed"):
        found["seed"] = _loaded(serde, values, history.seed, f"channel {channel!r}")
    return found


def _to_checkpoint(
    serde: SerializerProtocol, message: Checkpoint, values: Mapping[str, TypedValue]
) -> LangGraphCheckpoint:
    checkpoint: dict[str, Any] = {
        "v": message.format_version,
        "ts": message.created_at,
        "id": message.id,
        "channel_values": {
            channel: _loaded(serde, values, value, f"channel {channel!r}")
            for channel, value in message.channel_values.items()
        },
        "channel_versions": from_version_map(message.channel_versions),
        "versions_seen": {node: from_version_map(seen) for node, seen in message.versions_seen.nodes.items()},
        **{key: json.loads(value) for key, value in message.extra.items()},
    }
    if message.HasField("updated_channels"):
        updated = message.updated_channels
        checkpoint["updated_channels"] = None if updated.is_null else list(updated.names)
    return cast(LangGraphCheckpoint, checkpoint)


def _add_sends(serde: SerializerProtocol, checkpoint: LangGraphCheckpoint, parent: ReadCheckpoint) -> None:
    sends = [value for _, channel, value in to_pending_writes(serde, parent.writes, parent.values) if channel == TASKS]
    if not sends:
        return
    checkpoint["channel_values"][TASKS] = sends
    versions = checkpoint["channel_versions"]
    versions[TASKS] = max(versions.values()) if versions else 1


def _loaded(serde: SerializerProtocol, values: Mapping[str, TypedValue], value: Value, what: str) -> Any:
    typed = values[value.ref]
    try:
        return serde.loads_typed((typed.type, typed.data))
    except Exception as error:
        raise ValueError(f"{what} holds a value of type {typed.type!r} that can't be read here: {error}") from error
