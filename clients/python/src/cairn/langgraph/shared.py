"""A form of values that LangGraph for Python and LangGraph.js both read."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from langchain_core import messages
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

_INTEGER_MAX = 2**53 - 1
"""The largest integer that is exact in JavaScript."""
_MESSAGES: dict[str, type[messages.BaseMessage]] = {
    each.__name__: each
    for each in (
        messages.AIMessage,
        messages.ChatMessage,
        messages.FunctionMessage,
        messages.HumanMessage,
        messages.RemoveMessage,
        messages.SystemMessage,
        messages.ToolMessage,
    )
}
"""The classes that are constructed, by name, and no other."""
_ID = ["langchain_core", "messages"]
"""Where LangChain for JavaScript finds them."""


class UnreadableValue:
    """A value that only the other LangGraph can read. It stays as it is when it is saved again.

    Raises ValueError, with the name of what holds it, whatever else it is asked for.
    """

    __slots__ = ("_data", "_kind", "_message")

    def __init__(self, message: str, kind: str, data: bytes) -> None:
        self._message = message
        self._kind = kind
        self._data = data

    def __repr__(self) -> str:
        return f"UnreadableValue({self._message!r})"

    def __getattr__(self, name: str) -> NoReturn:
        # What copies and compares asks for special methods, and takes an AttributeError for a no.
        raise AttributeError(name) if name.startswith("__") else ValueError(self._message)

    def _refuse(self, *_: object) -> NoReturn:
        raise ValueError(self._message)

    __bool__ = __contains__ = __getitem__ = __iter__ = __len__ = __str__ = _refuse


class SharedSerializer(SerializerProtocol):
    """For threads that LangGraph.js goes on with: `CairnSaver(address, serde=SharedSerializer())`.

    Plain data, LangChain's messages, Sends and interrupts become JSON in the form that LangGraph.js's own serializer reads and
    writes. Everything else becomes what `own` makes of it, LangGraph's serializer by default, which only Python reads; in
    JavaScript it is named when it is used, and kept. As JSON has it, a tuple becomes a list, and JavaScript's 1.0 is 1.

    Of JSON only LangChain's messages are constructed; what else LangGraph.js has written is an `UnreadableValue`.
    """

    def __init__(self, own: SerializerProtocol | None = None) -> None:
        self._own = JsonPlusSerializer() if own is None else own

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """The type and the bytes of a value."""
        if isinstance(obj, UnreadableValue):
            return obj._kind, obj._data
        if isinstance(obj, bytes):
            return "bytes", obj
        try:
            text = json.dumps(_to_json(obj), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
            return "json", text.encode()
        except (_OnlyOwn, RecursionError, ValueError):
            return self._own.dumps_typed(obj)

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """The value of a type and bytes. Raises ValueError for what only JavaScript has."""
        kind, encoded = data
        return _from_json(json.loads(encoded)) if kind == "json" else self._own.loads_typed(data)


class _OnlyOwn(Exception):
    """The value has no form that both read."""


def _to_json(value: Any) -> Any:
    match value:
        case None | bool() | str():
            return value
        case int() if type(value) is int and abs(value) <= _INTEGER_MAX:
            return value
        case float() if type(value) is float:
            return value
        case _ if _is_of_langgraph(value, "Interrupt"):
            return {"id": value.id, "value": _to_json(value.value)}
        case _ if _is_of_langgraph(value, "Send") and getattr(value, "timeout", None) is None:
            return {"node": value.node, "args": _to_json(value.arg)}
        case BaseException():
            return {"name": type(value).__name__, "message": str(value)}
        case messages.BaseMessage() if _MESSAGES.get(type(value).__name__) is type(value):
            fields = value.model_dump(exclude={"type"}, exclude_none=True)
            return {"lc": 1, "type": "constructor", "id": [*_ID, type(value).__name__], "kwargs": _to_json(fields)}
        case list() | tuple() if type(value) in (list, tuple):
            return [_to_json(item) for item in value]
        case dict() if type(value) is dict and "lc" not in value and all(type(key) is str for key in value):
            return {key: _to_json(item) for key, item in value.items()}
        case _:
            raise _OnlyOwn


def _is_of_langgraph(value: object, name: str) -> bool:
    """Whether it is of this class, without the package: a saver works with `langgraph-checkpoint` alone."""
    return type(value).__name__ == name and type(value).__module__ == "langgraph.types"


def _from_json(value: Any) -> Any:
    if isinstance(value, list):
        return [_from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("lc") in (1, 2):
        return _from_object(value)
    return {key: _from_json(item) for key, item in value.items()}


def _from_object(value: Mapping[str, Any]) -> Any:
    if value["lc"] == 2 and value.get("type") == "undefined":
        return None
    path = [str(part) for part in value.get("id") or []]
    known = _MESSAGES.get(path[-1]) if path and value["lc"] == 1 and value.get("type") == "constructor" else None
    if known is None or not path[0].startswith("langchain"):
        raise ValueError(f"it holds an object of JavaScript's class {'.'.join(path) or '?'}")
    return known(**_from_json(value.get("kwargs") or {}))


def of_channel(channel: str, value: Any) -> Any:
    """What LangGraph for Python wants in its own channels, where both forms are plain data."""
    if channel not in ("__interrupt__", "__pregel_tasks"):
        return value
    from langgraph.types import Interrupt, Send

    if channel == "__interrupt__" and isinstance(value, list):
        return [Interrupt(each.get("value"), id=each["id"]) if _has(each, "id") else each for each in value]
    if channel == "__pregel_tasks" and isinstance(value, list):
        return [of_channel(channel, each) for each in value]
    if channel == "__pregel_tasks" and _has(value, "node"):
        return Send(value["node"], value.get("args"))
    return value


def _has(value: Any, key: str) -> bool:
    return isinstance(value, dict) and key in value
