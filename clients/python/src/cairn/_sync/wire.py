"""Calls over gRPC, a single attempt each. `_async/wire.py` is the same for asyncio."""

import time
from collections.abc import Generator, Iterable
from typing import Annotated, TypeAlias, TypeVar

import grpc

from cairn.errors import CairnError, client_closed, to_error
from cairn.options import ConnectOptions
from cairn.tls import credentials_for

T = TypeVar("T")
Stream: TypeAlias = Generator[T, None, None]
Result: TypeAlias = Annotated[T, "at once"]
sleep = time.sleep


class Wire:
    """A channel, and what every call on it says of its space and token."""

    def __init__(self, address: str, options: ConnectOptions) -> None:
        arguments = options.channel_arguments
        credentials = credentials_for(address, options.tls)
        self._channel = (
            grpc.insecure_channel(address, arguments)
            if credentials is None
            else grpc.secure_channel(address, credentials, arguments)
        )
        self._metadata = options.metadata
        self._is_closed = False

    def unary(self, path: str, request: bytes, timeout: float) -> bytes:
        self._check_open()
        call: grpc.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(path)
        try:
            return call(request, timeout=timeout, metadata=self._metadata)
        except grpc.RpcError as failed:
            raise self._error(failed) from failed

    def server_stream(self, path: str, request: bytes, timeout: float) -> Stream[bytes]:
        """Leaving the loop cancels the call."""
        self._check_open()
        multi: grpc.UnaryStreamMultiCallable[bytes, bytes] = self._channel.unary_stream(path)
        call = multi(request, timeout=timeout, metadata=self._metadata)
        try:
            yield from call
        except grpc.RpcError as failed:
            raise self._error(failed) from failed
        finally:
            call.cancel()

    def client_stream(self, path: str, requests: Iterable[bytes], timeout: float) -> bytes:
        self._check_open()
        call: grpc.StreamUnaryMultiCallable[bytes, bytes] = self._channel.stream_unary(path)
        try:
            return call(iter(requests), timeout=timeout, metadata=self._metadata)
        except grpc.RpcError as failed:
            raise self._error(failed) from failed

    def ready(self, timeout: float) -> bool:
        """Whether the server was reached in time."""
        try:
            grpc.channel_ready_future(self._channel).result(timeout)
        except grpc.FutureTimeoutError:
            return False
        return True

    def close(self) -> None:
        self._is_closed = True
        self._channel.close()

    def _check_open(self) -> None:
        if self._is_closed:
            raise client_closed()

    def _error(self, failed: grpc.RpcError) -> CairnError:
        return client_closed() if self._is_closed else to_error(failed)
