"""Values as they travel: a type, and bytes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import msgpack

from cairn.v1.value_pb2 import TypedValue, Value
from cairn.values.json import decode_json, encode_json
from cairn.values.plain import Path, check_msgpack, refuse

Encoding = Literal["msgpack", "json"]
"""The encodings that `encode` writes. Cairn's engine computes in MessagePack, which also holds bytes and NaN."""


@dataclass(frozen=True, slots=True)
class OpaqueValue:
    """A value whose type only its framework knows ("pickle", say): its bytes, as they are."""

    type: str
    """The framework's name of the encoding."""
    data: bytes


class Encoded(Protocol):
    """A value in its encoding: a `TypedValue`, or what is lighter to pass around."""

    @property
    def type(self) -> str: ...
    @property
    def data(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class EncodedValue:
    """A value in its encoding. Unlike that of a message, its `data` is not copied each time one looks at it."""

    type: str
    data: bytes


def encode(value: object, encoding: Encoding = "msgpack", path: Path = ()) -> TypedValue:
    """Encodes a value for the wire; `cairn.values` says what stands for what. An `OpaqueValue` stays as it is.

    Raises INVALID_ARGUMENT (VALUE_MALFORMED) with the path of what can't be encoded, which begins with `path`.
    """
    if isinstance(value, OpaqueValue):
        return TypedValue(type=value.type, data=value.data)
    if encoding == "json":
        return TypedValue(type="json", data=encode_json(value, path))
    return TypedValue(type="msgpack", data=_encode_msgpack(value, path))


def decode(value: Encoded) -> Any:
    """Decodes a value from the wire. Types other than json, msgpack, null and bytes come as an `OpaqueValue`.

    Raises INVALID_ARGUMENT (VALUE_MALFORMED) when the bytes are not what the type says.
    """
    if value.type == "msgpack":
        return _decode_msgpack(value.data)
    if value.type == "json":
        return decode_json(value.data)
    if value.type == "null":
        return None
    return value.data if value.type == "bytes" else OpaqueValue(value.type, value.data)


def encode_channels(values: Mapping[str, object], encoding: Encoding) -> dict[str, Value]:
    """Each member as an inline value: the channels of an input or an update."""
    return {name: Value(inline=encode(value, encoding, (name,))) for name, value in values.items()}


def decode_channels(values: Mapping[str, TypedValue]) -> dict[str, Any]:
    """Each member decoded."""
    return {name: decode(value) for name, value in values.items()}


def _encode_msgpack(value: object, path: Path) -> bytes:
    try:
        packed: bytes = msgpack.packb(value)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        # msgpack does not say where: look for it only when there is something to find.
        check_msgpack(value, path)
        refuse(path, str(error))
    return packed


def _decode_msgpack(data: bytes) -> Any:
    try:
        return msgpack.unpackb(data, strict_map_key=False)
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        refuse((), f"not MessagePack: {error or type(error).__name__}")
