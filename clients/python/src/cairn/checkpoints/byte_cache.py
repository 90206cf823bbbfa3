"""Values by key, the most recently used ones, up to a number of bytes."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Held = TypeVar("Held")


class ByteCache(Generic[Key, Held]):
    """Forgets what was not used for longest when the values together have more bytes than it may hold."""

    def __init__(self, bytes_max: int, size: Callable[[Held], int], dropped: Callable[[Key], None]) -> None:
        self._bytes_max = bytes_max
        self._size = size
        self._dropped = dropped
        self._held: OrderedDict[Key, Held] = OrderedDict()
        self._bytes = 0

    def get(self, key: Key) -> Held | None:
        held = self._held.get(key)
        if held is not None:
            self._held.move_to_end(key)
        return held

    def put(self, key: Key, value: Held) -> None:
        """Holds it, unless it alone is more than all may be."""
        self.drop(key)
        size = self._size(value)
        if size > self._bytes_max:
            return
        self._held[key] = value
        self._bytes += size
        while self._bytes > self._bytes_max:
            self.drop(next(iter(self._held)))

    def drop(self, key: Key) -> None:
        held = self._held.pop(key, None)
        if held is not None:
            self._bytes -= self._size(held)
            self._dropped(key)
