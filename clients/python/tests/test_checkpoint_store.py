"""Putting and reading checkpoints by what changed, and values of any size."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from zlib import crc32

import msgpack
import pytest
from serve import Cairn

import cairn
from cairn.checkpoints.byte_cache import ByteCache
from cairn.checkpoints.held_values import HELD_SECONDS, HeldValues
from cairn.checkpoints.splice import splice_of
from cairn.v1.checkpoint_pb2 import Checkpoint, PendingWrite
from cairn.v1.checkpoint_service_pb2 import CheckpointWrites
from cairn.v1.value_pb2 import Splice, TypedValue, Value, ValueEntry

MIB = 1024 * 1024


def packed(value: object) -> TypedValue:
    return TypedValue(type="msgpack", data=msgpack.packb(value))


@dataclass
class Traffic:
    sent: int = 0
    got: int = 0


@pytest.fixture
def traffic(client: cairn.Client, monkeypatch: pytest.MonkeyPatch) -> Traffic:
    """What the client sends and gets, in bytes."""
    counted = Traffic()
    wire = client._transport.wire
    unary = wire.unary

    def counting(path: str, request: bytes, timeout: float) -> bytes:
        response = unary(path, request, timeout)
        counted.sent += len(request)
        counted.got += len(response)
        return response

    monkeypatch.setattr(wire, "unary", counting)
    return counted


@pytest.fixture
def other(server: Cairn) -> Iterator[cairn.Client]:
    """Another process, which holds nothing."""
    with cairn.Client(server.address) as opened:
        yield opened


def data_of(read: cairn.ReadCheckpoint, channel: str) -> bytes:
    return read.value(read.checkpoint.channel_values[channel]).data


def test_sends_and_gets_what_changed(
    client: cairn.Client, other: cairn.Client, traffic: Traffic, thread_id: str
) -> None:
    messages: list[str] = []
    versions: list[bytes] = []
    system = packed("You are kind." * 200)
    for i in range(60):
        messages.append(os.urandom(256).hex())
        value = packed(messages)
        versions.append(value.data)
        checkpoint = Checkpoint(id=f"c{i}", thread_id=thread_id, parent_id=f"c{i - 1}" if i else None)
        traffic.sent = traffic.got = 0
        client.checkpoint_store.put(checkpoint, {"messages": value, "n": packed(i), "system": system})
        assert data_of(client.checkpoint_store.get(thread_id), "messages") == value.data
        # Whatever the list has grown to.
        if i > 10:
            assert traffic.sent < 2_500 and traffic.got < 2_500
    found = [data_of(read, "messages") for read in other.checkpoint_store.list(thread_id, page_size=25)]
    assert found == versions[::-1]


async def test_the_same_with_asyncio(aclient: cairn.AsyncClient, thread_id: str) -> None:
    first, second = packed(["x" * 1000]), packed(["x" * 1000, "y"])
    store = aclient.checkpoint_store
    await store.put(Checkpoint(id="a", thread_id=thread_id), {"c": first})
    answer = await store.put(Checkpoint(id="b", thread_id=thread_id, parent_id="a"), {"c": second})
    reused = await store.put(Checkpoint(id="c", thread_id=thread_id), {}, refs={"d": answer.value_refs["c"]})
    assert reused.value_refs["d"] == answer.value_refs["c"]
    assert [read.checkpoint.id async for read in store.list(thread_id)] == ["c", "b", "a"]
    read = await store.get(thread_id, checkpoint_id="b")
    assert data_of(read, "c") == second.data


def test_sends_a_value_whole_when_the_server_does_not_have_what_it_changes(
    client: cairn.Client, other: cairn.Client, thread_id: str
) -> None:
    value = os.urandom(5_000)
    put = client.checkpoint_store.put
    put(Checkpoint(id="a", thread_id=thread_id), {"x": TypedValue(type="bytes", data=value)})
    other.thread(thread_id).delete()
    put(Checkpoint(id="b", thread_id=thread_id), {"x": TypedValue(type="bytes", data=value + b"!")})
    read = list(other.checkpoint_store.list(thread_id))
    assert [(found.checkpoint.id, data_of(found, "x")) for found in read] == [("b", value + b"!")]


def test_large_values_go_in_chunks(client: cairn.Client, other: cairn.Client, thread_id: str) -> None:
    # More than an answer brings.
    large, small = (TypedValue(type="bytes", data=os.urandom(size * MIB)) for size in (33, 2))
    writes = [PendingWrite(task_id="t", channel="z", value=Value(inline=small))]
    group = CheckpointWrites(checkpoint_id="a", writes=writes)
    client.checkpoint_store.put(Checkpoint(id="a", thread_id=thread_id), {"x": large, "y": packed(1)}, writes=[group])
    read = other.checkpoint_store.get(thread_id)
    assert data_of(read, "x") == large.data
    assert read.value(read.writes[0].value).data == small.data


def test_lists_by_what_the_metadata_say(client: cairn.Client, thread_id: str) -> None:
    for name, metadata in (("a", b'{"a.b": {"$gt": 0}, "n": 1}'), ("b", b'{"n": 1.0}'), ("c", b'{"n": 2}')):
        client.checkpoint_store.put(Checkpoint(id=name, thread_id=thread_id, metadata=metadata), {})

    def found(**query: object) -> list[str]:
        chosen = cairn.CheckpointQuery(**query)  # type: ignore[arg-type]
        return [read.checkpoint.id for read in client.checkpoint_store.list(thread_id, chosen)]

    assert found(metadata={"n": 1}) == ["b", "a"]
    assert found(metadata={"a.b": {"$gt": 0}}) == ["a"]
    assert found(before="c") == ["b", "a"]


def applied(base: bytes, splice: Splice) -> bytes:
    """What the server makes of a splice."""
    data = b""
    for hunk in splice.hunks:
        start = getattr(hunk, "from")
        data += hunk.literal + base[start : start + hunk.length]
    return data


@pytest.mark.parametrize(
    ("base", "data", "literal_max"),
    [
        (b"a" * 1000, b"a" * 1000 + b"b", 1),
        (b"a" * 1000, b"b" + b"a" * 1000, 17),
        (b"x" * 500 + b"y" * 500, b"x" * 500 + b"!" + b"y" * 500, 1),
        (msgpack.packb(["é" * 100] * 15), msgpack.packb(["é" * 100] * 16), 220),
        (msgpack.packb(["é" * 9] * 65535), msgpack.packb(["é" * 9] * 65536), 30),
        (b"abc" * 400, b"abc" * 399, 3),
    ],
    ids=["appended", "put before", "in between", "one more", "a longer head", "one less"],
)
def test_a_splice_is_what_differs(base: bytes, data: bytes, literal_max: int) -> None:
    splice = splice_of("r", base, data, crc32(data))
    assert splice is not None
    assert applied(base, splice) == data
    assert sum(len(hunk.literal) for hunk in splice.hunks) <= literal_max


def test_any_two_values_splice_to_what_was_wanted() -> None:
    generated = 0
    for length in range(1, 200):
        base = os.urandom(length) * 3
        cut = length // 2
        for data in (
            base[cut:],
            base[:cut],
            base[:cut] + b"?" + base[cut:],
            base + base,
            os.urandom(length),
            base[::-1],
        ):
            splice = splice_of("r", base, data, crc32(data))
            if splice is not None:
                generated += 1
                assert applied(base, splice) == data
    assert generated > 400


def test_what_is_held_is_bounded_and_does_not_last_for_ever() -> None:
    now = 0.0
    held = HeldValues(10_000, lambda: now)
    for i in range(100):
        held.hold("t", f"r{i}", TypedValue(type="bytes", data=bytes([i]) * 1000))
    assert held.refs("t") == [f"r{i}" for i in range(93, 100)]
    entry = ValueEntry(ref="r99", size_bytes=1000, crc32=crc32(bytes([99]) * 1000))
    assert held.resolve("t", entry) is not None
    assert held.resolve("t", ValueEntry(ref="r99", size_bytes=1000, crc32=1)) is None, "not the same value"
    now = HELD_SECONDS
    assert held.resolve("t", entry) is None
    held.forget("t")
    assert held.refs("t") == []


def test_a_cache_keeps_what_was_used_last() -> None:
    dropped: list[str] = []
    cache: ByteCache[str, bytes] = ByteCache(3, len, dropped.append)
    for key in "abc":
        cache.put(key, b"1")
    cache.get("a")
    cache.put("d", b"1")
    cache.put("too large", b"1234")
    assert (cache.get("a"), cache.get("b"), cache.get("too large")) == (b"1", None, None)
    assert dropped == ["b"]
