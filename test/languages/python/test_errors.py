"""What a refused call says, read as any gRPC client can: from `grpc-status-details-bin`."""

import grpc
import pytest
from cairn.v1 import checkpoint_pb2 as pb
from cairn.v1 import checkpoint_service_pb2 as service_pb
from cairn.v1 import error_pb2, graph_pb2, graph_service_pb2
from cairn.v1.checkpoint_service_pb2_grpc import CheckpointServiceStub
from cairn.v1.graph_service_pb2_grpc import GraphServiceStub
from google.rpc import error_details_pb2, status_pb2

REASONS = {name.removeprefix("ERROR_REASON_") for name in error_pb2.ErrorReason.keys()}


def details_of(refused: grpc.RpcError):
    """The ErrorInfo, and the description of every BadRequest violation by its field."""
    trailers = dict(refused.trailing_metadata())
    status = status_pb2.Status.FromString(trailers["grpc-status-details-bin"])
    assert status.code == refused.code().value[0]
    assert status.message == refused.details()
    info, fields = None, {}
    for detail in status.details:
        found = error_details_pb2.ErrorInfo()
        if detail.Unpack(found):
            info = found
        bad = error_details_pb2.BadRequest()
        if detail.Unpack(bad):
            fields.update({violation.field: violation.description for violation in bad.field_violations})
    assert info is not None
    assert info.domain == "cairn.dev"
    assert info.reason in REASONS
    return info, fields


def test_wrong_fields_are_named_with_their_paths(channel):
    checkpoint = pb.Checkpoint(id="with\nline", channel_values={"kept": {}})
    with pytest.raises(grpc.RpcError) as refused:
        CheckpointServiceStub(channel).PutCheckpoint(service_pb.PutCheckpointRequest(checkpoint=checkpoint))
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    info, fields = details_of(refused.value)
    assert info.reason == "INVALID_FIELD"
    assert {"checkpoint.id", "checkpoint.thread_id"} <= fields.keys()
    assert any(field.startswith('checkpoint.channel_values["kept"]') for field in fields)
    assert all(fields.values())


def test_a_stale_expectation_names_the_head(channel, thread):
    stub = CheckpointServiceStub(channel)
    stub.PutCheckpoint(service_pb.PutCheckpointRequest(checkpoint=pb.Checkpoint(id="one", thread_id=thread)))
    request = service_pb.PutCheckpointRequest(
        checkpoint=pb.Checkpoint(id="two", thread_id=thread),
        expected_head=service_pb.ExpectedHead(checkpoint_id="another"),
    )
    with pytest.raises(grpc.RpcError) as refused:
        stub.PutCheckpoint(request)
    assert refused.value.code() == grpc.StatusCode.ABORTED
    info, fields = details_of(refused.value)
    assert (info.reason, info.metadata["head"], fields) == ("HEAD_MISMATCH", "one", {})


def test_what_is_missing_is_named(channel, thread):
    with pytest.raises(grpc.RpcError) as refused:
        CheckpointServiceStub(channel).GetCheckpoint(service_pb.GetCheckpointRequest(thread_id=thread))
    assert refused.value.code() == grpc.StatusCode.NOT_FOUND
    info, _ = details_of(refused.value)
    assert (info.reason, info.metadata["thread_id"]) == ("THREAD_NOT_FOUND", thread)


def test_every_fault_of_a_graph_comes_at_once(channel):
    text = """
    name: faulty
    channels: { log: append }
    nodes:
      write: { expression: { update: { log: 'state.' } } }
      ask: { ask: { question: 'state.log', into: nowhere } }
    edges: [START -> write, write -> elsewhere]
    """
    request = graph_service_pb2.RegisterGraphRequest(graph=graph_service_pb2.GraphSource(text=text))
    with pytest.raises(grpc.RpcError) as refused:
        GraphServiceStub(channel).RegisterGraph(request)
    assert refused.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    info, fields = details_of(refused.value)
    assert info.reason == "GRAPH_INVALID"
    found = " ".join(fields)
    assert all(part in found for part in ("nodes.write.expression", "nodes.ask.ask.into", "edges[1].to")), fields
    assert graph_pb2.GraphSpec.DESCRIPTOR.full_name == "cairn.v1.GraphSpec"
