"""Every call of the API, for `client.call(methods.GET_THREAD, GetThreadRequest(thread_id="t1"))`."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from google.protobuf.descriptor import FileDescriptor, MethodDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import Message

from cairn.v1 import admin_service_pb2 as admin
from cairn.v1 import checkpoint_service_pb2 as checkpoint
from cairn.v1 import graph_service_pb2 as graph
from cairn.v1 import run_service_pb2 as run
from cairn.v1 import thread_service_pb2 as thread
from cairn.v1 import worker_service_pb2 as worker

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)

# These take as long as what they work on is large.
_LONG = frozenset({"RunStep", "Run", "Resume", "CopyThread", "PruneThreads"})


@dataclass(frozen=True)
class Method(Generic[Request, Response]):
    """A call of the API."""

    path: str
    """As it is on the wire: `/cairn.v1.RunService/Run`."""
    request_type: type[Request]
    response_type: type[Response]
    takes_request_id: bool
    """Whether a request can carry a `request_id`, which the client then gives it."""
    is_safe_to_retry: bool
    """Whether a call may be repeated when nobody knows whether the server has seen it: it carries a `request_id`, or the
    protos say that a repetition does no harm."""
    is_long: bool
    """Whether `run_timeout` is for it, and not `timeout`."""


class UnaryMethod(Method[Request, Response]):
    """One request, one response."""


class ServerStreamMethod(Method[Request, Response]):
    """One request, many responses."""


class ClientStreamMethod(Method[Request, Response]):
    """Many requests, one response."""


def _described(file: FileDescriptor, request: type[Request], response: type[Response]) -> MethodDescriptor:
    """The method of the file's service that takes such requests: no two do."""
    (service,) = file.services_by_name.values()
    (found,) = (method for method in service.methods if method.input_type == request.DESCRIPTOR)
    assert found.output_type == response.DESCRIPTOR
    return found


def _arguments(
    file: FileDescriptor, request: type[Request], response: type[Response], *, is_stream: bool
) -> tuple[str, type[Request], type[Response], bool, bool, bool]:
    method = _described(file, request, response)
    takes_request_id = "request_id" in request.DESCRIPTOR.fields_by_name
    says_safe = method.GetOptions().idempotency_level != MethodOptions.IDEMPOTENCY_UNKNOWN
    is_safe = takes_request_id or says_safe
    path = f"/{method.containing_service.full_name}/{method.name}"
    return path, request, response, takes_request_id, is_safe, is_stream or method.name in _LONG


def unary(file: FileDescriptor, request: type[Request], response: type[Response]) -> UnaryMethod[Request, Response]:
    """The method of a file's one service that takes such requests."""
    return UnaryMethod(*_arguments(file, request, response, is_stream=False))


def _server_stream(
    file: FileDescriptor, request: type[Request], response: type[Response]
) -> ServerStreamMethod[Request, Response]:
    return ServerStreamMethod(*_arguments(file, request, response, is_stream=True))


def _client_stream(
    file: FileDescriptor, request: type[Request], response: type[Response]
) -> ClientStreamMethod[Request, Response]:
    return ClientStreamMethod(*_arguments(file, request, response, is_stream=True))


LIST_SPACES = unary(admin.DESCRIPTOR, admin.ListSpacesRequest, admin.ListSpacesResponse)
DELETE_SPACE = unary(admin.DESCRIPTOR, admin.DeleteSpaceRequest, admin.DeleteSpaceResponse)
MIGRATE_STORE = _server_stream(admin.DESCRIPTOR, admin.MigrateStoreRequest, admin.MigrateStoreResponse)
BACKUP_STORE = unary(admin.DESCRIPTOR, admin.BackupStoreRequest, admin.BackupStoreResponse)
CHECK_STORE = _server_stream(admin.DESCRIPTOR, admin.CheckStoreRequest, admin.CheckStoreResponse)
GET_STATUS = unary(admin.DESCRIPTOR, admin.GetStatusRequest, admin.GetStatusResponse)

PUT_CHECKPOINT = unary(checkpoint.DESCRIPTOR, checkpoint.PutCheckpointRequest, checkpoint.PutCheckpointResponse)
PUT_WRITES = unary(checkpoint.DESCRIPTOR, checkpoint.PutWritesRequest, checkpoint.PutWritesResponse)
CLEAR_WRITES = unary(checkpoint.DESCRIPTOR, checkpoint.ClearWritesRequest, checkpoint.ClearWritesResponse)
GET_CHECKPOINT = unary(checkpoint.DESCRIPTOR, checkpoint.GetCheckpointRequest, checkpoint.GetCheckpointResponse)
BATCH_GET_CHECKPOINTS = unary(
    checkpoint.DESCRIPTOR, checkpoint.BatchGetCheckpointsRequest, checkpoint.BatchGetCheckpointsResponse
)
FIND_CHECKPOINT = unary(checkpoint.DESCRIPTOR, checkpoint.FindCheckpointRequest, checkpoint.FindCheckpointResponse)
LIST_CHECKPOINTS = unary(checkpoint.DESCRIPTOR, checkpoint.ListCheckpointsRequest, checkpoint.ListCheckpointsResponse)
GET_CHANNEL_HISTORY = unary(
    checkpoint.DESCRIPTOR, checkpoint.GetChannelHistoryRequest, checkpoint.GetChannelHistoryResponse
)
DELETE_RUNS = unary(checkpoint.DESCRIPTOR, checkpoint.DeleteRunsRequest, checkpoint.DeleteRunsResponse)
PUT_VALUES = _client_stream(checkpoint.DESCRIPTOR, checkpoint.PutValuesRequest, checkpoint.PutValuesResponse)
GET_VALUES = _server_stream(checkpoint.DESCRIPTOR, checkpoint.GetValuesRequest, checkpoint.GetValuesResponse)

REGISTER_GRAPH = unary(graph.DESCRIPTOR, graph.RegisterGraphRequest, graph.RegisterGraphResponse)
GET_GRAPH = unary(graph.DESCRIPTOR, graph.GetGraphRequest, graph.GetGraphResponse)
LIST_GRAPHS = unary(graph.DESCRIPTOR, graph.ListGraphsRequest, graph.ListGraphsResponse)
VALIDATE_GRAPH = unary(graph.DESCRIPTOR, graph.ValidateGraphRequest, graph.ValidateGraphResponse)
DRAW_GRAPH = unary(graph.DESCRIPTOR, graph.DrawGraphRequest, graph.DrawGraphResponse)
MIGRATE_THREADS = _server_stream(graph.DESCRIPTOR, graph.MigrateThreadsRequest, graph.MigrateThreadsResponse)

RUN_STEP = unary(run.DESCRIPTOR, run.RunStepRequest, run.RunStepResponse)
RUN = unary(run.DESCRIPTOR, run.RunRequest, run.RunResponse)
RESUME = unary(run.DESCRIPTOR, run.ResumeRequest, run.ResumeResponse)
UPDATE_STATE = unary(run.DESCRIPTOR, run.UpdateStateRequest, run.UpdateStateResponse)
BULK_UPDATE_STATE = unary(run.DESCRIPTOR, run.BulkUpdateStateRequest, run.BulkUpdateStateResponse)
GET_STATE = unary(run.DESCRIPTOR, run.GetStateRequest, run.GetStateResponse)
GET_STATE_HISTORY = unary(run.DESCRIPTOR, run.GetStateHistoryRequest, run.GetStateHistoryResponse)
GET_RUN = unary(run.DESCRIPTOR, run.GetRunRequest, run.GetRunResponse)
LIST_RUNS = unary(run.DESCRIPTOR, run.ListRunsRequest, run.ListRunsResponse)
CANCEL_RUN = unary(run.DESCRIPTOR, run.CancelRunRequest, run.CancelRunResponse)
STREAM_EVENTS = _server_stream(run.DESCRIPTOR, run.StreamEventsRequest, run.StreamEventsResponse)

CREATE_THREAD = unary(thread.DESCRIPTOR, thread.CreateThreadRequest, thread.CreateThreadResponse)
GET_THREAD = unary(thread.DESCRIPTOR, thread.GetThreadRequest, thread.GetThreadResponse)
LIST_THREADS = unary(thread.DESCRIPTOR, thread.ListThreadsRequest, thread.ListThreadsResponse)
UPDATE_THREAD = unary(thread.DESCRIPTOR, thread.UpdateThreadRequest, thread.UpdateThreadResponse)
COPY_THREAD = unary(thread.DESCRIPTOR, thread.CopyThreadRequest, thread.CopyThreadResponse)
EXPORT_THREAD = _server_stream(thread.DESCRIPTOR, thread.ExportThreadRequest, thread.ExportThreadResponse)
IMPORT_THREAD = _client_stream(thread.DESCRIPTOR, thread.ImportThreadRequest, thread.ImportThreadResponse)
DELETE_THREAD = unary(thread.DESCRIPTOR, thread.DeleteThreadRequest, thread.DeleteThreadResponse)
PRUNE_THREADS = unary(thread.DESCRIPTOR, thread.PruneThreadsRequest, thread.PruneThreadsResponse)
WATCH_THREADS = _server_stream(thread.DESCRIPTOR, thread.WatchThreadsRequest, thread.WatchThreadsResponse)

LIST_WORKERS = unary(worker.DESCRIPTOR, worker.ListWorkersRequest, worker.ListWorkersResponse)
