"""The values that a stream of events refers to."""

from collections.abc import Iterable

from cairn._async.fetch_values import fetch_values
from cairn._async.transport import AsyncTransport
from cairn.checkpoints.byte_cache import ByteCache
from cairn.v1.value_pb2 import Value, ValueEntry
from cairn.values.typed import EncodedValue

_KEPT_BYTES_MAX = 64 * 1024 * 1024
"""How many bytes of values a stream keeps at hand. What is dropped is fetched again if an event needs it."""


class AsyncValueTable:
    """The server sends each reference once a stream, so those that a later event may need are kept, up to a bound."""

    def __init__(self, transport: AsyncTransport, thread_id: str) -> None:
        self._transport = transport
        self._thread_id = thread_id
        self._kept: ByteCache[str, EncodedValue] = ByteCache(
            _KEPT_BYTES_MAX, lambda value: len(value.data), lambda ref: None
        )

    async def resolve(self, needed: Iterable[Value], received: Iterable[ValueEntry]) -> dict[str, EncodedValue]:
        """Takes in what came with an event, and gives every value that the event refers to."""
        came = {
            entry.ref: EncodedValue(entry.value.type, entry.value.data) for entry in received if entry.HasField("value")
        }
        for ref, value in came.items():
            self._kept.put(ref, value)
        found: dict[str, EncodedValue] = {}
        missing: dict[str, None] = {}
        for value_ref in needed:
            if value_ref.WhichOneof("source") != "ref":
                continue
            ref = value_ref.ref
            kept = came.get(ref) or self._kept.get(ref)
            if kept is None:
                missing[ref] = None
            else:
                found[ref] = kept
        if missing:
            for ref, value in (await fetch_values(self._transport, self._thread_id, missing)).items():
                found[ref] = value
                self._kept.put(ref, value)
        return found
