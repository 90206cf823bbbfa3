"""Checkpoints that another framework wrote, or Cairn itself, as far as LangGraph has a place for them."""

import json
from collections.abc import Collection
from typing import Any, cast

from langgraph.checkpoint.base import CheckpointMetadata

from cairn.checkpoints.read_checkpoint import ReadCheckpoint
from cairn.v1.checkpoint_pb2 import ORIGIN_LANGGRAPH, Checkpoint, Origin
from cairn.values.typed import Encoded, OpaqueValue, decode

# Fields that LangGraph's checkpoint, its config or its metadata have.
_PLACES = frozenset(
    {
        "id",
        "thread_id",
        "namespace",
        "parent_id",
        "parents",
        "step",
        "source",
        "created_at",
        "run_id",
        "format_version",
        "channel_values",
        "channel_versions",
        "versions_seen",
        "updated_channels",
        "metadata",
    }
)
# What the server says of a checkpoint, and no part of it.
_NOTES = frozenset({"seq", "origin", "values_layout", "parent_pruned", "extra"})


def is_foreign(message: Checkpoint) -> bool:
    return message.origin != ORIGIN_LANGGRAPH


def foreign_values(read: ReadCheckpoint) -> dict[str, Any]:
    """The values of its channels that are plain data."""
    decoded = {channel: _plain(read.values.get(value.ref)) for channel, value in read.checkpoint.channel_values.items()}
    return {channel: value for channel, value in decoded.items() if not isinstance(value, OpaqueValue)}


def _plain(value: Encoded | None) -> Any:
    # A read for a list may have been told to leave values out.
    return OpaqueValue("", b"") if value is None else decode(value)


def foreign_metadata(read: ReadCheckpoint, values: Collection[str]) -> CheckpointMetadata:
    """Its metadata as LangGraph names them, with `cairn_origin`, who wrote it, and `cairn_left_out`, names of what
    LangGraph has no place for. `values`: the channels that have been read."""
    message = read.checkpoint
    given = json.loads(message.metadata or b"{}")
    metadata: dict[str, Any] = dict(given) if isinstance(given, dict) else {"cairn_metadata": given}
    metadata |= {name: getattr(message, name) for name in ("source", "step", "run_id") if message.HasField(name)}
    metadata["parents"] = dict(message.parents)
    metadata["cairn_origin"] = Origin.Name(message.origin).removeprefix("ORIGIN_").lower()
    metadata["cairn_left_out"] = [
        *(field.name for field, _ in message.ListFields() if field.name not in _PLACES | _NOTES),
        *(f"channel_values[{json.dumps(name)}]" for name in sorted(message.channel_values) if name not in values),
        *(f"extra[{json.dumps(name)}]" for name in sorted(message.extra) if not name.startswith("!")),
        *([f"{len(read.writes)} pending writes"] if read.writes else []),
    ]
    return cast(CheckpointMetadata, metadata)
