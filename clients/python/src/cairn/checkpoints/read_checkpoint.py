"""Checkpoints as they are asked for, and as they are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cairn.v1 import checkpoint_service_pb2 as pb
from cairn.v1.checkpoint_pb2 import Checkpoint, PendingWrite
from cairn.v1.value_pb2 import Value
from cairn.values.json import encode_json
from cairn.values.typed import EncodedValue


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointQuery:
    """Which checkpoints to list. Everything may be left out."""

    namespace: str | None = None
    """None: all."""
    ancestors_of: str | None = None
    """Only this checkpoint and those it descends from. Needs a thread and a namespace."""
    before: str | None = None
    """Only those before this one in the order chosen. Needs a thread."""
    metadata: Mapping[str, object] | None = None
    """Only those whose metadata have all of these at their top level; at most 16."""
    order: pb.CheckpointOrder.ValueType = pb.CHECKPOINT_ORDER_UNSPECIFIED
    """What says which comes first: by default the server's numbers."""

    def fields(self) -> dict[str, Any]:
        """The fields of a ListCheckpointsRequest."""
        filters = [
            pb.MetadataFilter(key=key, equals_json=encode_json(value, ("metadata", key)))
            for key, value in (self.metadata or {}).items()
        ]
        return {
            "namespace": self.namespace,
            "ancestors_of": self.ancestors_of,
            "before": self.before,
            "filters": filters,
            "order": self.order,
        }


@dataclass(frozen=True, slots=True)
class ReadCheckpoint:
    """A checkpoint as it was read, with the values that it and its writes refer to."""

    checkpoint: Checkpoint
    writes: Sequence[PendingWrite]
    """Its pending writes, sorted by (task_path, task_id, idx)."""
    values: Mapping[str, EncodedValue]
    """By reference: what each `Value` of the two names."""

    def value(self, value: Value) -> EncodedValue:
        """The bytes of one of its values."""
        return self.values[value.ref]
