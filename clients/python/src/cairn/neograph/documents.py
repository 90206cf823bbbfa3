"""NeoGraph's objects as the JSON that its own stores write, and back."""

import json
from typing import Any

import neograph_engine as ng

_PHASES = {
    ng.CheckpointPhase.Before: "before",
    ng.CheckpointPhase.After: "after",
    ng.CheckpointPhase.Completed: "completed",
    ng.CheckpointPhase.NodeInterrupt: "node_interrupt",
    ng.CheckpointPhase.Updated: "updated",
}
_MEMBERS = (
    "id",
    "thread_id",
    "channel_values",
    "channel_versions",
    "parent_id",
    "current_node",
    "next_nodes",
    "barrier_state",
    "metadata",
    "step",
    "timestamp",
    "schema_version",
)
_WRITE_MEMBERS = ("task_id", "task_path", "node_name", "writes", "command", "sends", "step", "timestamp")


def checkpoint_to_json(checkpoint: ng.Checkpoint) -> str:
    document = {name: getattr(checkpoint, name) for name in _MEMBERS}
    document["barrier_state"] = {name: sorted(seen) for name, seen in checkpoint.barrier_state.items()}
    document["interrupt_phase"] = _PHASES[checkpoint.interrupt_phase]
    return _to_json(document, f"checkpoint {checkpoint.id}")


def checkpoint_from_json(text: str) -> ng.Checkpoint:
    """Of every layout that NeoGraph has had."""
    document = json.loads(text)
    checkpoint = ng.Checkpoint()
    for name in _MEMBERS:
        # A list or a map that an older layout lacks, or that is null, is empty.
        if document.get(name) is not None or name in ("channel_values", "channel_versions", "metadata"):
            setattr(checkpoint, name, _member(name, document.get(name)))
    # Layout 0 had one next node.
    if "next_nodes" not in document and document.get("next_node"):
        checkpoint.next_nodes = [document["next_node"]]
    words = {word: phase for phase, word in _PHASES.items()}
    if "interrupt_phase" in document:
        checkpoint.interrupt_phase = words[document["interrupt_phase"]]
    return checkpoint


def write_to_json(write: ng.PendingWrite) -> str:
    document = {name: getattr(write, name) for name in _WRITE_MEMBERS}
    return _to_json(document, f"the writes of task {write.task_id}")


def write_from_json(text: bytes) -> ng.PendingWrite:
    document = json.loads(text)
    write = ng.PendingWrite()
    for name in _WRITE_MEMBERS:
        if name in document:
            setattr(write, name, document[name])
    return write


def _member(name: str, value: Any) -> Any:
    return {key: set(seen) for key, seen in value.items()} if name == "barrier_state" else value


def _to_json(document: dict[str, Any], what: str) -> str:
    try:
        return json.dumps(document, allow_nan=False, separators=(",", ":"))
    except ValueError as cause:
        raise ValueError(f"{what} holds what JSON has no form for: {cause}") from cause
