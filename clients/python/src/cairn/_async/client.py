"""A connection to one space of a server."""

from types import TracebackType

import grpc
from typing_extensions import Self, Unpack

from cairn._async.checkpoint_store import AsyncCheckpointStore
from cairn._async.graphs import AsyncGraphs
from cairn._async.thread import AsyncThread
from cairn._async.threads import AsyncThreads
from cairn._async.transport import AsyncTransport
from cairn._async.wire import Stream
from cairn.checkpoints.held_values import HeldValues
from cairn.errors import CairnError
from cairn.methods import Request, Response, ServerStreamMethod, UnaryMethod
from cairn.options import DEFAULT_ADDRESS, ConnectArguments, ConnectOptions
from cairn.worker.worker import SLOTS_DEFAULT, Worker


class AsyncClient:
    """A connection to one space of a Cairn server. Close it when done, or use it in a `with` block.

    `address` is `host:port`, or what else gRPC resolves (`unix:/run/cairn.sock`); `ConnectOptions` has the other options.
    Nothing is sent yet: the first call connects.

    Every call has a deadline (`timeout`, in seconds). Calls that change nothing, and changes that carry a request_id (which
    the client adds by itself), are retried when the server can't be reached. Errors are `CairnError`s; a run that fails or
    stops to ask is no error but an outcome.
    """

    def __init__(self, address: str = DEFAULT_ADDRESS, **options: Unpack[ConnectArguments]) -> None:
        chosen = ConnectOptions(**options)
        self._transport = AsyncTransport(address, chosen)
        self.graphs = AsyncGraphs(self._transport)
        """Registering and looking at graphs."""
        self.threads = AsyncThreads(self._transport)
        """Finding and creating threads."""
        self.checkpoint_store = AsyncCheckpointStore(self._transport, HeldValues(chosen.held_bytes_max))
        """Putting and reading checkpoints, sending only what changed; for framework adapters."""

    def thread(self, thread_id: str) -> AsyncThread:
        """A thread by its id. It need not exist: a run creates it."""
        return AsyncThread(self._transport, thread_id)

    def worker(self, *, slots: int = SLOTS_DEFAULT, id: str | None = None) -> Worker:
        """A worker with a connection of its own, which runs nodes of the space's graphs: register functions with
        `@worker.node`, then `worker.run()`, or `await worker.serve()` with asyncio.

        It runs `slots` tasks at a time, 1 to 1,000, by default 8. `id` is its name, unique in the space; by default of the
        host's name, the process's number and something random.
        """
        return Worker(self._transport.address, self._transport.options, slots=slots, id=id)

    async def call(
        self, method: UnaryMethod[Request, Response], request: Request, *, timeout: float | None = None
    ) -> Response:
        """Any call as it is on the wire: `client.call(methods.GET_STATUS, GetStatusRequest())`."""
        return await self._transport.unary(method, request, timeout)

    def stream(
        self, method: ServerStreamMethod[Request, Response], request: Request, *, timeout: float | None = None
    ) -> Stream[Response]:
        """Any call that answers with a stream, as it is on the wire. Leaving the loop cancels it."""
        return self._transport.server_stream(method, request, timeout)

    async def ready(self, timeout: float = 5.0) -> None:
        """Returns once the server has been reached; raises UNAVAILABLE if not within so many seconds."""
        if not await self._transport.wire.ready(timeout):
            raise CairnError(grpc.StatusCode.UNAVAILABLE, f"no server answers at {self._transport.address}")

    async def close(self) -> None:
        """Closes the connection. Calls that are under way end with CANCELLED."""
        await self._transport.wire.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
