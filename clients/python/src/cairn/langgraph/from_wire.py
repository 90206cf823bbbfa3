"""LangGraph's checkpoints and writes as they come over the wire."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from langgraph.checkpoint.base import Checkpoint as LangGraphCheckpoint
from langgraph.checkpoint.base import CheckpointMetadata, CheckpointTuple, DeltaChannelHistory
from langgraph.checkpoint.serde.base import SerializerProtocol

from cairn.checkpoints.read_checkpoint import ReadCheckpoint
from cairn.langgraph.foreign import foreign_metadata, foreign_values, is_foreign
from cairn.langgraph.places import Place
from cairn.langgraph.shared import SharedSerializer, UnreadableValue, of_channel
from cairn.langgraph.task_ids import own_task_ids
from cairn.langgraph.versions import from_version_map
from cairn.v1.checkpoint_pb2 import Checkpoint, PendingWrite
from cairn.v1.checkpoint_service_pb2 import ChannelHistory
from cairn.v1.value_pb2 import Value
from cairn.values.typed import EncodedValue


def to_tuple(serde: SerializerProtocol, read: ReadCheckpoint) -> CheckpointTuple:
    """What LangGraph reads. Of another framework's checkpoint what it has a place for; its metadata say what it has not."""
    message = read.checkpoint
    place = Place(message.thread_id, message.namespace, message.id)
    parent_config = place.at(message.parent_id).config if message.HasField("parent_id") else None
    if is_foreign(message):
        values = foreign_values(read)
        return CheckpointTuple(
            config=place.config,
            checkpoint=_to_checkpoint(message, values, extra={}),
            metadata=foreign_metadata(read, values),
            parent_config=parent_config,
            pending_writes=[],
        )
    channels = message.channel_values.items()
    loaded = {channel: _loaded(serde, read.values, value, channel, "channel") for channel, value in channels}
    checkpoint = _to_checkpoint(message, loaded, _members(message.extra))
    own_id: Callable[[str, str], str] = _as_it_is
    if isinstance(serde, SharedSerializer):
        own_id = own_task_ids(checkpoint, message.namespace, message.step if message.HasField("step") else None)
    return CheckpointTuple(
        config=place.config,
        checkpoint=checkpoint,
        metadata=cast(CheckpointMetadata, json.loads(message.metadata or b"{}")),
        parent_config=parent_config,
        pending_writes=to_pending_writes(serde, read.writes, read.values, own_id),
    )


def _as_it_is(task_id: str, _task_path: str) -> str:
    return task_id


def to_pending_writes(
    serde: SerializerProtocol,
    writes: Iterable[PendingWrite],
    values: Mapping[str, EncodedValue],
    own_id: Callable[[str, str], str] = _as_it_is,
) -> list[tuple[str, str, Any]]:
    """Writes as (task id, channel, value), in the order given. `own_id`: what a task's id, with its path, is here."""
    return [
        (
            own_id(write.task_id, write.task_path),
            write.channel,
            _loaded(serde, values, write.value, write.channel, "a write to"),
        )
        for write in writes
    ]


def to_delta_history(
    serde: SerializerProtocol, channel: str, history: ChannelHistory, values: Mapping[str, EncodedValue]
) -> DeltaChannelHistory:
    """What a delta channel is rebuilt from."""
    found = DeltaChannelHistory(writes=to_pending_writes(serde, history.writes, values))
    if history.HasField("seed"):
        found["seed"] = _loaded(serde, values, history.seed, channel, "channel")
    return found


def _to_checkpoint(message: Checkpoint, values: Mapping[str, Any], extra: Mapping[str, Any]) -> LangGraphCheckpoint:
    checkpoint: dict[str, Any] = {
        "v": message.format_version,
        "ts": message.created_at,
        "id": message.id,
        "channel_values": values,
        "channel_versions": from_version_map(message.channel_versions),
        "versions_seen": {node: from_version_map(seen) for node, seen in message.versions_seen.nodes.items()},
        **extra,
    }
    if message.HasField("updated_channels"):
        updated = message.updated_channels
        checkpoint["updated_channels"] = None if updated.is_null else list(updated.names)
    return cast(LangGraphCheckpoint, checkpoint)


def _members(extra: Mapping[str, bytes]) -> dict[str, Any]:
    """Keys that begin with one "!" are notes of the server's, so a member's name that does has got another."""
    kept = {key: value for key, value in extra.items() if not key.startswith("!") or key.startswith("!!")}
    return {key[1:] if key.startswith("!!") else key: json.loads(value) for key, value in kept.items()}


def _loaded(
    serde: SerializerProtocol, values: Mapping[str, EncodedValue], value: Value, channel: str, what: str
) -> Any:
    typed = values[value.ref]
    try:
        return of_channel(channel, serde.loads_typed((typed.type, typed.data)))
    except Exception as error:
        message = f"{what} {channel!r} holds a value of type {typed.type!r} that can't be read here: {error}"
        if isinstance(serde, SharedSerializer):
            return UnreadableValue(message, typed.type, typed.data)
        raise ValueError(message) from error
