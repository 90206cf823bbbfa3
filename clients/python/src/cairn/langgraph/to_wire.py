"""LangGraph's checkpoints and writes as they go over the wire.

What Cairn has a field for goes there, and everything else of a checkpoint into `extra`, as JSON. Values are the bytes that
LangGraph's serializer makes of them, which nobody but LangGraph ever looks into.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import WRITES_IDX_MAP, CheckpointMetadata, get_serializable_checkpoint_metadata
from langgraph.checkpoint.base import Checkpoint as LangGraphCheckpoint
from langgraph.checkpoint.serde.base import SerializerProtocol

from cairn.langgraph.places import Place
from cairn.langgraph.versions import to_version_map
from cairn.v1.checkpoint_pb2 import (
    ORIGIN_LANGGRAPH,
    VALUES_LAYOUT_CHANNELS,
    Checkpoint,
    DeltaCounters,
    PendingWrite,
)
from cairn.v1.checkpoint_service_pb2 import CheckpointWrites
from cairn.v1.value_pb2 import NameList, TypedValue, Value, VersionsSeen
from cairn.values.typed import EncodedValue

_FIELDS = frozenset({"id", "ts", "v", "channel_values", "channel_versions", "versions_seen", "updated_channels"})


def to_checkpoint(parent: Place, checkpoint: LangGraphCheckpoint, metadata: Mapping[str, Any]) -> Checkpoint:
    """A checkpoint without its values. `metadata` are what `to_metadata` gives."""
    message = Checkpoint(
        id=checkpoint["id"],
        thread_id=parent.thread_id,
        namespace=parent.namespace,
        parent_id=parent.checkpoint_id,
        created_at=checkpoint["ts"],
        format_version=checkpoint["v"],
        origin=ORIGIN_LANGGRAPH,
        values_layout=VALUES_LAYOUT_CHANNELS,
        channel_versions=to_version_map(checkpoint["channel_versions"]),
        versions_seen=VersionsSeen(
            nodes={node: to_version_map(seen) for node, seen in checkpoint["versions_seen"].items()}
        ),
        metadata=json.dumps(metadata).encode(),
        extra={key: _extra(key, value) for key, value in checkpoint.items() if key not in _FIELDS},
    )
    if "updated_channels" in checkpoint:
        updated = checkpoint["updated_channels"]
        message.updated_channels.CopyFrom(NameList(is_null=True) if updated is None else NameList(names=updated))
    _set_fields_of(message, metadata)
    return message


def _set_fields_of(message: Checkpoint, metadata: Mapping[str, Any]) -> None:
    """What Cairn has fields for, which lists and filters read."""
    if isinstance(source := metadata.get("source"), str):
        message.source = source
    if isinstance(step := metadata.get("step"), int):
        message.step = step
    if isinstance(run_id := metadata.get("run_id"), str):
        message.run_id = run_id
    for namespace, checkpoint_id in (metadata.get("parents") or {}).items():
        message.parents[namespace] = checkpoint_id
    for channel, (updates, supersteps) in (metadata.get("counters_since_delta_snapshot") or {}).items():
        message.delta_counters[channel].CopyFrom(DeltaCounters(updates=updates, supersteps=supersteps))


def to_metadata(config: RunnableConfig, metadata: CheckpointMetadata) -> dict[str, Any]:
    """A checkpoint's metadata with what the config adds to it, as LangGraph's own savers keep them."""
    return dict(get_serializable_checkpoint_metadata(config, metadata))


def to_values(
    serde: SerializerProtocol, values: Mapping[str, Any], channels: Collection[str]
) -> dict[str, EncodedValue]:
    """The values of these channels, as far as they hold any."""
    return {channel: EncodedValue(*serde.dumps_typed(values[channel])) for channel in channels if channel in values}


def to_writes(
    serde: SerializerProtocol, place: Place, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str
) -> CheckpointWrites:
    """A task's writes. Control writes have places of their own, below zero; others theirs in the list."""
    return CheckpointWrites(
        namespace=place.namespace,
        checkpoint_id=place.checkpoint_id or "",
        writes=[
            PendingWrite(
                task_id=task_id,
                task_path=task_path,
                idx=WRITES_IDX_MAP.get(channel, index),
                channel=channel,
                value=Value(inline=_typed(*serde.dumps_typed(value))),
            )
            for index, (channel, value) in enumerate(writes)
        ],
    )


def _typed(kind: str, data: bytes) -> TypedValue:
    return TypedValue(type=kind, data=data)


def _extra(key: str, value: Any) -> bytes:
    try:
        return json.dumps(value).encode()
    except TypeError as error:
        raise TypeError(f"the checkpoint's {key!r} can't be kept: {error}") from error
