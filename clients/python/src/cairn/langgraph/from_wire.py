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
from cairn.v1.value_pb2 import Value
from cairn.values.typed import EncodedValue


def to_tuple(serde: SerializerProtocol, read: ReadCheckpoint) -> CheckpointTuple:
    """What LangGraph reads."""
    message = read.checkpoint
    place = Place(message.thread_id, message.namespace, message.id)
    return CheckpointTuple(
        config=place.config,
        checkpoint=_to_checkpoint(serde, message, read.values),
        metadata=cast(CheckpointMetadata, json.loads(message.metadata or b"{}")),
        parent_config=place.at(message.parent_id).config if message.HasField("parent_id") else None,
        pending_writes=to_pending_writes(serde, read.writes, read.values),
    )


def to_pending_writes(
    serde: SerializerProtocol, writes: Iterable[PendingWrite], values: Mapping[str, EncodedValue]
) -> list[tuple[str, str, Any]]:
    """Writes as (task id, channel, value), in the order given."""
    return [
        (write.task_id, write.channel, _loaded(serde, values, write.value, f"a write to {write.channel!r}"))
        for write in writes
    ]


def to_delta_history(
    serde: SerializerProtocol, channel: str, history: ChannelHistory, values: Mapping[str, EncodedValue]
) -> DeltaChannelHistory:
    """What a delta channel is rebuilt from."""
    found = DeltaChannelHistory(writes=to_pending_writes(serde, history.writes, values))
    if history.HasField("seed"):
        found["seed"] = _loaded(serde, values, history.seed, f"channel {channel!r}")
    return found


def _to_checkpoint(
    serde: SerializerProtocol, message: Checkpoint, values: Mapping[str, EncodedValue]
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


def _loaded(serde: SerializerProtocol, values: Mapping[str, EncodedValue], value: Value, what: str) -> Any:
    typed = values[value.ref]
    try:
        return serde.loads_typed((typed.type, typed.data))
    except Exception as error:
        raise ValueError(f"{what} holds a value of type {typed.type!r} that can't be read here: {error}") from error
