"""Puts and reads back checkpoints as they are on the wire: nothing that the protos can say is lost."""

from collections.abc import Sequence
from typing import Any

import grpc
import pytest
from messages import assert_same, inlined, unset_fields
from origins import METADATA, TRICKY_JSON, full, inline, writes_for

import cairn
from cairn import methods
from cairn.v1 import checkpoint_pb2 as pb
from cairn.v1 import checkpoint_service_pb2 as service_pb
from cairn.v1.value_pb2 import NameList, Value, VersionMap, VersionsSeen

ORIGINS = [origin for origin in pb.Origin.values() if origin != pb.ORIGIN_UNSPECIFIED]

# What a client never sets in a put, and why. Everything else is set by `full`, or a test fails.
NOT_SENT = {
    "cairn.v1.Checkpoint.seq": "the server gives it; a put's is ignored",
    "cairn.v1.Checkpoint.parent_pruned": "output only",
    "cairn.v1.Value.ref": "the server gives it; every value is read as one",
    "cairn.v1.Value.splice": "what changed, which test_checkpoint_store has; never read",
}
# The messages of these fields say null instead of holding something; `test_null_empty_and_absent` has them.
NULLS = {"cairn.v1.VersionsSeen.is_null", "cairn.v1.NameList.is_null"}


def put(client: cairn.Client, checkpoint: pb.Checkpoint, **fields: Any) -> service_pb.PutCheckpointResponse:
    return client.call(methods.PUT_CHECKPOINT, service_pb.PutCheckpointRequest(checkpoint=checkpoint, **fields))


def get(client: cairn.Client, checkpoint: pb.Checkpoint, **fields: Any) -> service_pb.GetCheckpointResponse:
    request = service_pb.GetCheckpointRequest(
        thread_id=checkpoint.thread_id, namespace=checkpoint.namespace, checkpoint_id=checkpoint.id, **fields
    )
    return client.call(methods.GET_CHECKPOINT, request)


def assert_reads_back(
    client: cairn.Client,
    checkpoint: pb.Checkpoint,
    answer: service_pb.PutCheckpointResponse,
    writes: Sequence[pb.PendingWrite] = (),
) -> None:
    """The server fills two things: `seq`, and a reference for every value. All else is as it was sent."""
    got = get(client, checkpoint)
    wanted = service_pb.CheckpointEntry(checkpoint=checkpoint, writes=writes)
    wanted.checkpoint.seq = answer.seq
    assert_same(inlined(got.entry, got.values), wanted)
    refs = {name: value.ref for name, value in got.entry.checkpoint.channel_values.items()}
    assert dict(answer.value_refs) == refs


@pytest.mark.parametrize("origin", ORIGINS, ids=pb.Origin.Name)
def test_every_field_is_set(origin: pb.Origin.ValueType, thread_id: str) -> None:
    checkpoint = full(origin, thread_id)
    assert unset_fields([checkpoint, writes_for(checkpoint)], NOT_SENT) == NULLS
    # A field of the checkpoint itself must not hide behind the same field of another message.
    own = {field.full_name for field, _ in checkpoint.ListFields()}
    assert {field.full_name for field in pb.Checkpoint.DESCRIPTOR.fields} - own <= NOT_SENT.keys()


@pytest.mark.parametrize("origin", ORIGINS, ids=pb.Origin.Name)
def test_reads_back_what_was_put(client: cairn.Client, origin: pb.Origin.ValueType, thread_id: str) -> None:
    checkpoint = full(origin, thread_id)
    writes = writes_for(checkpoint)
    answer = put(client, checkpoint, writes=[writes])
    assert answer.checkpoint_id == checkpoint.id
    assert answer.seq > 0
    assert answer.event_number // 10_000 == answer.seq
    assert_reads_back(client, checkpoint, answer, writes.writes)


@pytest.mark.parametrize("origin", ORIGINS, ids=pb.Origin.Name)
def test_reads_back_writes_that_were_put_apart(
    client: cairn.Client, origin: pb.Origin.ValueType, thread_id: str
) -> None:
    checkpoint = full(origin, thread_id)
    writes = writes_for(checkpoint)
    answer = put(client, checkpoint)
    written = client.call(methods.PUT_WRITES, service_pb.PutWritesRequest(thread_id=thread_id, writes=writes))
    assert written.record > answer.seq
    assert_reads_back(client, checkpoint, answer, writes.writes)


@pytest.mark.parametrize("origin", ORIGINS, ids=pb.Origin.Name)
def test_the_latest_the_list_and_the_search_give_the_same(
    client: cairn.Client, origin: pb.Origin.ValueType, thread_id: str
) -> None:
    checkpoint = full(origin, thread_id)
    checkpoint.id = f"{checkpoint.id} of {thread_id}"
    writes = writes_for(checkpoint)
    put(client, checkpoint, writes=[writes])
    by_id = get(client, checkpoint)
    latest = client.call(
        methods.GET_CHECKPOINT, service_pb.GetCheckpointRequest(thread_id=thread_id, namespace=checkpoint.namespace)
    )
    page = client.call(methods.LIST_CHECKPOINTS, service_pb.ListCheckpointsRequest(thread_id=thread_id))
    found = client.call(methods.FIND_CHECKPOINT, service_pb.FindCheckpointRequest(checkpoint_id=checkpoint.id))
    for entry, table in [
        (latest.entry, latest.values),
        (page.entries[0], page.tables[thread_id].values),
        (found.entry, found.values),
    ]:
        assert_same(inlined(entry, table), inlined(by_id.entry, by_id.values))
    assert len(page.entries) == 1


def presence(name: str, thread_id: str) -> pb.Checkpoint:
    checkpoint = pb.Checkpoint(id=name, thread_id=thread_id, origin=pb.ORIGIN_LANGGRAPH)
    if name == "absent":
        return checkpoint
    is_null = name == "null"
    checkpoint.channel_versions.CopyFrom(VersionMap(is_null=is_null))
    checkpoint.versions_seen.CopyFrom(VersionsSeen(is_null=is_null))
    checkpoint.new_versions.CopyFrom(VersionMap(is_null=is_null))
    checkpoint.updated_channels.CopyFrom(NameList(is_null=is_null))
    checkpoint.metadata = b"null" if is_null else b""
    # Zero and the empty text are something, and differ from nothing.
    for field in pb.Checkpoint.DESCRIPTOR.fields:
        if field.containing_oneof is not None and field.name not in ("metadata", "parent_id"):
            setattr(checkpoint, field.name, type(getattr(checkpoint, field.name))())
    return checkpoint


def test_null_empty_and_absent(client: cairn.Client, thread_id: str) -> None:
    checkpoints = [presence(name, thread_id) for name in ("null", "empty", "absent")]
    assert not NULLS & unset_fields(checkpoints)
    for checkpoint in checkpoints:
        assert_reads_back(client, checkpoint, put(client, checkpoint))
    # Each differs from the others in all of it.
    null, empty, absent = (get(client, checkpoint).entry.checkpoint for checkpoint in checkpoints)
    for name in ("channel_versions", "versions_seen", "new_versions", "updated_channels"):
        assert getattr(null, name).is_null
        assert empty.HasField(name) and not getattr(empty, name).is_null
        assert not absent.HasField(name)
    assert (null.metadata, empty.HasField("metadata"), absent.HasField("metadata")) == (b"null", True, False)
    assert empty.HasField("step") and not absent.HasField("step")


WORDS: list[tuple[str, Any]] = [
    ("origin", pb.Origin),
    ("phase", pb.Phase),
    ("values_layout", pb.ValuesLayout),
]


@pytest.mark.parametrize(
    ("field", "word"),
    [(field, word) for field, words in WORDS for word in words.values() if word != 0],
    ids=[word for _, words in WORDS for word, number in words.items() if number != 0],
)
def test_every_word_of_an_enum(client: cairn.Client, thread_id: str, field: str, word: int) -> None:
    checkpoint = pb.Checkpoint(id="c", thread_id=thread_id, origin=pb.ORIGIN_NEOGRAPH)
    setattr(checkpoint, field, word)
    assert_reads_back(client, checkpoint, put(client, checkpoint))


def test_bytes_stay_as_they_are(client: cairn.Client, thread_id: str) -> None:
    checkpoint = full(pb.ORIGIN_JUNCTURE, thread_id)
    put(client, checkpoint)
    got = get(client, checkpoint)
    assert got.entry.checkpoint.metadata == METADATA
    assert got.entry.checkpoint.created_at == checkpoint.created_at
    table = {entry.ref: entry.value for entry in got.values}
    assert table[got.entry.checkpoint.channel_values["tricky"].ref].data == TRICKY_JSON


def test_a_value_is_sent_by_reference_and_left_out_when_held(client: cairn.Client, thread_id: str) -> None:
    first = full(pb.ORIGIN_LANGGRAPH, thread_id)
    refs = put(client, first).value_refs
    second = pb.Checkpoint(id="second", thread_id=thread_id, namespace=first.namespace, origin=pb.ORIGIN_LANGGRAPH)
    second.channel_values["kept"].ref = refs["large"]
    second.channel_values["new"].CopyFrom(inline(b"1"))
    answer = put(client, second)
    assert answer.value_refs["kept"] == refs["large"]
    entries = {entry.ref: entry for entry in get(client, second, held_refs=[refs["large"]]).values}
    assert not entries[refs["large"]].HasField("value")
    assert entries[refs["large"]].size_bytes == len(first.channel_values["large"].inline.data)
    assert entries[answer.value_refs["new"]].value.data == b"1"


def test_a_call_without_a_channel_value_is_understood(client: cairn.Client, thread_id: str) -> None:
    with pytest.raises(cairn.CairnError) as refused:
        put(client, pb.Checkpoint(id="c", thread_id=thread_id, channel_values={"nothing": Value()}))
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
