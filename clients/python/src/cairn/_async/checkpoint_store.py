"""Putting and reading checkpoints, sending only what changed."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TypeVar

from cairn import methods
from cairn._async.fetch_values import fetch_values
from cairn._async.pages import pages
from cairn._async.put_values import AsyncPutValues
from cairn._async.transport import AsyncTransport
from cairn._async.wire import Result, Stream
from cairn.checkpoints.held_values import HeldValues
from cairn.checkpoints.read_checkpoint import CheckpointQuery, ReadCheckpoint
from cairn.errors import CairnError
from cairn.v1 import checkpoint_service_pb2 as pb
from cairn.v1.checkpoint_pb2 import Checkpoint
from cairn.v1.value_pb2 import ValueEntry
from cairn.values.typed import Encoded, EncodedValue

T = TypeVar("T")


class AsyncCheckpointStore:
    """Puts and reads checkpoints, for framework adapters.

    What server and client both hold is not sent again: a put sends what changed in each channel's value since this client
    last put or read it, a read asks for what it does not hold. Values of any size up to the server's limit pass, in chunks
    where they are large.
    """

    def __init__(self, transport: AsyncTransport, held: HeldValues) -> None:
        self._transport = transport
        self._held = held

    async def put(
        self,
        checkpoint: Checkpoint,
        values: Mapping[str, Encoded],
        *,
        refs: Mapping[str, str] = MappingProxyType({}),
        writes: Sequence[pb.CheckpointWrites] = (),
        on_conflict: pb.OnConflict.ValueType = pb.ON_CONFLICT_UNSPECIFIED,
        expected_head: pb.ExpectedHead | None = None,
        request_id: str = "",
        timeout: float | None = None,
    ) -> pb.PutCheckpointResponse:
        """Saves a checkpoint with the values of its channels, and any writes given beside it.

        `refs`: of other channels, the references of the values that they hold. Raises what PutCheckpoint does. A base that
        the server does not have any more is no error: the values are then sent whole.
        """
        thread_id, namespace = checkpoint.thread_id, checkpoint.namespace
        checksums: dict[str, int] = {}

        async def send(shortening: AsyncPutValues) -> pb.PutCheckpointResponse:
            request = pb.PutCheckpointRequest(
                checkpoint=await shortening.checkpoint(checkpoint, values, refs),
                writes=[await shortening.writes(group) for group in writes],
                on_conflict=on_conflict,
                expected_head=expected_head,
                request_id=request_id,
            )
            checksums.update(shortening.checksums)
            return await self._transport.unary(methods.PUT_CHECKPOINT, request, timeout)

        response = await self._sending(thread_id, timeout, send)
        for channel, ref in response.value_refs.items():
            value = values.get(channel)
            if value is not None:
                self._held.hold(thread_id, ref, value, checksums.get(channel))
            self._held.set_channel(thread_id, namespace, channel, ref)
        return response

    async def put_writes(
        self, thread_id: str, writes: pb.CheckpointWrites, *, request_id: str = "", timeout: float | None = None
    ) -> None:
        """Saves writes of a task against a checkpoint. Raises what PutWrites does."""

        async def send(shortening: AsyncPutValues) -> pb.PutWritesResponse:
            sent = await shortening.writes(writes)
            request = pb.PutWritesRequest(thread_id=thread_id, writes=sent, request_id=request_id)
            return await self._transport.unary(methods.PUT_WRITES, request, timeout)

        await self._sending(thread_id, timeout, send)

    async def get(
        self,
        thread_id: str,
        *,
        namespace: str = "",
        checkpoint_id: str | None = None,
        order: pb.CheckpointOrder.ValueType = pb.CHECKPOINT_ORDER_UNSPECIFIED,
        timeout: float | None = None,
    ) -> ReadCheckpoint:
        """Reads a checkpoint, by default the latest of the root namespace, with all its values. Raises NOT_FOUND."""
        request = pb.GetCheckpointRequest(
            thread_id=thread_id,
            namespace=namespace,
            checkpoint_id=checkpoint_id,
            order=order,
            held_refs=self._held.refs(thread_id),
        )
        response = await self._transport.unary(methods.GET_CHECKPOINT, request, timeout)
        values = await self._resolve(thread_id, response.values, timeout)
        found = ReadCheckpoint(response.entry.checkpoint, response.entry.writes, values)
        # The next put is likely to change what has just been read.
        for channel, value in found.checkpoint.channel_values.items():
            self._held.set_channel(thread_id, namespace, channel, value.ref)
        return found

    def list(
        self,
        thread_id: str | None = None,
        query: CheckpointQuery | None = None,
        *,
        page_size: int = 0,
        timeout: float | None = None,
    ) -> Stream[ReadCheckpoint]:
        """Checkpoints of a thread, newest first, with all their values; of every thread, by thread, without one.

        Pages are fetched as the loop needs them.
        """

        async def fetch(token: str) -> tuple[Sequence[ReadCheckpoint], str]:
            request = pb.ListCheckpointsRequest(
                **_list_fields(query),
                thread_id=thread_id,
                page_size=page_size,
                page_token=token,
                held_refs=[] if thread_id is None else self._held.refs(thread_id),
            )
            page = await self._transport.unary(methods.LIST_CHECKPOINTS, request, timeout)
            tables = {
                thread: await self._resolve(thread, table.values, timeout) for thread, table in page.tables.items()
            }
            found = [
                ReadCheckpoint(entry.checkpoint, entry.writes, tables.get(entry.checkpoint.thread_id, {}))
                for entry in page.entries
            ]
            return found, page.next_page_token

        return pages(fetch)

    async def channel_history(
        self,
        thread_id: str,
        channels: Iterable[str],
        *,
        namespace: str = "",
        checkpoint_id: str | None = None,
        timeout: float | None = None,
    ) -> tuple[Mapping[str, pb.ChannelHistory], Mapping[str, EncodedValue]]:
        """What delta channels of a checkpoint are rebuilt from, by channel, and the values that it refers to.

        Raises NOT_FOUND.
        """
        name = pb.CheckpointName(thread_id=thread_id, namespace=namespace, checkpoint_id=checkpoint_id)
        request = pb.GetChannelHistoryRequest(name=name, channels=channels)
        response = await self._transport.unary(methods.GET_CHANNEL_HISTORY, request, timeout)
        return response.channels, await self._resolve(thread_id, response.values, timeout)

    async def _sending(self, thread_id: str, timeout: float | None, send: Callable[[AsyncPutValues], Result[T]]) -> T:
        """Sends what changed; and everything whole if the server does not hold what was thought."""
        try:
            return await send(AsyncPutValues(self._transport, self._held, thread_id, timeout))
        except CairnError as error:
            if error.reason not in ("VALUE_NOT_FOUND", "VALUE_CHECKSUM"):
                raise
        self._held.forget(thread_id)
        return await send(AsyncPutValues(self._transport, self._held, thread_id, timeout))

    async def _resolve(
        self, thread_id: str, entries: Iterable[ValueEntry], timeout: float | None
    ) -> dict[str, EncodedValue]:
        """The values of a table: those that came, those that are held, and those that were too much for one message."""
        values: dict[str, EncodedValue] = {}
        missing: dict[str, ValueEntry] = {}
        for entry in entries:
            value = self._held.resolve(thread_id, entry)
            if value is None:
                missing[entry.ref] = entry
            else:
                values[entry.ref] = value
        if missing:
            for ref, value in (await fetch_values(self._transport, thread_id, missing, timeout)).items():
                self._held.hold(thread_id, ref, value, missing[ref].crc32)
                values[ref] = value
        return values


def _list_fields(query: CheckpointQuery | None) -> dict[str, Any]:
    return {} if query is None else query.fields()
