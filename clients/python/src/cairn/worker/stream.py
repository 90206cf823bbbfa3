"""One stream of a worker to a server."""

import asyncio
from collections.abc import AsyncGenerator, Callable

import grpc
import grpc.aio

from cairn._async.wire import Wire
from cairn.errors import CairnError, to_error
from cairn.v1 import worker_service_pb2 as pb

_PATH = "/cairn.v1.WorkerService/Work"
PROGRESS_WAITING_MAX = 10_000
"""So many messages may wait to be sent before what tasks tell while they run is left out: nobody keeps it anyway."""
PROGRESS_CROWDED = 1_000
"""So many may wait before code that can wait does, rather than be left out."""


class WorkerStream:
    """Sends what a worker tells, in order, and gives what the server tells it. Of one event loop."""

    def __init__(self, wire: Wire) -> None:
        self._call = wire.duplex(_PATH)
        self._outbox: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._writing = asyncio.ensure_future(self._write())

    def send(self, request: pb.WorkRequest) -> None:
        """Sends it when those before it are sent. What comes after the stream's end goes nowhere."""
        if not self._writing.done():
            self._outbox.put_nowait(request.SerializeToString())

    def send_progress(self, progress: pb.TaskProgress) -> None:
        """Sends it, unless too much waits already."""
        if self._outbox.qsize() < PROGRESS_WAITING_MAX:
            self.send(pb.WorkRequest(progress=progress))

    @property
    def is_crowded(self) -> bool:
        """So much waits that who can should wait too."""
        return self._outbox.qsize() >= PROGRESS_CROWDED

    def send_payload(
        self, data: bytes, chunk_bytes: int, credit: int, first: Callable[[pb.Payload], pb.WorkRequest]
    ) -> None:
        """Sends a message that carries the first piece of a payload, and the rest behind it; the credit goes with the last."""
        message = first(pb.Payload(data=data[:chunk_bytes], size_bytes=len(data)))
        for at in range(chunk_bytes, len(data), chunk_bytes):
            self.send(message)
            message = pb.WorkRequest(chunk=pb.PayloadChunk(data=data[at : at + chunk_bytes]))
        message.credit = credit
        self.send(message)

    def end(self) -> None:
        """Says that nothing more comes."""
        self._outbox.put_nowait(None)

    async def messages(self) -> AsyncGenerator[pb.WorkResponse, None]:
        """What the server tells, until the stream ends. Raises a CairnError when it breaks."""
        try:
            async for data in self._call:
                yield pb.WorkResponse.FromString(data)
        except grpc.aio.AioRpcError as failed:
            raise to_error(failed) from failed
        except asyncio.CancelledError:
            # gRPC raises this also for a stream that the other side has cancelled.
            details = await self._call.details() if self._call.done() else ""
            if not details or "Locally cancelled" in details:
                raise
            raise CairnError(grpc.StatusCode.CANCELLED, details) from None
        finally:
            self._writing.cancel()
            self._call.cancel()

    async def _write(self) -> None:
        try:
            while (data := await self._outbox.get()) is not None:
                await self._call.write(data)
            await self._call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            pass  # The stream has ended: whoever reads it hears why.
