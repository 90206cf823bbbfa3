"""Values of tasks, which are MessagePack without a type beside it."""

from typing import Any

from cairn.v1.value_pb2 import TypedValue
from cairn.values.plain import Path, refuse
from cairn.values.typed import decode, encode


def packed(value: object, path: Path) -> bytes:
    """Raises INVALID_ARGUMENT (VALUE_MALFORMED) with the path of what can't be encoded, which begins with `path`."""
    typed = encode(value, "msgpack", path)
    if typed.type != "msgpack":
        refuse(path, f"a value of a framework's own type, {typed.type!r}, which nodes can't give")
    return typed.data


def unpacked(data: bytes) -> Any:
    """Raises INVALID_ARGUMENT (VALUE_MALFORMED) when it is no MessagePack."""
    return decode(TypedValue(type="msgpack", data=data))
