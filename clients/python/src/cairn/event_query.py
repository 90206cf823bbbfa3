"""Which events of a thread to follow, and until when."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cairn.events import Event, RunStopped
from cairn.names import value_named
from cairn.v1.run_service_pb2 import StreamEventsRequest, StreamMode

StreamModeName = Literal["values", "updates", "tasks", "checkpoints", "messages", "custom", "debug"]
"""A view of the event log. Starts and stops of runs are in every view."""


@dataclass(frozen=True, kw_only=True)
class EventQuery:
    """What `Thread.events` was asked for."""

    thread_id: str
    modes: Sequence[StreamModeName]
    namespace: str | None
    depth: int | None
    until_now: bool
    until_run_stops: str
    until_stop: bool
    values: bool

    def request(self, after: int) -> StreamEventsRequest:
        """What to ask a stream that goes on after an event."""
        return StreamEventsRequest(
            thread_id=self.thread_id,
            after=after,
            modes=[value_named(StreamMode, "modes", mode) for mode in self.modes],
            namespace=self.namespace,
            depth=self.depth,
            until_now=self.until_now,
            until_run_stops=self.until_run_stops,
            include_values=self.values,
        )

    def is_last(self, event: Event) -> bool:
        """Whether it is the stop that was waited for."""
        if not isinstance(event, RunStopped):
            return False
        return self.until_stop or (self.until_run_stops != "" and event.run_id == self.until_run_stops)
