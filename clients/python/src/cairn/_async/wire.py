"""Calls over gRPC for asyncio, a single attempt each. `_sync/wire.py` is the same without it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Iterable
from typing import TypeAlias, TypeVar

import grpc
import grpc.aio

from cairn.errors import CairnError, client_closed, to_error
from cairn.options import ConnectOptions
from cairn.tls import credentials_for

T = TypeVar("T")
Stream: TypeAlias = AsyncGenerator[T, None]
Result: TypeAlias = Awaitable[T]
sleep = asyncio.sleep


class Wire:
    """A channel, and what every call on it says of its space and token."""

    def __init__(self, address: str, options: ConnectOptions) -> None:
        arguments = options.channel_arguments
        credentials = credentials_for(address, options.tls)
        self._channel = (
            grpc.aio.insecure_channel(address, arguments)
            if credentials is None
            else grpc.aio.secure_channel(address, credentials, arguments)
        )
        self._metadata = options.metadata
        self._is_closed = False

    async def unary(self, path: str, request: bytes, timeout: float) -> bytes:
        self._check_open()
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = self._channel.unary_unary(path)
        try:
            return await call(request, timeout=timeout, metadata=self._metadata)
        except grpc.aio.AioRpcError as failed:
            raise self._error(failed) from failed

    async def server_stream(self, path: str, request: bytes, timeout: float) -> Stream[bytes]:
        """Leaving the loop cancels the call."""
        self._check_open()
        multi: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = self._channel.unary_stream(path)
        call = multi(request, timeout=timeout, metadata=self._metadata)
        try:
            async for response in call:
                yield response
        except grpc.aio.AioRpcError as failed:
            raise self._error(failed) from failed
        finally:
            call.cancel()

    async def client_stream(self, path: str, requests: Iterable[bytes], timeout: float) -> bytes:
        self._check_open()
        call: grpc.aio.StreamUnaryMultiCallable[bytes, bytes] = self._channel.stream_unary(path)
        try:
            return await call(iter(requests), timeout=timeout, metadata=self._metadata)
        except grpc.aio.AioRpcError as failed:
            raise self._error(failed) from failed

    def duplex(self, path: str) -> "grpc.aio.StreamStreamCall[bytes, bytes]":
        """A call that both sides write to, without a deadline. Its errors are gRPC's. Workers only: there is none
        without asyncio."""
        self._check_open()
        multi: grpc.aio.StreamStreamMultiCallable[bytes, bytes] = self._channel.stream_stream(path)
        return multi(metadata=self._metadata)

    async def ready(self, timeout: float) -> bool:
        """Whether the server was reached in time."""
        try:
            await asyncio.wait_for(self._channel.channel_ready(), timeout)
        except asyncio.TimeoutError:
            return False
        return True

    async def close(self) -> None:
        self._is_closed = True
        await self._channel.close()

    def _check_open(self) -> None:
        if self._is_closed:
            raise client_closed()

    def _error(self, failed: grpc.RpcError) -> CairnError:
        return client_closed() if self._is_closed else to_error(failed)
