"""How far a reader has come in a thread's log."""

from cairn.v1.event_pb2 import Event


class EventCursor:
    """Remembers the last event given, and tells those that another stream has brought before."""

    def __init__(self, after: int) -> None:
        self.after = after
        """The number of the last durable event: what to ask a new stream to begin after."""
        self._ephemeral = (0, 0, 0)
        """Of the last ephemeral one: the durable event before it, the epoch, its number within both."""

    def accept(self, event: Event) -> bool:
        """Moves on to an event; False for one that is behind already.

        Only durable events move what is asked for next: nothing that an ephemeral one says can make a durable one be
        missed.
        """
        if not event.HasField("ephemeral"):
            if event.number <= self.after:
                return False
            self.after = event.number
            return True
        position = (event.number, event.ephemeral.epoch, event.ephemeral.sub_number)
        if event.number < self.after or position <= self._ephemeral:
            return False
        self._ephemeral = position
        return True
