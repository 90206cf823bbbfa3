"""A process that runs the code of a graph's nodes."""

import asyncio
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar, overload

from cairn._async.wire import Wire
from cairn.options import ConnectOptions
from cairn.worker.node_code import NodeCode, NodeFunction
from cairn.worker.session import Session

SLOTS_DEFAULT = 8
_SIGNALS = (signal.SIGTERM, signal.SIGINT)

Function = TypeVar("Function", bound=NodeFunction)


class Worker:
    """Runs a graph's nodes in this process, as many at a time as it has slots. Made by `client.worker()`.

    A connection that breaks is made again, with the tasks that are at work and the results that the server has not
    acknowledged. It has a connection of its own: closing the client does not end it.
    """

    def __init__(
        self, address: str, options: ConnectOptions, *, slots: int = SLOTS_DEFAULT, id: str | None = None
    ) -> None:
        self.id = id or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        """Its name, unique in the space."""
        self.ready = threading.Event()
        """Set when a server has let it in."""
        self._address = address
        self._options = options
        self._slots = slots
        self._nodes: dict[str, NodeCode] = {}
        self._lock = threading.Lock()
        self._has_served = False
        self._is_stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._session: Session | None = None

    @overload
    def node(self, function: Function, /) -> Function: ...
    @overload
    def node(self, name: str, /) -> Callable[[Function], Function]: ...
    def node(self, named: Function | str, /) -> Function | Callable[[Function], Function]:
        """Serves a function under its own name (`@worker.node`) or another (`@worker.node("name")`): the name of a graph's
        worker node or branch, or its `handler`.

        It is called with the state, a dict of the channels that hold a value, or with the argument of the Send that it is
        run by; and with a `NodeContext`, if it takes a second argument. A node returns a dict of updates, a `Command` or
        None; what decides for a conditional edge a target, several, or a bool. Plain functions run in threads, one a slot;
        coroutines in the loop, which they must not block. Raises ValueError for a name that is taken.
        """

        def register(function: Function, name: str) -> Function:
            if name in self._nodes:
                raise ValueError(f"this worker serves a {name!r} already")
            self._nodes[name] = NodeCode(function)
            return function

        if isinstance(named, str):
            return lambda function: register(function, named)
        return register(named, named.__name__)

    def run(self) -> None:
        """Serves, in a loop of its own, until `stop` is called or the process gets a SIGTERM or SIGINT (in the main thread;
        the second one ends it as ever). Raises as `serve` does."""
        asyncio.run(self._run())

    async def serve(self) -> None:
        """Serves until `stop` is called, and returns when the tasks at work have been told. Once: make another worker to
        serve again.

        Raises a CairnError for what another attempt would meet again (TOKEN_INVALID, SPACE_DENIED, INVALID_FIELD,
        PROTOCOL_VERSION, WORKER_REPLACED); all else is tried again for ever: a connection that breaks, another worker of
        this name whose leases are not over. Cancelling it leaves its tasks to others as soon as their leases are over.
        """
        with self._lock:
            if self._has_served:
                raise RuntimeError("a worker serves once")
            self._has_served = True
            self._loop = asyncio.get_running_loop()
            self._session = Session(self.id, self._nodes, self._slots, self.ready.set)
            if self._is_stopping:
                self._session.stop()
        wire = Wire(self._address, self._options)
        try:
            await self._session.serve(wire, self._options.retry)
        finally:
            await wire.close()

    def stop(self) -> None:
        """Takes no more tasks; `run` and `serve` return when those at work have been told. From any thread."""
        with self._lock:
            self._is_stopping = True
            if self._loop is None or self._session is None:
                return
            with suppress(RuntimeError):  # Its loop is closed: it has ended.
                self._loop.call_soon_threadsafe(self._session.stop)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        watched: list[signal.Signals] = []

        def drain() -> None:
            self.stop()
            for number in watched:
                loop.remove_signal_handler(number)

        if threading.current_thread() is threading.main_thread():
            with suppress(NotImplementedError):  # Windows.
                for number in _SIGNALS:
                    loop.add_signal_handler(number, drain)
                    watched.append(number)
        await self.serve()
