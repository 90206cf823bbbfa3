"""Makes the values of one put as short as they can be sent."""

from collections.abc import Iterable, Mapping
from zlib import crc32

from cairn import methods
from cairn._async.transport import AsyncTransport
from cairn.checkpoints.held_values import HELD_BYTES_MIN, HeldValues
from cairn.checkpoints.splice import splice_of
from cairn.checkpoints.upload import Upload
from cairn.v1.checkpoint_pb2 import Checkpoint, PendingWrite
from cairn.v1.checkpoint_service_pb2 import CheckpointWrites
from cairn.v1.value_pb2 import TypedValue, Value
from cairn.values.typed import Encoded, EncodedValue

_UPLOAD_BYTES_MIN = 1024 * 1024
"""Larger values are uploaded in chunks, ahead of the put that names them."""


class AsyncPutValues:
    """What changed in each channel's value since this client last put or read it, where that is less than the value."""

    def __init__(self, transport: AsyncTransport, held: HeldValues, thread_id: str, timeout: float | None) -> None:
        self._transport = transport
        self._held = held
        self._thread_id = thread_id
        self._timeout = timeout
        self.checksums: dict[str, int] = {}
        """Of the channels' values, where they had to be computed."""

    async def checkpoint(self, whole: Checkpoint, values: Mapping[str, Encoded], refs: Mapping[str, str]) -> Checkpoint:
        """The checkpoint with these channel values, and those that are references already."""
        sent = Checkpoint()
        sent.CopyFrom(whole)
        for channel, ref in refs.items():
            sent.channel_values[channel].ref = ref
        for channel, value in values.items():
            shortened = await self._shortened(whole.namespace, channel, value, self.checksums)
            sent.channel_values[channel].CopyFrom(shortened)
        return sent

    async def writes(self, group: CheckpointWrites) -> CheckpointWrites:
        """The writes, whose values are inline or references."""
        return CheckpointWrites(
            namespace=group.namespace,
            checkpoint_id=group.checkpoint_id,
            writes=await self._shortened_writes(group.namespace, group.writes),
        )

    async def _shortened_writes(self, namespace: str, writes: Iterable[PendingWrite]) -> list[PendingWrite]:
        sent = []
        for write in writes:
            if write.value.WhichOneof("source") == "inline" and len(write.value.inline.data) >= HELD_BYTES_MIN:
                value = await self._shortened(namespace, write.channel, write.value.inline, {})
                shortened = PendingWrite()
                shortened.CopyFrom(write)
                shortened.value.CopyFrom(value)
                sent.append(shortened)
            else:
                sent.append(write)
        return sent

    async def _shortened(self, namespace: str, channel: str, value: Encoded, checksums: dict[str, int]) -> Value:
        kind, data = value.type, value.data
        if len(data) < HELD_BYTES_MIN:
            return _inline(kind, data)
        held = self._held.of_channel(self._thread_id, namespace, channel)
        if held is not None and held.type == kind:
            if held.data == data:
                return Value(ref=held.ref)
            checksum = checksums[channel] = crc32(data)
            splice = splice_of(held.ref, held.data, data, checksum)
            if splice is not None:
                return Value(splice=splice)
        if len(data) < _UPLOAD_BYTES_MIN:
            return _inline(kind, data)
        upload = Upload(self._thread_id, EncodedValue(kind, data))
        response = await self._transport.client_stream(methods.PUT_VALUES, upload, self._timeout)
        return Value(ref=response.refs[0])


def _inline(kind: str, data: bytes) -> Value:
    return Value(inline=TypedValue(type=kind, data=data))
