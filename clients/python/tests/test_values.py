"""Values without loss: encoded, decoded, and through a server and its engine."""

import math
import struct
from typing import Any

import msgpack
import pytest

import cairn
from cairn.v1.value_pb2 import TypedValue

EDGES: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    2**53 + 1,
    2**63 - 1,
    -(2**63),
    2**64 - 1,
    1,
    1.0,
    -0.0,
    0.1,
    5e-324,
    1.7976931348623157e308,
    "",
    "é e\u0301 😀 \u0000 \uffff",
    "__proto__",
    [],
    {},
    [[], {}, None, ""],
    {"": None, "a.b": {"$where": [1, 1.0, -0.0]}, "😀": "", "\u0000": {}},
]
ONLY_MSGPACK: list[Any] = [
    b"",
    b"\x00\xff",
    math.inf,
    -math.inf,
    {1: "one", None: 2, b"b": 3, 1.5: 4},
    cairn.Extension(5, b"\x01"),
    msgpack.Timestamp(1, 999_999_999),
]
ENCODINGS: list[cairn.Encoding] = ["msgpack", "json"]


def nested(depth: int) -> Any:
    value: Any = {"end": 2**64 - 1}
    for level in range(depth):
        value = [value] if level % 2 else {"in": value}
    return value


def assert_same(actual: Any, wanted: Any) -> None:
    """As `==`, but 1, 1.0 and True differ, and so do 0.0 and -0.0."""
    assert type(actual) is type(wanted), (actual, wanted)
    if isinstance(wanted, float):
        assert struct.pack(">d", actual) == struct.pack(">d", wanted)
    elif isinstance(wanted, dict):
        assert list(actual) == list(wanted)
        for key, value in wanted.items():
            assert_same(actual[key], value)
    elif isinstance(wanted, list):
        assert len(actual) == len(wanted)
        for ours, theirs in zip(actual, wanted, strict=True):
            assert_same(ours, theirs)
    else:
        assert actual == wanted


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("value", [*EDGES, nested(10), nested(500)], ids=lambda value: repr(value)[:30])
def test_comes_back_as_it_was(value: Any, encoding: cairn.Encoding) -> None:
    assert_same(cairn.decode(cairn.encode(value, encoding)), value)


@pytest.mark.parametrize("value", ONLY_MSGPACK, ids=repr)
def test_comes_back_from_msgpack(value: Any) -> None:
    assert_same(cairn.decode(cairn.encode(value)), value)


def test_other_kinds_of_lists_and_bytes_come_back_as_the_plain_ones() -> None:
    assert cairn.decode(cairn.encode({"t": (1, 2), "b": bytearray(b"x"), "v": memoryview(b"y")})) == {
        "t": [1, 2],
        "b": b"x",
        "v": b"y",
    }
    assert cairn.decode(cairn.encode((1,), "json")) == [1]


def test_nan_is_kept_in_msgpack_alone() -> None:
    assert math.isnan(cairn.decode(cairn.encode(math.nan)))


@pytest.mark.parametrize(
    ("value", "encoding", "field"),
    [
        ({"a": [1, math.nan]}, "json", "a[1]"),
        ({"a": math.inf}, "json", "a"),
        ({"a b": b""}, "json", '["a b"]'),
        ({"a": {1: 2}}, "json", "a"),
        ({"a": {"b": {1, 2}}}, "json", "a.b"),
        ([cairn.Extension(1, b"")], "json", "[0]"),
        ({"a": {"b": {1, 2}}}, "msgpack", "a.b"),
        ([2**64], "msgpack", "[0]"),
        ([-(2**63) - 1], "msgpack", "[0]"),
        ({"a": object()}, "msgpack", "a"),
        (["\ud83d"], "msgpack", "[0]"),
        (["\ud83d"], "json", "[0]"),
        ({"\udc00": 1}, "json", '["\udc00"]'),
        pytest.param(nested(1100), "msgpack", "", id="deep msgpack"),
        pytest.param(nested(600), "json", "", id="deep json"),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_what_can_not_be_encoded_is_refused_with_its_place(value: Any, encoding: cairn.Encoding, field: str) -> None:
    with pytest.raises(cairn.CairnError) as refused:
        cairn.encode(value, encoding)
    assert (refused.value.reason, refused.value.field) == ("VALUE_MALFORMED", field)


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("json", b"NaN"),
        ("json", b'{"a": -Infinity}'),
        ("json", b"\xff"),
        ("json", b""),
        ("json", b"1 2"),
        ("json", "1".encode("utf-16")),
        ("json", b"[" * 100_000),
        ("msgpack", b""),
        ("msgpack", b"\xc1"),
        ("msgpack", b"\x01\x02"),
        ("msgpack", b"\xa1\xff"),
        ("msgpack", b"\xdd\xff\xff\xff\xff"),
        ("msgpack", b"\x81\x90\x01"),
        ("msgpack", b"\x91" * 100_000),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_bytes_that_are_not_what_their_type_says_are_refused(kind: str, data: bytes) -> None:
    with pytest.raises(cairn.CairnError) as refused:
        cairn.decode(TypedValue(type=kind, data=data))
    assert refused.value.reason == "VALUE_MALFORMED"


def test_a_frameworks_own_types_pass_as_they_are() -> None:
    pickled = TypedValue(type="pickle", data=b"\x80\x04N.")
    opaque = cairn.decode(pickled)
    assert opaque == cairn.OpaqueValue("pickle", b"\x80\x04N.")
    assert cairn.encode(opaque) == pickled
    assert cairn.decode(TypedValue(type="null")) is None
    assert cairn.decode(TypedValue(type="bytes", data=b"\x00")) == b"\x00"


GRAPH = """
name: keeps
channels: { value: last_value, list: append, kept: last_value, missing: last_value }
nodes: { copy: { expression: { update: { list: '[state.value]' } } } }
edges: [START -> copy, copy -> END]
"""


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_all_of_them_pass_a_server_and_its_engine(
    client: cairn.Client, thread_id: str, encoding: cairn.Encoding
) -> None:
    client.graphs.register(GRAPH)
    values = [*EDGES, nested(10), *([b"", b"\x00\xff", math.inf] if encoding == "msgpack" else [])]
    # CEL has no word for these: what no node touches stays as it is.
    kept = [*values, *(ONLY_MSGPACK if encoding == "msgpack" else [])]
    thread = client.thread(thread_id)
    outcome = thread.run({"value": values, "kept": kept}, graph="keeps", encoding=encoding)
    assert outcome.status == "done", outcome.error
    assert_same(outcome.state.values["value"], values)
    assert_same(outcome.state.values["kept"], kept)
    assert_same(thread.state().values["list"], [values])
    assert "missing" not in outcome.state.values


def test_none_is_a_value_and_nothing_is_none(client: cairn.Client, thread_id: str) -> None:
    client.graphs.register(GRAPH)
    outcome = client.thread(thread_id).run({"value": None}, graph="keeps")
    assert outcome.state.values == {"value": None, "list": [None]}
