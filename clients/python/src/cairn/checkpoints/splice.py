"""A value as a change of one that the server holds."""

from collections.abc import Callable
from dataclasses import dataclass, field

from cairn.v1.value_pb2 import Splice, SpliceHunk

_WORTH_FRACTION_MAX = 0.75
"""A splice that saves less than this part of the value is not worth it."""
_NEEDLE_BYTES = 24
"""So many equal bytes are taken for the same place in both values."""
_HEAD_BYTES_MAX = 16
"""How much at the beginning may differ: the head of a MessagePack array, which counts its elements."""


@dataclass
class _Hunks:
    data: bytes
    hunks: list[SpliceHunk] = field(default_factory=list)
    at: int = 0
    literal_bytes: int = 0

    def add(self, literal_to: int, base_from: int, length: int) -> None:
        """What comes up to there is sent, what follows is a piece of the base."""
        literal = self.data[self.at : literal_to]
        self.literal_bytes += len(literal)
        self.hunks.append(SpliceHunk(literal=literal, **{"from": base_from}, length=length))
        self.at = literal_to + length


def splice_of(base_ref: str, base: bytes, data: bytes, checksum: int) -> Splice | None:
    """The value as a change of one that the server holds: what they begin and end with alike stays there.

    `checksum` is the value's own CRC-32. None where a splice would save too little.
    """
    made = _Hunks(data)
    prefix = _alike(base, 0, data, 0)
    if prefix > 0:
        made.add(0, 0, prefix)
    in_base = prefix
    behind_head = _behind(base, data, prefix) if prefix < _HEAD_BYTES_MAX else None
    if behind_head is not None:
        in_base, in_data = behind_head
        length = _alike(base, in_base, data, in_data)
        made.add(in_data, in_base, length)
        in_base += length
    suffix = _alike_at_end(base, in_base, data, made.at)
    if made.at < len(data):
        made.add(len(data) - suffix, len(base) - suffix, suffix)
    if made.literal_bytes > len(data) * _WORTH_FRACTION_MAX:
        return None
    return Splice(base_ref=base_ref, hunks=made.hunks, crc32=checksum)


def _behind(base: bytes, data: bytes, start: int) -> tuple[int, int] | None:
    """Where in each both go on alike behind a few bytes that differ."""
    in_base = start + _HEAD_BYTES_MAX
    needle = base[in_base : in_base + _NEEDLE_BYTES]
    if len(needle) < _NEEDLE_BYTES:
        return None
    in_data = data.find(needle, start, in_base + _NEEDLE_BYTES + _HEAD_BYTES_MAX)
    if in_data < 0:
        return None
    while in_base > start and in_data > start and base[in_base - 1] == data[in_data - 1]:
        in_base, in_data = in_base - 1, in_data - 1
    return in_base, in_data


def _alike(base: bytes, base_from: int, data: bytes, data_from: int) -> int:
    """How many bytes are alike from the two places on."""
    view = memoryview(base)
    return _longest(
        min(len(base) - base_from, len(data) - data_from),
        lambda begin, end: data.startswith(view[base_from + begin : base_from + end], data_from + begin),
    )


def _alike_at_end(base: bytes, base_from: int, data: bytes, data_from: int) -> int:
    """How many bytes are alike up to both ends."""
    view = memoryview(base)
    return _longest(
        min(len(base) - base_from, len(data) - data_from),
        lambda begin, end: data.startswith(view[len(base) - end : len(base) - begin], len(data) - end),
    )


def _longest(most: int, are_alike: Callable[[int, int], bool]) -> int:
    """The largest length up to `most` of which all is alike; `are_alike` compares a part, as only memcmp is quick."""
    if are_alike(0, most):
        return most
    length, differs = 0, most
    while differs - length > 1:
        middle = (length + differs) // 2
        if are_alike(length, middle):
            length = middle
        else:
            differs = middle
    return length
