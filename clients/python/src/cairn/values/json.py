"""JSON without loss: integers of any size, 1 and 1.0 and −0.0 apart, and nothing that JSON does not have."""

import json
from typing import Any, NoReturn

from cairn.values.plain import Path, check_json, refuse


def encode_json(value: object, path: Path = ()) -> bytes:
    """JSON text in UTF-8, as short as it can be. Raises VALUE_MALFORMED with the path of what JSON can't hold."""
    check_json(value, path)
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def decode_json(data: bytes) -> Any:
    """The value of JSON text in UTF-8. Raises VALUE_MALFORMED."""
    try:
        # Bytes would let json guess at UTF-16 and UTF-32.
        return json.loads(data.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        refuse((), f"not JSON: {error}")


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
