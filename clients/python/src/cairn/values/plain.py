"""What can be a value, and the place of what can't."""

import math
from collections.abc import Mapping
from typing import NoReturn

import msgpack

from cairn.errors import refused

Extension = msgpack.ExtType
"""A MessagePack extension: `Extension(code, data)`, kept as it is."""

DEPTH_MAX = 512
"""Lists and maps may be nested this deep."""

Path = tuple[str | int, ...]


def refuse(path: Path, description: str) -> NoReturn:
    """Raises INVALID_ARGUMENT (VALUE_MALFORMED) for what stands there: `items[2].when`."""
    raise refused(path_text(path), description, reason="VALUE_MALFORMED")


def path_text(path: Path) -> str:
    """The path as one writes it, with names that are none in brackets."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.isidentifier():
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text


def check_json(value: object, path: Path) -> None:
    """Refuses what JSON can't hold, where it stands. Python's own encoder makes text of keys that are none."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        refuse(path, "JSON has no bytes: use MessagePack")
    if isinstance(value, Extension):
        refuse(path, "JSON has no extensions: use MessagePack")
    if isinstance(value, float) and not math.isfinite(value):
        refuse(path, f"JSON has no {value}: use MessagePack")
    _check_common(value, path)
    if isinstance(value, dict):
        for key, element in value.items():
            if not isinstance(key, str):
                refuse(path, f"JSON has text keys only, and this is {key!r}: use MessagePack")
            _check_text(key, (*path, key))
            check_json(element, (*path, key))
    elif isinstance(value, (list, tuple)):
        for index, element in enumerate(value):
            check_json(element, (*path, index))


def check_msgpack(value: object, path: Path) -> None:
    """Refuses what MessagePack can't hold, where it stands."""
    if isinstance(value, (bytes, bytearray, memoryview, Extension, msgpack.Timestamp)):
        return
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        refuse(path, "an integer of more than 64 bits")
    _check_common(value, path)
    if isinstance(value, dict):
        for key, element in value.items():
            place = (*path, key if isinstance(key, (str, int)) else repr(key))
            check_msgpack(key, place)
            check_msgpack(element, place)
    elif isinstance(value, (list, tuple)):
        for index, element in enumerate(value):
            check_msgpack(element, (*path, index))


def _check_common(value: object, path: Path) -> None:
    if isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, (dict, list, tuple)):
        if len(path) >= DEPTH_MAX:
            refuse((), f"nested deeper than {DEPTH_MAX}")
    elif value is not None and not isinstance(value, (bool, int, float)):
        kind = "another kind of map" if isinstance(value, Mapping) else "not a value"
        refuse(path, f"{type(value).__module__}.{type(value).__qualname__} is {kind}")


def _check_text(text: str, path: Path) -> None:
    # UTF-8 has no place for half of a surrogate pair.
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        refuse(path, "text with half of a surrogate pair")
