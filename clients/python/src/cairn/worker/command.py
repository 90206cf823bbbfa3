"""What a node may return besides updates."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Send:
    """Runs a node in the next superstep with an argument of its own."""

    node: str
    """The node."""
    argument: object = None
    """What it is called with in place of the state; any value."""
    timeout: float | None = None
    """How long it may take, in seconds, above 0; None: as the graph says of the node."""

    def __post_init__(self) -> None:
        if self.timeout is not None and not self.timeout > 0:
            raise ValueError(f"a Send's timeout must be above 0, not {self.timeout}")


@dataclass(frozen=True, slots=True)
class Overwrite:
    """Replaces a channel's value, whatever its reducer."""

    value: object
    """The new value."""


Target: TypeAlias = str | Send
"""Where to go: a node's name, "__end__", or a Send."""
Goto: TypeAlias = Target | Sequence[Target] | None
"""A target, or several; None: nowhere."""


@dataclass(frozen=True, slots=True)
class Command:
    """Updates, and where to go besides the edges."""

    update: Mapping[str, object] = field(default_factory=dict)
    """Updates by channel."""
    goto: Goto = None
    """Where to go."""
    graph: Literal["parent"] | None = None
    """"parent": both are those of the enclosing graph, and this graph ends. None: this graph's."""

    @property
    def targets(self) -> list[Target]:
        """`goto` as a list."""
        if self.goto is None:
            return []
        return [self.goto] if isinstance(self.goto, (str, Send)) else list(self.goto)
