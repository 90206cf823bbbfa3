"""What a saver remembers, whichever of its connections brought it."""

from dataclasses import dataclass, field

from cairn.checkpoints.held_values import HeldValues
from cairn.langgraph.known_refs import KnownRefs
from cairn.langgraph.seen_heads import SeenHeads


@dataclass(frozen=True, slots=True)
class SaverMemory:
    """All of it is bounded, and none is needed: without it, more is sent."""

    held: HeldValues
    refuses_second_run: bool
    heads: SeenHeads = field(default_factory=SeenHeads)
    refs: KnownRefs = field(default_factory=KnownRefs)
