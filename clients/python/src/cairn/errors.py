"""The one error that this client raises."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

# Reasons of the server's own have this domain; a proxy's mean something else.
_DOMAIN = "cairn.dev"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """What is wrong with one field of a request."""

    field: str
    """Its path: `checkpoint.thread_id`, `nodes.triage.ask.into`."""
    description: str
    """What is wrong, and what would be right."""


class CairnError(Exception):
    """A call was refused, or could not be made. A run that fails or stops to ask is none: it is an outcome.

    The code says what can be done about it (INVALID_ARGUMENT: another request; ABORTED: read again, then retry; UNAVAILABLE:
    the client has retried what is safe to retry), the reason why, as a name of `ErrorReason` in `error.proto`.
    """

    code: grpc.StatusCode
    """gRPC's status code."""
    reason: str
    """Why, as a name to decide by: "THREAD_BUSY". Empty when the failure is the transport's or the client's own."""
    message: str
    """What happened, in words."""
    metadata: Mapping[str, str]
    """Every changing part of the message, by name: HEAD_MISMATCH names the head, EVENTS_PRUNED the oldest event."""
    violations: Sequence[FieldViolation]
    """The fields at fault; empty when none is."""

    def __init__(
        self,
        code: grpc.StatusCode,
        message: str,
        *,
        reason: str = "",
        metadata: Mapping[str, str] | None = None,
        violations: Sequence[FieldViolation] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.metadata = MappingProxyType(dict(metadata or {}))
        self.violations = tuple(violations)

    @property
    def field(self) -> str:
        """Path of the first field at fault; empty when none is."""
        return self.violations[0].field if self.violations else ""

    def __str__(self) -> str:
        return f"{self.reason or self.code.name}: {self.message}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self.code, self.message, self.reason, dict(self.metadata), self.violations)


def _rebuilt(
    code: grpc.StatusCode, message: str, reason: str, metadata: dict[str, str], violations: Sequence[FieldViolation]
) -> CairnError:
    return CairnError(code, message, reason=reason, metadata=metadata, violations=violations)


def refused(field: str, description: str, *, reason: str = "") -> CairnError:
    """An argument that the client itself refuses, named as the server names fields."""
    message = f"{field}: {description}" if field else description
    violations = [FieldViolation(field, description)]
    return CairnError(grpc.StatusCode.INVALID_ARGUMENT, message, reason=reason, violations=violations)


def client_closed() -> CairnError:
    """What calls on a closed client raise. Its reason keeps it from being taken for a lost connection."""
    return CairnError(grpc.StatusCode.CANCELLED, "the client is closed", reason="CALL_ENDED")


def value_damaged(ref: str) -> CairnError:
    """A value's bytes are not those that were sent."""
    message = f"value {ref!r} did not arrive as it was sent"
    return CairnError(grpc.StatusCode.DATA_LOSS, message, reason="VALUE_CHECKSUM")


def to_error(failed: grpc.RpcError) -> CairnError:
    """Makes a `CairnError` of what gRPC raised, with what the server told in `grpc-status-details-bin`."""
    call: Any = failed  # A call's error is a call as well; gRPC's types do not say so.
    code: grpc.StatusCode = call.code()
    reason, metadata, violations = "", {}, []
    for detail in _details(call.trailing_metadata()):
        info, request = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
        if detail.Unpack(info) and info.domain == _DOMAIN:
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(request):
            violations = [FieldViolation(found.field, found.description) for found in request.field_violations]
    message = call.details() or code.name
    return CairnError(code, message, reason=reason, metadata=metadata, violations=violations)


def _details(trailers: Any) -> Sequence[Any]:
    """A proxy's details may be anything: the status and its message still stand then."""
    for key, value in trailers or ():
        if key == "grpc-status-details-bin":
            try:
                details: Sequence[Any] = status_pb2.Status.FromString(value).details
                return details
            except DecodeError:
                return ()
    return ()


def is_connection_loss(error: CairnError) -> bool:
    """Whether the server could not be reached, is stopping, or the connection broke during the call.

    A server that goes away resets its streams, which gRPC reports as INTERNAL, UNKNOWN or CANCELLED without any details of
    Cairn's. A caller's own cancellation never comes here: it is an exception of asyncio's, or has a reason.
    """
    if error.code is grpc.StatusCode.UNAVAILABLE:
        return True
    if error.reason:
        return False
    if error.code is grpc.StatusCode.CANCELLED:
        return True
    return error.code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN) and "RST_STREAM" in error.message
