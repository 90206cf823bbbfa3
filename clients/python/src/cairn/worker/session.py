"""One life of a worker: the tasks that it holds, over however many streams."""

import asyncio
import os
import platform
import random
import sys
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

import grpc

from cairn._async.wire import Wire
from cairn.errors import CairnError
from cairn.retry import RetryPolicy, backoff
from cairn.v1 import worker_service_pb2 as pb
from cairn.worker.context import Tell
from cairn.worker.node_code import NodeCode
from cairn.worker.run_task import Asks, Completed, Failed, Result, run_task
from cairn.worker.stream import WorkerStream

PROTOCOL_VERSION = 1
CROWDED_SECONDS = 0.001
"""How long code waits before it looks again whether the connection has taken what was told."""
_SDK = f"cairn-python/0.1.0 {platform.python_implementation()}/{platform.python_version()} {sys.platform}"

# What a worker would meet again on every stream.
_LASTING = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.UNIMPLEMENTED,
    }
)

_Key = tuple[str, str, int]


@dataclass(slots=True)
class _Held:
    """A task that this process holds: at work, or with a result that is not settled."""

    lease: pb.TaskLease
    cancelled: threading.Event
    coroutine: "asyncio.Task[Result] | None" = None
    result: Result | None = None


@dataclass(slots=True)
class _Coming:
    """A task whose input is not all there."""

    task: pb.Task
    data: bytearray


class Session:
    """Of one event loop: everything but `tell` of a task is called in it."""

    def __init__(self, worker_id: str, nodes: Mapping[str, NodeCode], slots: int, on_ready: Callable[[], None]) -> None:
        self._worker_id = worker_id
        self._nodes = nodes
        self._slots = slots
        self._on_ready = on_ready
        self._session_id = str(uuid.uuid4())
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._threads = ThreadPoolExecutor(slots, thread_name_prefix="cairn-node")
        self._held: dict[_Key, _Held] = {}
        # Code that is at work, also for tasks that were dropped: it still takes a slot.
        self._running: set[asyncio.Task[None]] = set()
        self._stream: WorkerStream | None = None
        self._welcome = pb.WorkerWelcome()
        self._coming: _Coming | None = None
        self._is_stopping = False
        self._reconnect_after = 0.0
        self._failures = 0
        self._done = asyncio.Event()

    async def serve(self, wire: Wire, retry: RetryPolicy) -> None:
        """Until it was stopped and has told all results; raises what another stream would meet again."""
        try:
            while not self._done.is_set():
                error = await self._serve_stream(wire)
                if self._done.is_set():
                    break
                if error is not None and not _is_worth_another(error):
                    raise error
                self._failures += 1
                pause = self._reconnect_after * random.random() + backoff(self._failures, retry, random.random)
                self._reconnect_after = 0.0
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._done.wait(), pause)
        finally:
            for held in list(self._held.values()):
                self._drop(held.lease)
            self._threads.shutdown(wait=False)

    def stop(self) -> None:
        """Takes no more tasks."""
        if self._is_stopping:
            return
        self._is_stopping = True
        self._send(pb.WorkRequest(drain=pb.WorkerDrain()))
        self._end_if_done()

    async def _serve_stream(self, wire: Wire) -> CairnError | None:
        """One stream, from its Hello to its end; gives the error that it ended with."""
        self._stream = stream = WorkerStream(wire)
        self._coming = None
        beating: asyncio.Task[None] | None = None
        try:
            stream.send(pb.WorkRequest(hello=self._hello()))
            async for message in stream.messages():
                for lease in message.acked:
                    self._drop(lease)
                if message.WhichOneof("message") == "welcome":
                    self._begin(message.welcome)
                    beating = asyncio.ensure_future(self._beat(stream))
                else:
                    self._hear(message)
        except CairnError as error:
            return error
        finally:
            self._stream = None
            if beating is not None:
                beating.cancel()
        return None

    def _hello(self) -> pb.WorkerHello:
        return pb.WorkerHello(
            protocol_version=PROTOCOL_VERSION,
            worker_id=self._worker_id,
            session_id=self._session_id,
            nodes=list(self._nodes),
            slots=self._slots,
            held=[held.lease for held in self._held.values()],
            sdk=_SDK,
            pid=os.getpid(),
        )

    def _begin(self, welcome: pb.WorkerWelcome) -> None:
        self._welcome = welcome
        self._failures = 0
        self._on_ready()
        for held in self._held.values():
            self._tell_result(held)
        free = self._slots - len(self._running)
        if self._is_stopping:
            self._send(pb.WorkRequest(drain=pb.WorkerDrain()))
        elif free > 0:
            self._send(pb.WorkRequest(heartbeat=pb.WorkerHeartbeat(), credit=free))

    async def _beat(self, stream: WorkerStream) -> None:
        every = self._welcome.heartbeat.ToTimedelta().total_seconds()
        while True:
            await asyncio.sleep(every)
            stream.send(pb.WorkRequest(heartbeat=pb.WorkerHeartbeat()))

    def _hear(self, message: pb.WorkResponse) -> None:
        match message.WhichOneof("message"):
            case "task":
                self._coming = _Coming(message.task, bytearray(message.task.input.data))
                self._take_if_whole()
            case "chunk" if self._coming is not None:
                self._coming.data += message.chunk.data
                self._take_if_whole()
            case "cancel":
                self._drop(message.cancel.lease)
            case "evict":
                self._drop(message.evict.lease)
            case "draining":
                self._reconnect_after = message.draining.reconnect_after.ToTimedelta().total_seconds()

    def _take_if_whole(self) -> None:
        coming = self._coming
        if coming is None or len(coming.data) < coming.task.input.size_bytes:
            return
        self._coming = None
        known = self._held.get(_key(coming.task.lease))
        if known is not None:
            # Sent again: a server asks for what this process has already.
            self._tell_result(known)
            return
        held = _Held(coming.task.lease, threading.Event())
        self._held[_key(held.lease)] = held
        running = asyncio.ensure_future(self._run(coming.task, bytes(coming.data), held))
        self._running.add(running)

    async def _run(self, task: pb.Task, data: bytes, held: _Held) -> None:
        try:
            held.result = self._within_bounds(await self._result(task, data, held))
        finally:
            running = asyncio.current_task()
            assert running is not None
            self._running.discard(running)
        credit = 0 if self._is_stopping else 1
        if _key(held.lease) in self._held:
            self._tell_result(held, credit)
        elif credit > 0:
            # It was dropped meanwhile: its result is nobody's.
            self._send(pb.WorkRequest(heartbeat=pb.WorkerHeartbeat(), credit=credit))

    async def _result(self, task: pb.Task, data: bytes, held: _Held) -> Result:
        code = self._nodes.get(task.handler)
        if code is None:
            return Failed("LookupError", f"this worker serves no {task.handler}")
        cancelled = held.cancelled
        run = run_task(task, data, code, threads=self._threads, cancelled=cancelled, tell=self._progress_of(held))
        if not code.is_coroutine:
            return await run
        held.coroutine = asyncio.ensure_future(run)
        if cancelled.is_set():
            held.coroutine.cancel()
        try:
            return await held.coroutine
        except asyncio.CancelledError:
            # Cancelled before its first step. Or this very worker is being cancelled: nobody is told then.
            return Failed("CancelledError", "the task was cancelled")

    def _within_bounds(self, result: Result) -> Result:
        most = self._welcome.payload_bytes_max
        if isinstance(result, Failed) or len(result.payload) <= most:
            return result
        return Failed("ValueError", f"the result has {len(result.payload)} bytes; a server takes {most}")

    def _progress_of(self, held: _Held) -> Tell:
        def send(progress: pb.TaskProgress) -> None:
            if self._stream is not None and not held.cancelled.is_set():
                self._stream.send_progress(progress)

        def tell(progress: pb.TaskProgress) -> None:
            progress.lease.CopyFrom(held.lease)
            if threading.get_ident() == self._loop_thread:
                send(progress)
                return
            # A function in a thread tells no faster than the connection takes it; a coroutine can't wait here.
            while (stream := self._stream) is not None and stream.is_crowded:
                if held.cancelled.wait(CROWDED_SECONDS):
                    return
            with suppress(RuntimeError):  # The loop is closed: nobody is there to be told.
                self._loop.call_soon_threadsafe(send, progress)

        return tell

    def _tell_result(self, held: _Held, credit: int = 0) -> None:
        """Tells a result, if it is there, and with it that so many tasks more are taken."""
        stream, result, lease = self._stream, held.result, held.lease
        if stream is None or result is None:
            return
        chunk_bytes = self._welcome.chunk_bytes
        match result:
            case Completed(data):
                stream.send_payload(
                    data,
                    chunk_bytes,
                    credit,
                    lambda payload: pb.WorkRequest(complete=pb.TaskComplete(lease=lease, result=payload)),
                )
            case Asks(index, data):
                stream.send_payload(
                    data,
                    chunk_bytes,
                    credit,
                    lambda payload: pb.WorkRequest(
                        interrupt=pb.TaskInterrupt(lease=lease, index=index, question=payload)
                    ),
                )
            case Failed(kind, message, stack):
                fail = pb.TaskFail(lease=lease, kind=kind, message=message, stack=stack)
                stream.send(pb.WorkRequest(fail=fail, credit=credit))

    def _drop(self, lease: pb.TaskLease) -> None:
        held = self._held.pop(_key(lease), None)
        if held is not None and held.result is None:
            held.cancelled.set()
            if held.coroutine is not None:
                held.coroutine.cancel()
        self._end_if_done()

    def _end_if_done(self) -> None:
        if not self._is_stopping or self._held:
            return
        self._done.set()
        if self._stream is not None:
            self._stream.end()

    def _send(self, request: pb.WorkRequest) -> None:
        if self._stream is not None:
            self._stream.send(request)


def _key(lease: pb.TaskLease) -> _Key:
    return lease.thread_id, lease.task_id, lease.epoch


def _is_worth_another(error: CairnError) -> bool:
    """Lost connections, names that become free when leases are over, servers that are full or have a fault of their own."""
    return error.code not in _LASTING and error.reason not in ("WORKER_REPLACED", "CALL_ENDED")
