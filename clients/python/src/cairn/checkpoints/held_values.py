"""Values that both this client and the server hold, so that what has not changed need not be sent again."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from zlib import crc32

from cairn.checkpoints.byte_cache import ByteCache
from cairn.v1.value_pb2 import ValueEntry
from cairn.values.typed import Encoded, EncodedValue

REFS_MAX = 10_000
"""References that a request can say it holds."""
CHANNELS_MAX = 10_000
"""Channels of which it is remembered which value the server has."""
HELD_SECONDS = 6 * 60 * 60.0
"""The server may use a reference again a day after its thread was deleted. What is older than this is not used."""
HELD_BYTES_MIN = 256
"""Smaller values are sent whole, and not kept."""
_ENTRY_BYTES = 256
"""What an entry costs besides its bytes, roughly."""


@dataclass(frozen=True, slots=True)
class HeldValue:
    """A value, and what the server calls it."""

    ref: str
    type: str
    data: bytes
    crc32: int
    until: float
    """When it is forgotten, by the clock that was handed in."""


class HeldValues:
    """The most recently used values, up to a bound. Any thread may use it."""

    def __init__(self, bytes_max: int, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.RLock()
        self._refs: dict[str, OrderedDict[str, None]] = {}
        self._channels: OrderedDict[tuple[str, str, str], str] = OrderedDict()
        self._values: ByteCache[tuple[str, str], HeldValue] = ByteCache(
            bytes_max, lambda held: _ENTRY_BYTES + len(held.data), self._forget_ref
        )

    def of_channel(self, thread: str, namespace: str, channel: str) -> HeldValue | None:
        """What the server is known to hold for a channel."""
        with self._lock:
            ref = self._channels.get((thread, namespace, channel))
            return None if ref is None else self._get(thread, ref)

    def set_channel(self, thread: str, namespace: str, channel: str, ref: str) -> None:
        """A channel now holds the value on the server."""
        with self._lock:
            self._channels[(thread, namespace, channel)] = ref
            self._channels.move_to_end((thread, namespace, channel))
            if len(self._channels) > CHANNELS_MAX:
                self._channels.popitem(last=False)

    def refs(self, thread: str) -> list[str]:
        """References of the thread whose values need not be sent."""
        with self._lock:
            return list(self._refs.get(thread, ()))[-REFS_MAX:]

    def hold(self, thread: str, ref: str, value: Encoded, checksum: int | None = None) -> None:
        """The server has the value under this reference."""
        data = value.data
        if len(data) < HELD_BYTES_MIN:
            return
        until = self._now() + HELD_SECONDS
        held = HeldValue(ref, value.type, data, crc32(data) if checksum is None else checksum, until)
        with self._lock:
            self._values.put((thread, ref), held)
            if self._values.get((thread, ref)) is held:
                self._refs.setdefault(thread, OrderedDict())[ref] = None

    def resolve(self, thread: str, entry: ValueEntry) -> EncodedValue | None:
        """The value of an entry that came with it, or that is held and is the same by its checksum."""
        if entry.HasField("value"):
            value = EncodedValue(entry.value.type, entry.value.data)
            self.hold(thread, entry.ref, value, entry.crc32)
            return value
        with self._lock:
            held = self._get(thread, entry.ref)
        if held is None or held.crc32 != entry.crc32 or len(held.data) != entry.size_bytes:
            return None
        return EncodedValue(held.type, held.data)

    def forget(self, thread: str) -> None:
        """Forgets a thread: the server does not hold what was thought."""
        with self._lock:
            for ref in list(self._refs.get(thread, ())):
                self._values.drop((thread, ref))

    def _get(self, thread: str, ref: str) -> HeldValue | None:
        held = self._values.get((thread, ref))
        if held is not None and held.until <= self._now():
            self._values.drop((thread, ref))
            return None
        return held

    def _forget_ref(self, key: tuple[str, str]) -> None:
        thread, ref = key
        refs = self._refs.get(thread)
        if refs is not None:
            refs.pop(ref, None)
            if not refs:
                del self._refs[thread]
