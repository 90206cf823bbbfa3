"""What the server calls the values of checkpoints, so that channels that did not change are not serialized again."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

from cairn.checkpoints.held_values import HELD_SECONDS
from cairn.langgraph.places import Place

_CHECKPOINTS_MAX = 1_000
"""Checkpoints that are remembered, the most recently used ones."""


class KnownRefs:
    """References of the channels' values, by checkpoint. Any thread may use it."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._checkpoints: OrderedDict[Place, tuple[float, Mapping[str, str]]] = OrderedDict()

    def of(self, place: Place) -> Mapping[str, str]:
        """Channel to reference; empty for a checkpoint of which nothing is known."""
        with self._lock:
            until, refs = self._checkpoints.get(place, (0.0, {}))
            return refs if self._now() < until else {}

    def set(self, place: Place, refs: Mapping[str, str]) -> None:
        """The checkpoint's values are called so."""
        with self._lock:
            self._checkpoints[place] = (self._now() + HELD_SECONDS, dict(refs))
            self._checkpoints.move_to_end(place)
            if len(self._checkpoints) > _CHECKPOINTS_MAX:
                self._checkpoints.popitem(last=False)

    def forget(self, place: Place) -> None:
        """The server does not have them."""
        with self._lock:
            self._checkpoints.pop(place, None)
