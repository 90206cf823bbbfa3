"""What a refused call says, read from `grpc-status-details-bin`."""

import pickle

import grpc
import pytest

import cairn
from cairn import methods
from cairn.v1 import checkpoint_service_pb2 as pb
from cairn.v1.checkpoint_pb2 import Checkpoint
from cairn.v1.error_pb2 import ErrorReason
from cairn.v1.value_pb2 import Value

FAULTY = """
name: faulty
channels: { log: append }
nodes:
  write: { expression: { update: { log: 'state.' } } }
  ask: { ask: { question: 'state.log', into: nowhere } }
edges: [START -> write, write -> elsewhere]
"""


def refusal_of_put(client: cairn.Client, **fields: object) -> cairn.CairnError:
    with pytest.raises(cairn.CairnError) as refused:
        client.call(methods.PUT_CHECKPOINT, pb.PutCheckpointRequest(**fields))  # type: ignore[arg-type]
    assert ErrorReason.Value(f"ERROR_REASON_{refused.value.reason}")
    return refused.value


def test_wrong_fields_are_named_with_their_paths(client: cairn.Client) -> None:
    error = refusal_of_put(client, checkpoint=Checkpoint(id="with\nline", channel_values={"kept": Value()}))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    fields = {violation.field for violation in error.violations}
    assert {"checkpoint.id", "checkpoint.thread_id"} <= fields
    assert any(field.startswith('checkpoint.channel_values["kept"]') for field in fields)
    assert all(violation.description for violation in error.violations)
    assert error.field == error.violations[0].field


def test_a_stale_expectation_names_the_head(client: cairn.Client, thread_id: str) -> None:
    client.call(methods.PUT_CHECKPOINT, pb.PutCheckpointRequest(checkpoint=Checkpoint(id="one", thread_id=thread_id)))
    expected = pb.ExpectedHead(checkpoint_id="another")
    error = refusal_of_put(client, checkpoint=Checkpoint(id="two", thread_id=thread_id), expected_head=expected)
    assert (error.code, error.reason) == (grpc.StatusCode.ABORTED, "HEAD_MISMATCH")
    assert (error.metadata["head"], error.violations, error.field) == ("one", (), "")
    assert str(error).startswith("HEAD_MISMATCH: ")


def test_what_is_missing_is_named(client: cairn.Client, thread_id: str) -> None:
    with pytest.raises(cairn.CairnError) as refused:
        client.thread(thread_id).info()
    assert (refused.value.code, refused.value.reason) == (grpc.StatusCode.NOT_FOUND, "THREAD_NOT_FOUND")
    assert refused.value.metadata["thread_id"] == thread_id


def test_every_fault_of_a_graph_comes_at_once(client: cairn.Client) -> None:
    with pytest.raises(cairn.CairnError) as refused:
        client.graphs.register(FAULTY)
    assert refused.value.reason == "GRAPH_INVALID"
    found = " ".join(violation.field for violation in refused.value.violations)
    assert all(part in found for part in ("nodes.write.expression", "nodes.ask.ask.into", "edges[1].to")), found
    assert len(client.graphs.validate(FAULTY)) == len(refused.value.violations)


async def test_the_same_with_asyncio(aclient: cairn.AsyncClient, thread_id: str) -> None:
    with pytest.raises(cairn.CairnError) as refused:
        await aclient.thread(thread_id).info()
    assert (refused.value.reason, refused.value.metadata["thread_id"]) == ("THREAD_NOT_FOUND", thread_id)


def test_a_word_that_is_none_is_refused_with_the_choices(client: cairn.Client, thread_id: str) -> None:
    with pytest.raises(cairn.CairnError) as refused:
        client.thread(thread_id).run({}, on_busy="later")  # type: ignore[arg-type]
    assert refused.value.field == "on_busy"
    assert "reject, enqueue, interrupt, rollback" in str(refused.value)


def test_an_error_passes_from_one_process_to_another() -> None:
    violation = cairn.FieldViolation("a.b", "is wrong")
    error = cairn.CairnError(
        grpc.StatusCode.ABORTED, "no", reason="HEAD_MISMATCH", metadata={"head": "x"}, violations=[violation]
    )
    copied = pickle.loads(pickle.dumps(error))
    assert (copied.code, copied.reason, copied.message) == (error.code, error.reason, error.message)
    assert (copied.metadata, copied.violations) == (error.metadata, error.violations)
