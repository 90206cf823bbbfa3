# Generated of _async/threads.py by scripts/generate.py.
"""The threads of a space."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from cairn import methods
from cairn._sync.pages import pages
from cairn._sync.transport import Transport
from cairn._sync.wire import Stream
from cairn.checkpoints.upload import CHUNK_BYTES
from cairn.names import value_named
from cairn.run_options import metadata_bytes
from cairn.thread_info import ThreadInfo, ThreadStatusName, to_duration, to_thread_info
from cairn.v1 import thread_service_pb2 as pb
from cairn.v1.checkpoint_service_pb2 import MetadataFilter
from cairn.values.json import encode_json


class Threads:
    """Finding, creating and moving the threads of a space."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def list(
        self,
        *,
        status: ThreadStatusName | None = None,
        metadata: Mapping[str, object] | None = None,
        page_size: int = 0,
        timeout: float | None = None,
    ) -> Stream[ThreadInfo]:
        """The threads, the one created last first; only those with this status, and whose metadata have all of these at
        their top level (at most 16). May trail them by a moment. `page_size`: 50 when 0, at most 500."""
        filters = [
            MetadataFilter(key=key, equals_json=encode_json(value, ("metadata", key)))
            for key, value in (metadata or {}).items()
        ]

        def fetch(token: str) -> tuple[Any, str]:
            request = pb.ListThreadsRequest(
                status=value_named(pb.ThreadStatus, "status", status),
                filters=filters,
                page_size=page_size,
                page_token=token,
            )
            page = self._transport.unary(methods.LIST_THREADS, request, timeout)
            return [to_thread_info(thread) for thread in page.threads], page.next_page_token

        return pages(fetch)

    def create(
        self,
        thread_id: str = "",
        *,
        metadata: Mapping[str, object] | None = None,
        ttl: timedelta | float | None = None,
        request_id: str = "",
        timeout: float | None = None,
    ) -> ThreadInfo:
        """Creates a thread; without an id the server makes one. A run with a new thread id creates one as well.

        `metadata`: anything JSON can hold, at most 64 KiB. `ttl`: how long it lives after its last change, in seconds or as
        a timedelta; None: for ever. Raises ALREADY_EXISTS (THREAD_EXISTS).
        """
        request = pb.CreateThreadRequest(
            thread_id=thread_id,
            metadata=metadata_bytes(metadata or {}),
            ttl=to_duration(ttl),
            request_id=request_id,
        )
        return to_thread_info((self._transport.unary(methods.CREATE_THREAD, request, timeout)).thread)

    def export(self, thread_id: str, *, timeout: float | None = None) -> Stream[bytes]:
        """A thread with its whole history as a file, in chunks. One that has not come to its end is no file.

        Raises NOT_FOUND (THREAD_NOT_FOUND), ABORTED (THREAD_BUSY) when older checkpoints are removed or replaced meanwhile.
        """
        request = pb.ExportThreadRequest(thread_id=thread_id)
        for response in self._transport.server_stream(methods.EXPORT_THREAD, request, timeout):
            yield response.data

    def import_(
        self, chunks: Iterable[bytes], *, thread_id: str = "", timeout: float | None = None
    ) -> tuple[ThreadInfo, int]:
        """Makes a thread of what `export` gave, here or on another server: whole, or not at all. Gives the thread, and how
        many records it was made of. Is not tried again by itself. `thread_id`: by default the one that it had.

        Raises ALREADY_EXISTS (THREAD_EXISTS), INVALID_ARGUMENT for a file that is damaged or truncated,
        FAILED_PRECONDITION (LAYOUT_TOO_NEW) for one that a newer Cairn wrote.
        """
        requests = _import_requests(chunks, thread_id)
        response = self._transport.client_stream(methods.IMPORT_THREAD, requests, timeout)
        return to_thread_info(response.thread), response.records


def _import_requests(chunks: Iterable[bytes], thread_id: str) -> Iterator[pb.ImportThreadRequest]:
    yield pb.ImportThreadRequest(thread_id=thread_id)
    for chunk in chunks:
        for at in range(0, len(chunk), CHUNK_BYTES):
            yield pb.ImportThreadRequest(data=chunk[at : at + CHUNK_BYTES])
