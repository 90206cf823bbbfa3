"""The form of values that LangGraph.js reads as well; `test/savers/two-langgraphs.test.ts` has both on one thread."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, RemoveMessage, ToolMessage
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.types import Interrupt, Send

from cairn.langgraph import SharedSerializer, UnreadableValue
from cairn.langgraph.shared import of_channel


def through(value: Any) -> Any:
    serde = SharedSerializer()
    return serde.loads_typed(serde.dumps_typed(value))


@pytest.mark.parametrize(
    "value",
    [
        *(None, True, 7, 2**53 - 1, -0.5, "é 😀", [], {}, {"a": [1, None, {"b": "c"}]}),
        HumanMessage("é", name="n", id="1"),
        AIMessage("x", tool_calls=[{"name": "f", "args": {"a": [1]}, "id": "c"}], response_metadata={"m": 1}),
        ToolMessage("t", tool_call_id="c", status="error"),
        RemoveMessage(id="x"),
        {"messages": [HumanMessage([{"type": "text", "text": "x"}])]},
    ],
)
def test_plain_data_and_messages_are_json(value: Any) -> None:
    assert SharedSerializer().dumps_typed(value)[0] == "json"
    assert through(value) == value


@pytest.mark.parametrize("value", [2**53, math.inf, {1: 2}, {"lc": 1}, {1, 2}, AIMessageChunk(content="x")])
def test_what_only_python_has_keeps_the_form_of_its_own_serializer(value: Any) -> None:
    kind, _ = SharedSerializer().dumps_typed(value)
    assert kind == "msgpack"
    assert through(value) == value


def test_bytes_are_bytes_and_a_tuple_is_a_list() -> None:
    assert SharedSerializer().dumps_typed(b"x") == ("bytes", b"x")
    assert through((1, (2,))) == [1, [2]]


def test_sends_and_interrupts_are_made_in_their_channels_only() -> None:
    sends, asked = [Send("n", {"a": 1})], (Interrupt("who?", id="i"),)
    assert of_channel("__pregel_tasks", through(sends)) == sends
    assert of_channel("__pregel_tasks", through(sends[0])) == sends[0]
    assert of_channel("__interrupt__", through(asked)) == list(asked)
    assert of_channel("own", through(sends)) == [{"node": "n", "args": {"a": 1}}]


@pytest.mark.parametrize(
    "path", [["builtins", "eval"], ["langchain_core", "load", "Secret"], ["os", "HumanMessage"], ["Map"], []]
)
def test_no_class_but_a_message_is_constructed(path: list[str]) -> None:
    made = {"lc": 1, "type": "constructor", "id": path, "kwargs": {"content": "x"}}
    with pytest.raises(ValueError, match="JavaScript's class"):
        SharedSerializer().loads_typed(("json", json.dumps([made]).encode()))


def test_what_cannot_be_read_is_kept_and_named_when_it_is_used() -> None:
    serde: SerializerProtocol = SharedSerializer()
    value = UnreadableValue("channel 'own' holds a Map", "json", b'{"lc":2}')
    assert serde.dumps_typed(value) == ("json", b'{"lc":2}')
    uses: list[Callable[[], object]] = [lambda: value["x"], lambda: value.x, lambda: list(value), lambda: f"{value}"]
    for use in uses:
        with pytest.raises(ValueError, match="channel 'own'"):
            use()
    assert "own" in repr(value)
    assert not hasattr(value, "__deepcopy__")
