"""Names of the protos' enums in the form that this client uses: lower case, as "done" for RUN_STATUS_DONE."""

from typing import Any

from cairn.errors import refused


def lower_name(enum: Any, number: int) -> str:
    """The name of an enum's value; "unspecified" for one that is newer than this client."""
    return _short(enum, enum.Name(number if number in enum.values() else 0))


def value_named(enum: Any, field: str, name: str | None) -> Any:
    """The enum's value with this name; that of "unspecified" for None. Raises INVALID_ARGUMENT, naming the choices."""
    names = {_short(enum, key): value for key, value in enum.items()}
    if name is None:
        return names["unspecified"]
    if name not in names:
        choices = ", ".join(known for known in names if known != "unspecified")
        raise refused(field, f"{name!r} is none of {choices}")
    return names[name]


def _short(enum: Any, key: str) -> str:
    """The name without the prefix that all values of an enum share: that of its zero."""
    prefix = enum.Name(0).removesuffix("UNSPECIFIED")
    return key.removeprefix(prefix).lower()
