"""One thread of work."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp
from typing_extensions import Unpack

from cairn import methods
from cairn._async.events import follow_events
from cairn._async.pages import pages
from cairn._async.transport import AsyncTransport
from cairn._async.wire import Stream
from cairn.errors import CairnError
from cairn.event_query import EventQuery, StreamModeName
from cairn.events import Event
from cairn.run_options import (
    AnswersById,
    NodeUpdate,
    OnBusyName,
    RunArguments,
    metadata_bytes,
    resume_request,
    to_input,
    to_on_busy,
    to_run_options,
    to_supersteps,
)
from cairn.state import RunOutcome, ThreadState, to_outcome, to_state
from cairn.thread_info import RunInfo, ThreadInfo, to_duration, to_run_info, to_thread_info
from cairn.v1 import run_service_pb2 as pb
from cairn.v1 import thread_service_pb2 as thread_pb
from cairn.values.typed import Encoding


class AsyncThread:
    """One thread of work. Calls that drive it raise ABORTED (THREAD_BUSY) while another run holds it, NOT_FOUND for a
    graph, checkpoint, node or channel that isn't there, and FAILED_PRECONDITION when its state does not allow them.

    All calls take a `timeout` in seconds. Those that change something take a `request_id`, which makes a retry return the
    first answer for 24 hours; without one, each call has a random one, which its own attempts share. `encoding` is how
    values are sent: "msgpack" or "json".
    """

    def __init__(self, transport: AsyncTransport, thread_id: str) -> None:
        self.id = thread_id
        self._transport = transport

    async def run(
        self,
        input: Mapping[str, object] | None = None,
        *,
        on_busy: OnBusyName | None = None,
        background: bool = False,
        encoding: Encoding = "msgpack",
        request_id: str = "",
        timeout: float | None = None,
        **options: Unpack[RunArguments],
    ) -> RunOutcome:
        """Runs until the next stop: done, a question, a breakpoint or a failure; the last three are outcomes, too.

        With an input begins a new turn; without goes on where the thread stands. An empty input is an input. With
        `background` returns at once, "running" or "queued"; `wait_for_run` and the events tell how it goes on.
        """
        request = pb.RunRequest(
            thread_id=self.id,
            input=to_input(input, encoding),
            options=to_run_options(options),
            on_busy=to_on_busy(on_busy),
            background=background,
            request_id=request_id,
        )
        return to_outcome((await self._transport.unary(methods.RUN, request, timeout)).outcome)

    async def step(
        self,
        input: Mapping[str, object] | None = None,
        *,
        encoding: Encoding = "msgpack",
        request_id: str = "",
        timeout: float | None = None,
        **options: Unpack[RunArguments],
    ) -> RunOutcome:
        """Runs one superstep, after applying the input if there is one. "done" when nothing was due, else "paused"."""
        request = pb.RunStepRequest(
            thread_id=self.id,
            input=to_input(input, encoding),
            options=to_run_options(options),
            request_id=request_id,
        )
        return to_outcome((await self._transport.unary(methods.RUN_STEP, request, timeout)).outcome)

    async def resume(
        self,
        answer: object | AnswersById,
        *,
        background: bool = False,
        encoding: Encoding = "msgpack",
        request_id: str = "",
        timeout: float | None = None,
        **options: Unpack[RunArguments],
    ) -> RunOutcome:
        """Answers the only open question with any value, or several with `by_id({id: answer})`, and runs until the next
        stop. Raises FAILED_PRECONDITION: NOTHING_TO_RESUME, INTERRUPT_NOT_FOUND, AMBIGUOUS_RESUME (several are open)."""
        request = resume_request(
            answer,
            encoding,
            thread_id=self.id,
            options=to_run_options(options),
            background=background,
            request_id=request_id,
        )
        return to_outcome((await self._transport.unary(methods.RESUME, request, timeout)).outcome)

    async def update_state(
        self,
        values: Mapping[str, object] | None,
        *,
        as_node: str = "",
        checkpoint_id: str = "",
        graph: str = "",
        namespace: str = "",
        expected_head: str = "",
        channel_mapping: Mapping[str, str] | None = None,
        encoding: Encoding = "msgpack",
        request_id: str = "",
        timeout: float | None = None,
    ) -> ThreadState:
        """Writes to the state as a node would have, and saves a checkpoint. Returns the state as it is now.

        `as_node`: what follows it runs next; by default the one that wrote last. `checkpoint_id`: an older one makes a
        fork. `expected_head`: refuse the update (ABORTED, HEAD_MISMATCH) unless this is the head's id. `channel_mapping`:
        forks a checkpoint that another framework has written into `graph`, each channel of which begins with the value
        of that channel of the checkpoint's.
        """
        request = pb.UpdateStateRequest(
            thread_id=self.id,
            values=to_input(values, encoding),
            as_node=as_node,
            checkpoint_id=checkpoint_id,
            graph_name=graph,
            namespace=namespace,
            expected_head=expected_head,
            channel_mapping=channel_mapping,
            request_id=request_id,
        )
        return to_state((await self._transport.unary(methods.UPDATE_STATE, request, timeout)).state)

    async def bulk_update_state(
        self,
        supersteps: Sequence[Sequence[NodeUpdate]],
        *,
        graph: str = "",
        encoding: Encoding = "msgpack",
        request_id: str = "",
        timeout: float | None = None,
    ) -> ThreadState:
        """Applies several supersteps of updates, each of which saves a checkpoint. Returns the state as it is now.

        When another writer comes in between, what was applied before stays, and this raises ABORTED (HEAD_MISMATCH).
        """
        request = pb.BulkUpdateStateRequest(
            thread_id=self.id,
            supersteps=to_supersteps(supersteps, encoding),
            graph_name=graph,
            request_id=request_id,
        )
        return to_state((await self._transport.unary(methods.BULK_UPDATE_STATE, request, timeout)).state)

    async def fork(
        self,
        checkpoint_id: str,
        values: Mapping[str, object] | None = None,
        *,
        as_node: str = "",
        graph: str = "",
        channel_mapping: Mapping[str, str] | None = None,
        encoding: Encoding = "msgpack",
        request_id: str = "",
        timeout: float | None = None,
    ) -> ThreadState:
        """Makes a checkpoint of the past the starting point of what comes next, changed by `values` if given.

        The new checkpoint is the head; everything that came after the old one stays in the history. `run()` goes on from it.
        `graph` and `channel_mapping` as of `update_state`.
        """
        return await self.update_state(
            values,
            as_node=as_node,
            checkpoint_id=checkpoint_id,
            graph=graph,
            channel_mapping=channel_mapping,
            encoding=encoding,
            request_id=request_id,
            timeout=timeout,
        )

    async def state(self, *, checkpoint_id: str = "", namespace: str = "", timeout: float | None = None) -> ThreadState:
        """Reads the state at the head or at a checkpoint. Raises NOT_FOUND."""
        request = pb.GetStateRequest(thread_id=self.id, namespace=namespace, checkpoint_id=checkpoint_id)
        return to_state((await self._transport.unary(methods.GET_STATE, request, timeout)).state)

    def history(self, *, namespace: str = "", page_size: int = 0, timeout: float | None = None) -> Stream[ThreadState]:
        """The states of the thread's checkpoints, newest first; pages are fetched as the loop needs them."""

        async def fetch(token: str) -> tuple[Sequence[ThreadState], str]:
            request = pb.GetStateHistoryRequest(
                thread_id=self.id, namespace=namespace, page_size=page_size, page_token=token
            )
            page = await self._transport.unary(methods.GET_STATE_HISTORY, request, timeout)
            return [to_state(state) for state in page.states], page.next_page_token

        return pages(fetch)

    def events(
        self,
        *,
        after: int | None = None,
        modes: Sequence[StreamModeName] = (),
        namespace: str | None = None,
        depth: int | None = None,
        until_now: bool = False,
        until_run_stops: str = "",
        until_stop: bool = False,
        values: bool = True,
        timeout: float | None = None,
    ) -> Stream[Event]:
        """The thread's events, in order, each once. A broken connection is resumed where it broke.

        `after`: events with a greater number; 0: from the oldest kept; None: from now on. `modes`: views; everything
        without. `namespace`: only this one ("" is the root graph) and so many levels below it as `depth` says; all without.
        `values=False` leaves `ValueRef`s in place of the values. Ends by itself only when told to: at the log's present end
        (`until_now`), after a run (`until_run_stops`: its id) or any run (`until_stop`) stops, or with DEADLINE_EXCEEDED
        after `timeout` seconds in all.

        Raises NOT_FOUND for a thread that does not exist and OUT_OF_RANGE for an `after` that is pruned (EVENTS_PRUNED) or
        not reached yet (EVENTS_AHEAD).
        """
        query = EventQuery(
            thread_id=self.id,
            modes=modes,
            namespace=namespace,
            depth=depth,
            until_now=until_now,
            until_run_stops=until_run_stops,
            until_stop=until_stop,
            values=values,
        )
        return follow_events(self._transport, query, after, timeout)

    async def run_info(self, run_id: str, *, timeout: float | None = None) -> RunInfo:
        """Reads what the server knows of a run. Raises NOT_FOUND (RUN_NOT_FOUND)."""
        request = pb.GetRunRequest(thread_id=self.id, run_id=run_id)
        return to_run_info((await self._transport.unary(methods.GET_RUN, request, timeout)).run)

    async def wait_for_run(self, run_id: str, *, timeout: float | None = None) -> RunInfo:
        """Waits until a run has stopped, as long as runs may take. A lost connection is taken up again."""
        seconds = self._transport.options.run_timeout if timeout is None else timeout
        request = pb.GetRunRequest(thread_id=self.id, run_id=run_id, wait=True)
        return to_run_info((await self._transport.unary(methods.GET_RUN, request, seconds)).run)

    def runs(self, *, page_size: int = 0, timeout: float | None = None) -> Stream[RunInfo]:
        """The thread's runs, newest first; pages are fetched as the loop needs them."""

        async def fetch(token: str) -> tuple[Sequence[RunInfo], str]:
            request = pb.ListRunsRequest(thread_id=self.id, page_size=page_size, page_token=token)
            page = await self._transport.unary(methods.LIST_RUNS, request, timeout)
            return [to_run_info(run) for run in page.runs], page.next_page_token

        return pages(fetch)

    async def cancel(self, run_id: str, *, graceful: bool = False, timeout: float | None = None) -> RunInfo:
        """Cancels a run that is going or waits for its turn; `graceful`: when the superstep that is going has ended.

        Returns how it stands: one that had stopped stays as it was.
        """
        request = pb.CancelRunRequest(thread_id=self.id, run_id=run_id, graceful=graceful)
        return to_run_info((await self._transport.unary(methods.CANCEL_RUN, request, timeout)).run)

    async def info(self, *, timeout: float | None = None) -> ThreadInfo:
        """Reads what the server knows of the thread. Raises NOT_FOUND."""
        request = thread_pb.GetThreadRequest(thread_id=self.id)
        return to_thread_info((await self._transport.unary(methods.GET_THREAD, request, timeout)).thread)

    async def ensure(self, metadata: Mapping[str, object] | None = None, *, timeout: float | None = None) -> bool:
        """Creates the thread if there is none. Returns whether it was created. Metadata of an existing one stay."""
        request = thread_pb.CreateThreadRequest(thread_id=self.id, metadata=metadata_bytes(metadata or {}))
        try:
            await self._transport.unary(methods.CREATE_THREAD, request, timeout)
        except CairnError as error:
            if error.code is grpc.StatusCode.ALREADY_EXISTS:
                return False
            raise
        return True

    async def copy(self, new_id: str = "", *, request_id: str = "", timeout: float | None = None) -> "AsyncThread":
        """Copies the thread, as it is now, with its whole history to a new one that shares nothing with it.

        Without an id the server makes one. Raises NOT_FOUND, ALREADY_EXISTS (THREAD_EXISTS).
        """
        request = thread_pb.CopyThreadRequest(thread_id=self.id, new_thread_id=new_id, request_id=request_id)
        response = await self._transport.unary(methods.COPY_THREAD, request, timeout)
        return AsyncThread(self._transport, response.thread.id)

    async def prune(
        self, *, keep: int, older_than: datetime | None = None, request_id: str = "", timeout: float | None = None
    ) -> int:
        """Removes old checkpoints, and the events up to the last of them; what those that stay need stays.

        Leaves `keep` (at least 1) of each namespace, newest first, and those put since `older_than` (a time with its zone).
        Returns how many were removed. Raises NOT_FOUND, ABORTED (THREAD_BUSY).
        """
        request = thread_pb.PruneThreadsRequest(
            thread_ids=[self.id], keep=keep, older_than=_timestamp(older_than), request_id=request_id
        )
        return (await self._transport.unary(methods.PRUNE_THREADS, request, timeout)).pruned_checkpoints

    async def set_ttl(
        self, ttl: timedelta | float | None, *, request_id: str = "", timeout: float | None = None
    ) -> ThreadInfo:
        """Says how long the thread lives after its last change, of which this is one: seconds or a timedelta; None: for
        ever. Once it is over it is deleted, unless a run is going. Raises NOT_FOUND."""
        duration = to_duration(0.0 if ttl is None else ttl)
        request = thread_pb.UpdateThreadRequest(thread_id=self.id, ttl=duration, request_id=request_id)
        return to_thread_info((await self._transport.unary(methods.UPDATE_THREAD, request, timeout)).thread)

    async def delete(self, *, request_id: str = "", timeout: float | None = None) -> bool:
        """Deletes the thread with everything in it; ends a run that is going. Returns whether there was one."""
        request = thread_pb.DeleteThreadRequest(thread_id=self.id, request_id=request_id)
        return (await self._transport.unary(methods.DELETE_THREAD, request, timeout)).existed


def _timestamp(time: datetime | None) -> Any:
    if time is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(time)
    return timestamp
