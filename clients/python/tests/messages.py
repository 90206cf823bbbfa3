"""Looks at messages through their descriptors, so that what is asked of them holds for fields added later too.

Descriptors have two classes, of which their types do not say that they are alike.
"""

import difflib
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

from google.protobuf.message import Message

from cairn.v1 import value_pb2


def is_map(field: Any) -> bool:
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def children(message: Message, field: Any) -> list[Message]:
    """The messages in a field: one, several, or a map's values."""
    if field.message_type is None:
        return []
    value = getattr(message, field.name)
    if is_map(field):
        return list(value.values()) if field.message_type.fields_by_name["value"].message_type else []
    if field.is_repeated:
        return list(value)
    return [value] if message.HasField(field.name) else []


def messages_in(message: Message) -> Iterator[Message]:
    """The message, and every one below it."""
    yield message
    for field in message.DESCRIPTOR.fields:
        for child in children(message, field):
            yield from messages_in(child)


def add_types(descriptor: Any, left_out: Collection[str], found: dict[str, Any]) -> None:
    """Adds every type that a message of this type can hold, itself included, but for those in fields left out."""
    if descriptor.full_name in found:
        return
    found[descriptor.full_name] = descriptor
    for field in descriptor.fields:
        if field.message_type is not None and field.full_name not in left_out:
            add_types(field.message_type, left_out, found)


def unset_fields(messages: Sequence[Message], left_out: Collection[str] = ()) -> set[str]:
    """Fields of any type below the messages' that no message of that type has set."""
    types: dict[str, Any] = {}
    for message in messages:
        add_types(message.DESCRIPTOR, left_out, types)
    wanted = [descriptor for descriptor in types.values() if not descriptor.GetOptions().map_entry]
    every = {field.full_name for descriptor in wanted for field in descriptor.fields} - set(left_out)
    found = {field.full_name for top in messages for message in messages_in(top) for field, _ in message.ListFields()}
    return every - found


def inlined(message: Message, table: Iterable[value_pb2.ValueEntry]) -> Message:
    """A copy in which every reference is replaced by the value that the table has under it."""
    values = {}
    for entry in table:
        assert entry.HasField("value"), entry.ref
        assert (entry.size_bytes, entry.crc32) == (len(entry.value.data), zlib.crc32(entry.value.data)), entry.ref
        assert entry.ref not in values, f"{entry.ref} is sent twice"
        values[entry.ref] = entry.value
    copy = type(message)()
    copy.CopyFrom(message)
    used = set()
    for part in messages_in(copy):
        if isinstance(part, value_pb2.Value):
            assert part.WhichOneof("source") == "ref", part
            used.add(part.ref)
            part.inline.CopyFrom(values[part.ref])
    assert used == values.keys(), "the table holds what is referred to, and nothing else"
    return copy


def assert_same(actual: Message, wanted: Message) -> None:
    """Compares texts first, for a difference one can read, and then bytes: 0.0 equals -0.0, but is another double."""
    lines = difflib.unified_diff(str(wanted).splitlines(), str(actual).splitlines(), "wanted", "actual", lineterm="")
    difference = "\n".join(lines)
    assert not difference, difference
    assert actual.SerializeToString(deterministic=True) == wanted.SerializeToString(deterministic=True)
