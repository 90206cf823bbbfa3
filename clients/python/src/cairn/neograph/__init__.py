"""Cairn as NeoGraph's checkpoint store: `CairnCheckpointStore`. Needs `pip install cairn[neograph]`."""

from cairn.neograph.store import CairnCheckpointStore

__all__ = ["CairnCheckpointStore"]
