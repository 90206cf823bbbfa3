"""LangGraph's checkpointer on Cairn."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal
from weakref import WeakKeyDictionary

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
)
from langgraph.checkpoint.serde.base import SerializerProtocol
from typing_extensions import Self, Unpack

from cairn._async.langgraph import AsyncSaverCalls
from cairn._async.transport import AsyncTransport
from cairn._sync.langgraph import SaverCalls
from cairn._sync.transport import Transport
from cairn.checkpoints.held_values import HeldValues
from cairn.langgraph.memory import SaverMemory
from cairn.options import DEFAULT_ADDRESS, ConnectArguments, ConnectOptions


class CairnSaver(BaseCheckpointSaver[Any]):
    """Keeps LangGraph's checkpoints in a Cairn server: `builder.compile(checkpointer=CairnSaver("localhost:50051"))`.

    Every method comes with and without asyncio; one saver serves both, any number of threads, and one event loop after the
    other. Nothing is sent yet: the first call connects. Close it when done, or use it in a `with` block.

    `concurrent_runs` says what happens when two runs go on at once from the same checkpoint of one thread: with "refuse"
    the one that saves later fails with a `CairnError` (ABORTED, HEAD_MISMATCH), as its thread has moved on; with "fork"
    both are saved, as LangGraph's own savers do, and the thread stands where the later one ended. Forks that were meant,
    from a checkpoint that was named by its id, are never refused.

    Values are what LangGraph's serializer (`serde`) makes of them; the server keeps them as they are.
    `cairn.ConnectOptions` has the other options. Methods raise `CairnError`.
    """

    def __init__(
        self,
        address: str = DEFAULT_ADDRESS,
        *,
        serde: SerializerProtocol | None = None,
        concurrent_runs: Literal["refuse", "fork"] = "refuse",
        **options: Unpack[ConnectArguments],
    ) -> None:
        super().__init__(serde=serde)
        if concurrent_runs not in ("refuse", "fork"):
            raise ValueError(f"concurrent_runs is 'refuse' or 'fork', not {concurrent_runs!r}")
        self._address = address
        self._options = ConnectOptions(**options)
        self._memory = SaverMemory(
            held=HeldValues(self._options.held_bytes_max), refuses_second_run=concurrent_runs == "refuse"
        )
        self._calls = SaverCalls(Transport(address, self._options), self._memory)
        # gRPC's channels for asyncio belong to the loop in which they were made.
        self._async_calls: WeakKeyDictionary[asyncio.AbstractEventLoop, AsyncSaverCalls] = WeakKeyDictionary()

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint that a config names, or the one that its thread saved last; None if there is none."""
        return self._calls.get_tuple(self.serde, config)

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Checkpoints, newest first: of a thread, of a namespace of it, or of all threads.

        `filter`: only those whose metadata have all of these at their top level, compared as JSON; at most 16, and nothing
        in them is an operator. `before`: only those with lower ids. Pages are fetched as the loop needs them.
        """
        return self._calls.list(self.serde, config, filter, before, limit)

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Saves a checkpoint; the config names its parent. Gives the config that names it.

        All values are kept, not those of `new_versions` only; what has not changed since the parent is not sent.
        """
        return self._calls.put(self.serde, config, checkpoint, metadata)

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Saves a task's writes. Of ordinary writes the first is kept, of control writes the last, each by itself."""
        self._calls.put_writes(self.serde, config, writes, task_id, task_path)

    def delete_thread(self, thread_id: str) -> None:
        """Deletes a thread with everything in it. One that does not exist is a success."""
        self._calls.delete_thread(thread_id)

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Deletes the checkpoints that these runs made, with their writes. What delta channels of later ones are rebuilt
        from goes as well, as LangGraph says of it."""
        self._calls.delete_for_runs(run_ids)

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copies a thread with its whole history. Raises ALREADY_EXISTS, NOT_FOUND."""
        self._calls.copy_thread(source_thread_id, target_thread_id)

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Leaves the latest checkpoint of each namespace, and what its delta channels are rebuilt from; with "delete"
        nothing. Threads that do not exist are a success."""
        self._calls.prune(thread_ids, strategy)

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """What delta channels are rebuilt from, in one call to the server."""
        return self._calls.get_delta_channel_history(self.serde, config, channels)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """As `get_tuple`."""
        return await self._acalls.get_tuple(self.serde, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """As `list`."""
        async for found in self._acalls.list(self.serde, config, filter, before, limit):
            yield found

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """As `put`."""
        return await self._acalls.put(self.serde, config, checkpoint, metadata)

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """As `put_writes`."""
        await self._acalls.put_writes(self.serde, config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """As `delete_thread`."""
        await self._acalls.delete_thread(thread_id)

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """As `delete_for_runs`."""
        await self._acalls.delete_for_runs(run_ids)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """As `copy_thread`."""
        await self._acalls.copy_thread(source_thread_id, target_thread_id)

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """As `prune`."""
        await self._acalls.prune(thread_ids, strategy)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """As `get_delta_channel_history`."""
        return await self._acalls.get_delta_channel_history(self.serde, config, channels)

    def get_next_version(self, current: str | float | None, channel: None) -> str | int | float:
        """The version after this one: whole numbers, or what the thread has, so that those of other savers go on."""
        if isinstance(current, str):
            return f"{int(current.split('.')[0]) + 1:032}.{random.random():016}"
        return 1 if current is None else current + 1

    def close(self) -> None:
        """Closes the connection. Those that were made for asyncio are closed by `aclose`, in their loops."""
        self._calls.close()

    async def aclose(self) -> None:
        """Closes the connection, and that of this event loop."""
        calls = self._async_calls.pop(asyncio.get_running_loop(), None)
        if calls is not None:
            await calls.close()
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def _acalls(self) -> AsyncSaverCalls:
        """The calls of the event loop that is running."""
        loop = asyncio.get_running_loop()
        calls = self._async_calls.get(loop)
        if calls is None:
            calls = AsyncSaverCalls(AsyncTransport(self._address, self._options), self._memory)
            self._async_calls[loop] = calls
        return calls
