"""Values in chunks, up and down."""

from collections.abc import Iterator
from zlib import crc32

from cairn.errors import value_damaged
from cairn.v1 import checkpoint_service_pb2 as pb
from cairn.v1.value_pb2 import ValueEntry
from cairn.values.typed import Encoded, EncodedValue

CHUNK_BYTES = 1024 * 1024
"""What a message of an upload carries."""


class Upload:
    """The messages that upload one value. May be gone through again, which a retry does."""

    def __init__(self, thread_id: str, value: Encoded) -> None:
        self._thread_id = thread_id
        self._value = value

    def __iter__(self) -> Iterator[pb.PutValuesRequest]:
        data = self._value.data
        yield pb.PutValuesRequest(
            header=pb.UploadHeader(
                thread_id=self._thread_id, type=self._value.type, size_bytes=len(data), crc32=crc32(data)
            )
        )
        for at in range(0, len(data), CHUNK_BYTES):
            yield pb.PutValuesRequest(chunk=data[at : at + CHUNK_BYTES])


class Download:
    """Puts together values that come in chunks, and checks each by its checksum. Raises DATA_LOSS (VALUE_CHECKSUM)."""

    def __init__(self) -> None:
        self.values: dict[str, EncodedValue] = {}
        """Reference to value, of those that are whole."""
        self._entry: ValueEntry | None = None
        self._chunks: list[bytes] = []
        self._missing = 0

    def add(self, response: pb.GetValuesResponse) -> None:
        """Takes in the next message."""
        if response.HasField("entry"):
            self.finish()
            self._entry, self._chunks, self._missing = response.entry, [], response.entry.size_bytes
        elif self._entry is not None:
            self._chunks.append(response.chunk)
            self._missing -= len(response.chunk)
            if self._missing < 0:
                raise value_damaged(self._entry.ref)

    def finish(self) -> None:
        """The value begun last has come to its end."""
        if self._entry is None:
            return
        data = b"".join(self._chunks)
        if self._missing != 0 or crc32(data) != self._entry.crc32:
            raise value_damaged(self._entry.ref)
        self.values[self._entry.ref] = EncodedValue(self._entry.value.type, data)
        self._entry = None
