# Generated of _async/events.py by scripts/generate.py.
"""Following a thread's events over as many streams as it takes."""

import math
import time
from contextlib import closing
from typing import Any

import grpc

from cairn import methods
from cairn._sync.transport import Transport
from cairn._sync.value_table import ValueTable
from cairn._sync.wire import Stream
from cairn.errors import CairnError
from cairn.event_cursor import EventCursor
from cairn.event_query import EventQuery
from cairn.events import Event, ValueRef, to_event, values_of
from cairn.v1.run_service_pb2 import StreamEventsResponse
from cairn.v1.thread_service_pb2 import GetThreadRequest
from cairn.v1.value_pb2 import Value
from cairn.values.typed import EncodedValue, decode


def follow_events(transport: Transport, query: EventQuery, after: int | None, timeout: float | None) -> Stream[Event]:
    """Remembers the last event given, asks for what comes after it when a stream breaks, and drops what a server sends
    twice. Gives up when `streams_max` streams in a row bring nothing, and at once on errors that another attempt would
    meet again."""
    ends_at = math.inf if timeout is None else time.monotonic() + timeout
    cursor = EventCursor(_now(transport, query.thread_id) if after is None else after)
    failures = 0
    while True:
        stream_ends_at = min(ends_at, time.monotonic() + transport.options.run_timeout)
        stream = _one_stream(transport, query, cursor, stream_ends_at)
        try:
            with closing(stream):
                for event in stream:
                    failures = 0
                    yield event
                    if query.is_last(event):
                        return
            if query.until_now:
                return
            # A stream that ended well without reason to is one that its server closed: the next server has more.
            error = CairnError(grpc.StatusCode.UNAVAILABLE, "the server ended the stream")
        except CairnError as broken:
            # Each stream has a deadline of its own, so that no call is for ever; a quiet thread just takes another.
            is_deadline = broken.code is grpc.StatusCode.DEADLINE_EXCEEDED
            if is_deadline and stream_ends_at <= time.monotonic() < ends_at:
                continue
            error = broken
        failures += 1
        transport.pause(error, failures, ends_at, attempts_max=transport.options.retry.streams_max)


def _now(transport: Transport, thread_id: str) -> int:
    """ "From now on" as a number, so that what happens while a first stream breaks isn't lost."""
    response = transport.unary(methods.GET_THREAD, GetThreadRequest(thread_id=thread_id))
    return response.thread.last_event_number


def _one_stream(transport: Transport, query: EventQuery, cursor: EventCursor, ends_at: float) -> Stream[Event]:
    table = ValueTable(transport, query.thread_id) if query.values else None
    request = query.request(cursor.after)
    responses = transport.server_stream(methods.STREAM_EVENTS, request, ends_at - time.monotonic())
    with closing(responses):
        for response in responses:
            event = _event_of(response, table)
            if cursor.accept(response.event):
                yield event


def _event_of(response: StreamEventsResponse, table: ValueTable | None) -> Event:
    found: dict[str, EncodedValue] = {}
    if table is not None:
        found = table.resolve(values_of(response.event), response.values)

    def resolve(value: Value) -> Any:
        source = value.WhichOneof("source")
        if source == "inline":
            return decode(value.inline)
        if source != "ref":
            return None
        return decode(found[value.ref]) if value.ref in found else ValueRef(value.ref)

    return to_event(response.event, resolve)
