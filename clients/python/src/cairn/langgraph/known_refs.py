"""What the server calls the values of checkpoints, so that channels that did not change are not serialized again."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cairn.checkpoints.held_values import HELD_SECONDS
from cairn.langgraph.places import Place

_CHECKPOINTS_MAX = 1_000
"""Checkpoints that are remembered, the most recently used ones."""


Versions = Mapping[str, str | int | float]


@dataclass(frozen=True, slots=True)
class _Known:
    until: float
    versions: Versions
    refs: Mapping[str, str]


class KnownRefs:
    """References of the channels' values, by checkpoint. Any thread may use it."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._checkpoints: OrderedDict[Place, _Known] = OrderedDict()

    def unchanged(self, parent: Place, versions: Versions) -> dict[str, str]:
        """The references of the channels that a checkpoint has at the same version as its parent.

        A version says what a channel holds along one line of checkpoints only: two that follow the same one may give the
        same version to different values.
        """
        with self._lock:
            known = self._checkpoints.get(parent)
        if known is None or known.until <= self._now():
            return {}
        return {
            channel: ref
            for channel, ref in known.refs.items()
            if channel in versions and channel in known.versions and versions[channel] == known.versions[channel]
        }

    def set(self, place: Place, versions: Versions, refs: Mapping[str, str]) -> None:
        """The checkpoint's channels have these versions, and their values are called so."""
        with self._lock:
            self._checkpoints[place] = _Known(self._now() + HELD_SECONDS, dict(versions), dict(refs))
            self._checkpoints.move_to_end(place)
            if len(self._checkpoints) > _CHECKPOINTS_MAX:
                self._checkpoints.popitem(last=False)

    def forget(self, place: Place) -> None:
        """The server does not have them."""
        with self._lock:
            self._checkpoints.pop(place, None)
